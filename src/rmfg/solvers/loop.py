"""The loop around every solver: limits, measuring, the best answer so far. It stands once.

A candidate is measured by the certificate's own functions, not by anything the solver says of
itself: at first every step, then at steps that grow by a tenth, so that measuring costs little and
depends on nothing but the step number.
"""

import time
from typing import Any, NamedTuple

import jax
import numpy as np

from rmfg.answer.certificate import Appraisal, appraise
from rmfg.answer.problem import Candidate, Problem
from rmfg.core.meter import Meter
from rmfg.core.status import Status
from rmfg.solvers.base import Solver

EVERY_STEP_UNTIL = 20
GROWTH = 1.1


class Outcome(NamedTuple):
    """How the loop ended: the best candidate measured, after how much work, and why it stopped."""

    candidate: Candidate
    merit: float
    steps: int
    seconds: float
    reason: Status


def drive(
    problem: Problem,
    solver: Solver,
    guess: np.ndarray,
    tol: float,
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
        best: tuple[float, Candidate] | None = None
        found: Appraisal | None = None
        step = due = 0
        while True:
            seconds = time.perf_counter() - begin
            last = step >= max_steps or seconds >= max_seconds or _finished(state)
            if step >= due or last:
                candidate = solver.candidate(problem, state)
                found = _measure(problem, candidate, found)
                merit = _merit(found)
                meter.update(step, _numbers(found))
                if best is None or merit < best[0] or np.isnan(best[0]):
                    best = merit, candidate._replace(kernel=found.nature)
                if merit <= tol:
                    return Outcome(best[1], merit, step, seconds, Status.CERTIFIED)
                due = step + 1 if step < EVERY_STEP_UNTIL else int(step * GROWTH)
                if np.isnan(merit):
                    return Outcome(best[1], best[0], step, seconds, Status.NON_FINITE)
            if last:
                reason = Status.MAX_STEPS if step >= max_steps else Status.MAX_SECONDS
                reason = Status.NOT_CERTIFIED if _finished(state) else reason
                return Outcome(best[1], best[0], step, seconds, reason)
            state = solver.step(problem, state)
            step += 1


def _measure(problem: Problem, candidate: Candidate, before: Appraisal | None) -> Appraisal:
    if before is None:
        size = problem.game.num_states
        zeros = jax.numpy.zeros(size)
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


def _finished(state: Any) -> bool:
    return bool(getattr(state, "finished", False))
