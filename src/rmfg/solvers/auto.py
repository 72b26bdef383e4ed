"""Let the library choose the method."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Float

from rmfg.answer.problem import Candidate, Problem
from rmfg.core.precision import Array
from rmfg.solvers.base import Solver
from rmfg.solvers.fictitious_play import FictitiousPlay
from rmfg.solvers.picard import Picard

TRIAL_STEPS = 5
REQUIRED_SHRINKAGE = 0.8


class AutoState(eqx.Module):
    """The chosen method's state, and how the trial of the first one goes."""

    inner: Any
    method: Solver
    steps: int
    residual: float


class Auto(Solver):
    """Try Picard iteration; where it does not contract, play fictitiously.

    Picard iteration with damping 0.5 converges geometrically on games that contract or do not
    interact, and is seen to fail at once on the others: as soon as its residual has not shrunk by a
    fifth within five steps, fictitious play takes over from where it stands.
    """

    def init(self, problem: Problem, guess: Float[Array, "..."]) -> AutoState:
        method = Picard()
        inner = method.init(problem, guess)
        return AutoState(inner, method, 0, float(inner.residual()))

    def step(self, problem: Problem, state: AutoState) -> AutoState:
        inner = state.method.step(problem, state.inner)
        steps, residual = state.steps + 1, state.residual
        if isinstance(state.method, Picard) and steps % TRIAL_STEPS == 0:
            now = float(inner.residual())
            if not now <= REQUIRED_SHRINKAGE * residual:
                method = FictitiousPlay()
                return AutoState(method.init(problem, jnp.asarray(inner.guess)), method, steps, now)
            residual = now
        return AutoState(inner, state.method, steps, residual)

    def candidate(self, problem: Problem, state: AutoState) -> Candidate:
        return state.method.candidate(problem, state.inner)
