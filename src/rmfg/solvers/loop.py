"""The loop around every solver: limits, measuring, the best answer so far. It stands once.

A candidate is measured by the certificate's own functions, not by anything the solver says of
itself: every step at first and while it halves, then at steps that grow by a tenth, so that measuring
costs little.
"""

import time
from typing import Any, NamedTuple

import jax
import numpy as np

from rmfg.answer.certificate import Appraisal, appraise
from rmfg.answer.problem import Candidate, Problem
from rmfg.core.meter import Meter
from rmfg.core.precision import Array, Number
from rmfg.core.status import Status
from rmfg.solvers.base import Solver

EVERY_STEP_UNTIL = 20
GROWTH = 1.1


class Measured(NamedTuple):
    """A candidate with what decides which of two is better, and what its solver knows of it."""

    candidate: Candidate
    merit: float
    residual: float | None
    potential: Array | None


class Outcome(NamedTuple):
    """How the loop ended: the best candidate measured, after how many steps, and why.

    `residuals` are the solver's own of all steps, if it has any; `account` is what it has to say
    of what it did.
    """

    best: Measured
    steps: int
    reason: Status
    residuals: tuple[float, ...]
    account: str


def drive(
    problem: Problem,
    solver: Solver,
    guess: np.ndarray,
    tol: Number,
    max_steps: int,
    max_seconds: float,
    meter: Meter,
) -> Outcome:
    """Step the solver until a candidate measures within `tol`, or a limit is reached.

    The candidate returned is the best one measured: the least of the larger of relative
    exploitability, consistency and nature's relative gap. Solvers that end by themselves (their
    state has a true `finished`) are stopped there.
    """
    begin = time.perf_counter()
    with jax.enable_x64(True):
        state = solver.init(problem, jax.numpy.asarray(guess))
        best = Measured(solver.candidate(problem, state), np.nan, None, None)
        residuals: list[float] = []
        found: Appraisal | None = None
        step, due, last = 0, 0, np.inf
        while True:
            seconds = time.perf_counter() - begin
            residual = solver.residual(state)
            if residual is not None:
                residuals.append(residual)
            ended = _ended(state, step >= max_steps, seconds >= max_seconds)
            worth_it = step == 0 or solver.arriving(state)
            if ended or (step >= due and worth_it):
                candidate = solver.candidate(problem, state)
                found = _measure(problem, candidate, found)
                merit = _merit(found)
                meter.update(step, _numbers(found))
                if merit < best.merit or np.isnan(best.merit):
                    candidate = candidate._replace(kernel=found.nature)
                    best = Measured(candidate, merit, residual, solver.potential(problem, state))
                if merit <= tol:
                    ended = Status.CERTIFIED
                elif np.isnan(merit):
                    ended = Status.NON_FINITE
                quick = step < EVERY_STEP_UNTIL or merit < 0.5 * last
                due, last = step + 1 if quick else int(step * GROWTH), merit
            else:
                meter.update(step, {})
            if ended:
                account = solver.account(state)
                return Outcome(best, step, ended, tuple(residuals), account)
            state = solver.step(problem, state)
            step += 1


def _ended(state: Any, steps_are_up: bool, time_is_up: bool) -> Status | None:
    """Why to stop here whatever is measured, or None."""
    if getattr(state, "finished", False):
        return Status.NOT_CERTIFIED
    if steps_are_up:
        return Status.MAX_STEPS
    return Status.MAX_SECONDS if time_is_up else None


def _measure(problem: Problem, candidate: Candidate, before: Appraisal | None) -> Appraisal:
    if before is None:
        size = problem.game.num_states
        zeros = np.zeros(size)
        return appraise(problem, candidate, zeros, zeros)
    return appraise(problem, candidate, before.optimal_value, before.policy_value)


def _merit(found: Appraisal) -> float:
    """What decides which of two candidates is better. NaN is worse than everything."""
    return float(np.max([float(number) for number in _numbers(found).values()]))


def _numbers(found: Appraisal) -> dict[str, float]:
    return {
        "exploitability": float(found.exploitability / found.scale),
        "consistency": float(found.consistency),
        "nature gap": float(found.nature_gap / found.scale),
    }
