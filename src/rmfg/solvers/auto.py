"""Let the library choose the method."""

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.problem import Candidate, Problem
from rmfg.operators.robust_mdp import NonFiniteError
from rmfg.solvers.base import Solver
from rmfg.solvers.blocks import has_blocks_at
from rmfg.solvers.fictitious_play import FictitiousPlay
from rmfg.solvers.newton import LARGEST_SYSTEM, Newton, num_unknowns
from rmfg.solvers.picard import Picard

TRIAL_STEPS = 5
REQUIRED_SHRINKAGE = 0.8
# Rounds of fictitious play before Newton's method: of games too large to begin with it, and of those
# in which it gave up, where the rounds double each time.
ROUNDS_OF_LARGE, ROUNDS_AFTER_FAILURE = 1000, 100

PATH_END_OF_LARGE = 1e-3
IN_TURNS = "FictitiousPlay and Newton in turns"


class AutoState(eqx.Module):
    """The state of the method in use, how the trial of the first one goes, and what was chosen.

    `guess` is where all began, and where Newton's path begins unless `walked` says that it was
    tried; `played` is fictitious play where it was left, and `rounds` how many it plays at a time.
    """

    inner: Any
    method: Solver
    steps: int
    residual: float
    account: str
    guess: Float[Array, "..."]
    rounds: int = ROUNDS_AFTER_FAILURE
    played: Any = None
    walked: bool = False


class Auto(Solver):
    """Try Picard iteration; where it does not contract, take Newton's method, or play fictitiously.

    Picard iteration with damping 0.5 converges geometrically on games that contract or do not
    interact, and is seen to fail at once on the others: where its residual has not shrunk by a
    fifth within five steps, Newton's method takes over. Games of more than `LARGEST_SYSTEM` unknowns
    whose slope has no sparse factors (see `rmfg.solvers.blocks`) are played fictitiously first, which
    is cheap and good to a few digits; what is not solved by then goes to Newton's method too. Where
    Newton's method gives up, fictitious play and Newton's proximal steps from where it got take turns,
    with ever more rounds. The answer is the best one that any of them found, and says which of them
    were used and why.
    """

    def init(self, problem: Problem, guess: Float[Array, "..."]) -> AutoState:
        method = Picard()
        inner = method.init(problem, guess)
        return AutoState(inner, method, 0, float(inner.residual()), "Picard iteration", guess)

    def step(self, problem: Problem, state: AutoState) -> AutoState:
        if state.method.finished(state.inner):
            return self._play(problem, state, "which gave up")
        try:
            inner, steps = state.method.step(problem, state.inner), state.steps + 1
        except NonFiniteError:
            return self._replace_stuck(problem, state)
        state = replace(state, inner=inner, steps=steps)
        if isinstance(state.method, FictitiousPlay) and steps == state.rounds:
            return self._solve(problem, state, f"which is not exact after {steps} rounds")
        if isinstance(state.method, Picard) and steps % TRIAL_STEPS == 0:
            now = float(state.inner.residual())
            if not now <= REQUIRED_SHRINKAGE * state.residual:
                why = f"which did not contract in {TRIAL_STEPS} steps"
                return self._replace_trial(problem, state, why)
            state = replace(state, residual=now)
        return state

    def candidate(self, problem: Problem, state: AutoState) -> Candidate:
        return state.method.candidate(problem, state.inner)

    def arriving(self, state: AutoState) -> bool:
        return state.method.arriving(state.inner)

    def potential(self, problem: Problem, state: AutoState) -> Float[np.ndarray, " S"] | None:
        return state.method.potential(problem, state.inner)

    def account(self, state: AutoState) -> str:
        return state.account

    def _replace_stuck(self, problem: Problem, state: AutoState) -> AutoState:
        """Another method, where the one in use finds no finite step; raises where all have failed."""
        why = "which met mean fields where the game is not finite"
        if isinstance(state.method, Picard):
            return self._replace_trial(problem, state, why)
        if isinstance(state.method, Newton):
            return self._play(problem, state, why)
        if state.walked:
            raise NonFiniteError("no method found a finite step")
        return self._solve(problem, state, why)

    def _replace_trial(self, problem: Problem, state: AutoState, why: str) -> AutoState:
        unknowns = num_unknowns(problem)
        if unknowns <= LARGEST_SYSTEM or has_blocks_at(problem, state.guess):
            return self._solve(problem, state, why)
        why += f", as {unknowns} unknowns are many for Newton's method"
        return self._play(problem, state, why, ROUNDS_OF_LARGE)

    def _solve(self, problem: Problem, state: AutoState, why: str) -> AutoState:
        """Newton's method: its path once, then its proximal steps from what was played."""
        large = num_unknowns(problem) > LARGEST_SYSTEM
        method = Newton(PATH_END_OF_LARGE) if large else Newton()
        if state.walked:
            played = state.inner
            candidate, rounds = state.method.candidate(problem, played), 2 * state.rounds
            try:
                inner = method.from_candidate(problem, candidate, played.response.value)
            except NonFiniteError:
                return self._play(problem, replace(state, played=played), why, rounds)
            return replace(state, inner=inner, method=method, steps=0, played=played, rounds=rounds)
        inner = method.init(problem, jnp.asarray(state.guess))
        played = state.inner if isinstance(state.method, FictitiousPlay) else None
        account = f"{state.account}, {why}; then Newton"
        return AutoState(inner, method, 0, 0.0, account, state.guess, played=played, walked=True)

    def _play(
        self, problem: Problem, state: AutoState, why: str, rounds: int | None = None
    ) -> AutoState:
        """Fictitious play, from where it was left."""
        method, inner, account = FictitiousPlay(), state.played, state.account
        if inner is None:
            inner = method.init(problem, jnp.asarray(state.guess))
        if not state.walked:
            account += f", {why}; then FictitiousPlay"
        elif not account.endswith(IN_TURNS):
            account += f", {why}; then {IN_TURNS}"
        rounds = state.rounds if rounds is None else rounds
        return replace(state, inner=inner, method=method, steps=0, account=account, rounds=rounds)
