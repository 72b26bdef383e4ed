"""Anderson acceleration of a solver that repeats one map of the mean field."""

import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, boundary
from rmfg.model.problem import Candidate, Problem
from rmfg.operators.robust_mdp import NonFiniteError
from rmfg.solvers.base import Solver
from rmfg.solvers.picard import Picard


class AndersonState(eqx.Module):
    """The wrapped solver's state, and the guesses and images of the states before it."""

    inner: Any
    guesses: tuple[Float[Array, "..."], ...]
    images: tuple[Float[Array, "..."], ...]


class Anderson(Solver):
    r"""Combine the last images of a fixed-point iteration so that their residuals cancel.

    From guesses m_j with images g_j and residuals f_j = g_j - m_j, and with df, dg the differences
    of successive ones, the next guess is

        g_k - sum_j w_j dg_j,   w the minimizer of |f_k - sum_j w_j df_j|^2 + regularization |w|^2

    (over df_j of unit length), projected to the laws. Where its residual is not smaller than the
    last one, the wrapped solver makes its own step instead, and the memory begins anew.

    `solver` may be any whose state has a mean field `guess` and its `image` and whose step goes
    to a mean of the two: `rmfg.Picard`, which is the default, and solvers of your own. Fictitious
    play, mirror descent and policy iteration repeat no map of the mean field alone: TypeError.
    Near a solution where the map is smooth, as at a temperature, it needs a fraction of the steps,
    and does not need the map to contract. Where the map jumps it costs up to two evaluations a step
    for one step of the wrapped solver.

    @article{walker2011, title={Anderson Acceleration for Fixed-Point Iterations}, author={Walker,
      Homer F. and Ni, Peng}, journal={SIAM Journal on Numerical Analysis}, volume={49}, year={2011}}
    """

    solver: Solver
    memory: int
    regularization: Float[Array, ""]

    def __init__(
        self, solver: Solver | None = None, memory: Number = 5, *, regularization: Number = 1e-12
    ):
        solver = Picard() if solver is None else solver
        inputs.instance("solver", solver, Solver, "a solver object such as rmfg.Picard()")
        self.solver, self.memory = solver, inputs.integer("memory", memory, 1)
        self.regularization = checks.positive("regularization", regularization)

    @boundary
    def init(self, problem: Problem, guess: Float[Array, "..."]) -> AndersonState:
        inner = self.solver.init(problem, guess)
        names = {field.name for field in dataclasses.fields(inner)}
        if not {"guess", "image"} <= names:
            raise TypeError(
                f"`solver` must repeat one map of the mean field, as rmfg.Picard does, with `guess` "
                f"and `image` in its state; {self.solver} has {', '.join(sorted(names))}."
            )
        return AndersonState(inner, (), ())

    @boundary
    def step(self, problem: Problem, state: AndersonState) -> AndersonState:
        inner = state.inner
        guesses = (*state.guesses, np.asarray(inner.guess))[-self.memory - 1 :]
        images = (*state.images, np.asarray(inner.image))[-self.memory - 1 :]
        if len(guesses) > 1 and np.isfinite(_gap(inner)):
            point = jnp.asarray(_combined(guesses, images, float(self.regularization)))
            # From a state whose point is its own image every mean of the two is that point.
            there = eqx.tree_at(lambda found: (found.guess, found.image), inner, (point, point))
            try:
                trial = self.solver.step(problem, there)
            except NonFiniteError:  # the combination left the finite part of the game
                trial = None
            if trial is not None and _gap(trial) < _gap(inner):
                return AndersonState(trial, guesses, images)
            guesses, images = guesses[-1:], images[-1:]
        return AndersonState(self.solver.step(problem, inner), guesses, images)

    @boundary
    def candidate(self, problem: Problem, state: AndersonState) -> Candidate:
        return self.solver.candidate(problem, state.inner)

    def residual(self, state: AndersonState) -> float:
        """The L1 distance between guess and image of the wrapped solver's state."""
        return _gap(state.inner)


def _gap(state: Any) -> float:
    return float(np.sum(np.abs(np.asarray(state.image) - np.asarray(state.guess))))


def _combined(
    guesses: tuple[Array, ...], images: tuple[Array, ...], regularization: float
) -> Float[np.ndarray, "..."]:
    """The combination of the images whose residuals cancel best, as a law."""
    points, ends = (np.stack([np.ravel(x) for x in found], 1) for found in (guesses, images))
    residual = (ends - points)[:, -1]
    steps, moves = np.diff(ends - points, axis=1), np.diff(ends, axis=1)
    lengths = np.linalg.norm(steps, axis=0)
    lengths = np.where(lengths > 0, lengths, 1)
    damped = np.sqrt(regularization) * np.eye(lengths.size)
    weights, *_ = np.linalg.lstsq(
        np.vstack([steps / lengths, damped]), np.append(residual, np.zeros(lengths.size))
    )
    return _nearest_law(ends[:, -1] - moves @ (weights / lengths)).reshape(images[-1].shape)


def _nearest_law(point: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The law at the least Euclidean distance: what all entries lose alike, and none below zero."""
    ordered = np.sort(point)[::-1]
    excess = (np.cumsum(ordered) - 1) / np.arange(1, point.size + 1)
    return np.maximum(point - excess[np.flatnonzero(ordered > excess)[-1]], 0)
