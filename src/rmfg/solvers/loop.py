"""The loop around every solver: limits, measuring, the best answer so far. It stands once.

A candidate is measured by the certificate's own functions, not by anything the solver says of
itself: every step at first and while it halves, then at steps that grow by a tenth, so that measuring
costs little.
"""

import time
from typing import Any, NamedTuple

import jax
import numpy as np

from rmfg.answer.appraisal import (
    Appraisal,
    appraise,
    measure_drift,
    measure_infeasibility,
    settled,
)
from rmfg.answer.problem import Candidate, Problem
from rmfg.core.meter import Meter
from rmfg.core.precision import Array
from rmfg.core.status import Status
from rmfg.solvers.base import Solver

EVERY_STEP_UNTIL = 20
GROWTH = 1.1


class Goal(NamedTuple):
    """What is asked for: `tol` of relative numbers, and `atol`, if given, in the unit of values."""

    tol: float
    atol: float | None = None

    def shares(self, found: Appraisal) -> dict[str, float]:
        """What was measured, in units in which `tol` is asked of everything."""
        unit = found.scale if self.atol is None else self.atol / self.tol
        return {
            "exploitability": found.exploitability / unit,
            "nature gap": found.nature_gap / unit,
            "consistency": found.consistency,
            "imbalance": found.flow_imbalance,
        }


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
    goal: Goal,
    max_steps: int,
    max_seconds: float,
    meter: Meter,
) -> Outcome:
    """Step the solver until a candidate measures within the goal, or a limit is reached.

    The candidate returned is the best one measured: the least of the largest of relative
    exploitability, consistency, imbalance and nature's relative gap. Where only the law falls short,
    the one to which the candidate leads in the long run is tried in its place. Solvers that end by
    themselves (their state has a true `finished`) are stopped there.
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
                found, merit = _judged(problem, found, goal)
                meter.update(step, goal.shares(found))
                if merit < best.merit or np.isnan(best.merit):
                    candidate = found.candidate._replace(kernel=found.nature)
                    best = Measured(candidate, merit, residual, solver.potential(problem, state))
                if merit <= goal.tol:
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


def _judged(problem: Problem, found: Appraisal, goal: Goal) -> tuple[Appraisal, float]:
    """What was measured and what decides which of two candidates is better: the least.

    NaN is worse than everything. What costs more than the rest is looked at where the rest is well.
    """
    shares = goal.shares(found)
    gains = max(shares["exploitability"], shares["nature gap"])
    merit = _thorough(problem, found, goal)
    if not gains <= goal.tol < merit:
        return found, merit
    after = _measure(problem, settled(found), found)
    further = _thorough(problem, after, goal)
    return (after, further) if further < merit else (found, merit)


def _thorough(problem: Problem, found: Appraisal, goal: Goal) -> float:
    merit = float(np.max(list(goal.shares(found).values())))
    if merit <= goal.tol:
        # The largest, so that NaN stays.
        merit = float(np.max([merit, measure_drift(found), measure_infeasibility(problem, found)]))
    return merit
