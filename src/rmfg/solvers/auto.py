"""Let the library choose the method."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.answer.problem import Candidate, Problem
from rmfg.core.precision import Array
from rmfg.solvers.base import Solver
from rmfg.solvers.fictitious_play import FictitiousPlay
from rmfg.solvers.newton import LARGEST_SYSTEM, Newton, NewtonState, num_unknowns
from rmfg.solvers.picard import Picard

TRIAL_STEPS = 5
PLAYED_STEPS = 1000
REQUIRED_SHRINKAGE = 0.8


class AutoState(eqx.Module):
    """The state of the method in use, how the trial of the first one goes, and what was chosen.

    `guess` is where all began, and Newton's method begins again; `exact` says that it has had its turn.
    """

    inner: Any
    method: Solver
    steps: int
    residual: float
    account: str
    guess: Float[Array, "..."]
    exact: bool = False


class Auto(Solver):
    """Try Picard iteration; where it does not contract, take Newton's method, or play fictitiously.

    Picard iteration with damping 0.5 converges geometrically on games that contract or do not
    interact, and is seen to fail at once on the others: where its residual has not shrunk by a
    fifth within five steps, Newton's method takes over. Games of more than `LARGEST_SYSTEM` unknowns
    are played fictitiously first, which is cheap and good to a few digits; what is not solved by then
    goes to Newton's method too. Where Newton's method gives up, fictitious play continues. The
    answer is the best one that any of them found, and says which of them were used and why.
    """

    def init(self, problem: Problem, guess: Float[Array, "..."]) -> AutoState:
        method = Picard()
        inner = method.init(problem, guess)
        return AutoState(inner, method, 0, float(inner.residual()), "Picard iteration", guess)

    def step(self, problem: Problem, state: AutoState) -> AutoState:
        inner, method, account = state.inner, state.method, state.account
        if isinstance(inner, NewtonState) and inner.finished:
            return self._change(problem, state, FictitiousPlay(), "which gave up")
        inner = method.step(problem, inner)
        steps, residual = state.steps + 1, state.residual
        if isinstance(method, FictitiousPlay) and steps == PLAYED_STEPS and not state.exact:
            played = AutoState(inner, method, steps, residual, account, state.guess, state.exact)
            return self._change(problem, played, Newton(), f"which is not exact at step {steps}")
        if isinstance(method, Picard) and steps % TRIAL_STEPS == 0:
            now = float(inner.residual())
            if not now <= REQUIRED_SHRINKAGE * residual:
                state = AutoState(inner, method, steps, now, account, state.guess)
                why = f"which did not contract in {TRIAL_STEPS} steps"
                unknowns = num_unknowns(problem)
                if unknowns <= LARGEST_SYSTEM:
                    return self._change(problem, state, Newton(), why)
                why += f", as {unknowns} unknowns are many for Newton's method"
                return self._change(problem, state, FictitiousPlay(), why)
            residual = now
        return AutoState(inner, method, steps, residual, account, state.guess, state.exact)

    def candidate(self, problem: Problem, state: AutoState) -> Candidate:
        return state.method.candidate(problem, state.inner)

    def arriving(self, state: AutoState) -> bool:
        return state.method.arriving(state.inner)

    def potential(self, problem: Problem, state: AutoState) -> Float[np.ndarray, " S"] | None:
        return state.method.potential(problem, state.inner)

    def account(self, state: AutoState) -> str:
        return state.account

    def _change(self, problem: Problem, state: AutoState, method: Solver, why: str) -> AutoState:
        guess = jnp.asarray(state.guess)
        if not isinstance(method, Newton):
            candidate = state.method.candidate(problem, state.inner)
            law, policy = jnp.asarray(candidate.distribution), jnp.asarray(candidate.policy)
            guess = problem.game.mean_field_of(law, policy)
        inner = method.init(problem, guess)
        account = f"{state.account}, {why}; then {type(method).__name__}"
        exact = state.exact or isinstance(method, Newton)
        return AutoState(inner, method, state.steps, state.residual, account, state.guess, exact)
