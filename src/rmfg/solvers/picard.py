"""Damped Picard iteration on the mean field."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, boundary
from rmfg.model.problem import Candidate, Problem
from rmfg.rates.contraction import Contraction, contraction_of
from rmfg.solvers.base import (
    Response,
    Solver,
    checked_temperature,
    distribution_of,
    long_run,
    nearest_finite,
    respond,
)

# Estimates on an answer cost two soft responses a sample, and must not cost more than a short run.
SAMPLES = 8


class PicardState(eqx.Module):
    """What agents believe about the population, and what it does when they believe it."""

    guess: Float[Array, "..."]
    image: Float[Array, "..."]
    response: Response

    def residual(self) -> float:
        """The L1 distance between belief and outcome; damping cannot touch it."""
        return float(np.sum(np.abs(np.asarray(self.image) - np.asarray(self.guess))))


class Picard(Solver):
    r"""Iterate m <- (1 - damping) m + damping * Phi(m).

    Phi(m) is the law that the population reaches when all agents play the best response at m
    (softmax with `temperature`, if given) and nature answers: its stationary law, or, with
    `long_run=False`, its law one step later.

    Converges geometrically where Phi is a contraction, which a temperature can enforce, at the price
    of a bias of at most temperature * log A / (1 - discount): the answer's `guarantee` says by which
    factor, and what of it is proved (`rmfg.contraction`). Without temperature Phi jumps, and where
    the equilibrium mixes actions the iteration cycles.

    @article{saldi2018, title={Markov--Nash Equilibria in Mean-Field Games with Discounted Cost},
      author={Saldi, Naci and Ba{\c{s}}ar, Tamer and Raginsky, Maxim},
      journal={SIAM Journal on Control and Optimization}, volume={56}, year={2018}}
    """

    damping: Float[Array, ""]
    temperature: Float[Array, ""] | None
    long_run: bool

    def __init__(
        self, damping: Number = 0.5, temperature: Number | None = None, *, long_run: bool = True
    ):
        self.damping = checks.share("damping", damping)
        self.temperature = None if temperature is None else checked_temperature(temperature)
        self.long_run = inputs.flag("long_run", long_run)

    @boundary
    def init(self, problem: Problem, guess: Float[Array, "..."]) -> PicardState:
        return self._at(problem, jnp.asarray(guess), jnp.zeros(problem.game.num_states))

    @boundary
    def step(self, problem: Problem, state: PicardState) -> PicardState:
        old, image = np.asarray(state.guess), np.asarray(state.image)
        start = jnp.asarray(state.response.value)

        def damped(share: float) -> PicardState:
            part = share * self.damping
            return self._at(problem, jnp.asarray((1 - part) * old + part * image), start)

        return nearest_finite(damped)

    @boundary
    def candidate(self, problem: Problem, state: PicardState) -> Candidate:
        return Candidate(state.response.policy, distribution_of(jnp.asarray(state.guess)))

    def residual(self, state: PicardState) -> float:
        return state.residual()

    @boundary
    def guarantee(self, problem: Problem, candidate: Candidate) -> Contraction | None:
        if self.temperature is None:
            return None
        near = problem.game.mean_field_of(candidate.distribution, candidate.policy)
        heat, share = float(self.temperature), float(self.damping)
        return contraction_of(problem, heat, share, self.long_run, SAMPLES, near=near)

    def _at(self, problem: Problem, guess: Array, start: Array) -> PicardState:
        response = respond(problem, guess, start, self.temperature)
        distribution = distribution_of(guess)
        if self.long_run:
            distribution = long_run(response, distribution)
        else:
            distribution = response.mover.push(distribution[:, None] * response.policy)
        return PicardState(
            guess, problem.game.mean_field_of(distribution, response.policy), response
        )
