"""The loop around every solver: limits, measuring, the best answer so far. It stands once.

A candidate is measured by the certificate's own functions, not by anything the solver says of
itself: every step at first and while it halves, then at steps that grow by a tenth, so that measuring
costs little.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

from rmfg.answer.appraisal import (
    Appraisal,
    appraise,
    measure_infeasibility,
)
from rmfg.core.deadline import TimeIsUp, check_time, from_here, now, until
from rmfg.core.meter import Meter
from rmfg.core.precision import Array
from rmfg.core.status import Status
from rmfg.model.game import uniform_policy
from rmfg.model.problem import Candidate, Problem
from rmfg.operators.robust_mdp import NonFiniteError
from rmfg.solvers.base import Solver

EVERY_STEP_UNTIL = 20
GROWTH = 1.1
# Candidates in a row that cannot be measured before the search is given up.
PATIENCE = 20
# What measuring the last state may take, as a share of the limit.
SHARE_AFTER = 0.03
# What steps of a solver may end with, where the game itself is at fault: a law that is none, a
# singular system, memory.
FAILURES = (ValueError, ArithmeticError, RuntimeError, MemoryError)


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
    of what it did, and `found` what was measured of the best candidate.
    """

    best: Measured
    steps: int
    reason: Status
    residuals: tuple[float, ...]
    account: str
    found: Appraisal | None


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
    themselves (`finished`) are stopped there.

    The time limit holds inside of steps too. What goes wrong once there is an answer ends the loop
    and loses nothing; before that it is wrong input, and raised.
    """
    step, reason, trouble = 0, None, ""
    with jax.enable_x64(True), until(now() + max_seconds):
        try:
            state = solver.init(problem, jax.numpy.asarray(guess))
        except TimeIsUp:
            return _nothing(problem, guess)
        watch = _Watch(problem, solver, goal, meter, max_steps, state)
        while reason is None:
            try:
                reason = watch.look(state, step)
                if reason is None:
                    state = solver.step(problem, state)
                    step += 1
            except TimeIsUp:
                reason = Status.MAX_SECONDS
            except NonFiniteError:
                reason = Status.NON_FINITE
            except FAILURES as error:
                if step == 0 and np.isnan(watch.best.merit):
                    raise
                reason, trouble = Status.FAILED, f"; then {type(error).__name__}: {error}"
        if reason == Status.MAX_SECONDS and watch.seen < step:
            with from_here(SHARE_AFTER * max_seconds):
                if watch.measure(state, step) <= goal.tol:
                    reason = Status.CERTIFIED
    # Numbers that are not finite are the reason, however the search ended.
    if np.isnan(watch.best.merit) and reason != Status.FAILED:
        reason = Status.NON_FINITE
    account = solver.account(state) + trouble
    return Outcome(watch.best, step, reason, tuple(watch.residuals), account, watch.before)


def _nothing(problem: Problem, guess: np.ndarray) -> Outcome:
    """What there is when time is up before the first step: the guess, and actions at random."""
    distribution = guess if guess.ndim == 1 else guess.sum(axis=1)
    start = Measured(Candidate(uniform_policy(problem.game), distribution), np.inf, None, None)
    return Outcome(start, 0, Status.MAX_SECONDS, (), "", None)


class _Watch:
    """Looks at states: measures them when it is due, and keeps the best."""

    def __init__(
        self,
        problem: Problem,
        solver: Solver,
        goal: Goal,
        meter: Meter,
        max_steps: int,
        state: Any,
    ):
        self.problem, self.solver, self.goal, self.meter = problem, solver, goal, meter
        self.max_steps = max_steps
        self.best = Measured(solver.candidate(problem, state), np.nan, None, None)
        self.residuals: list[float] = []
        self.before: Appraisal | None = None
        self.due, self.last, self.seen, self.unmeasurable = 0, np.inf, -1, 0

    def look(self, state: Any, step: int) -> Status | None:
        """Take note of a state; return why to end here, or None. Raises TimeIsUp."""
        check_time()
        residual = self.solver.residual(state)
        if residual is not None:
            self.residuals.append(residual)
        ended = self._ended(state, step >= self.max_steps)
        if ended or (step >= self.due and (step == 0 or self.solver.arriving(state))):
            merit = self.measure(state, step)
            if merit <= self.goal.tol:
                ended = Status.CERTIFIED
            elif self.unmeasurable >= PATIENCE:
                ended = Status.NON_FINITE
            quick = step < EVERY_STEP_UNTIL or merit < 0.5 * self.last
            self.due, self.last = step + 1 if quick else int(step * GROWTH), merit
        else:
            self.meter.update(step, {})
        return ended

    def _ended(self, state: Any, steps_are_up: bool) -> Status | None:
        """Why to stop here whatever is measured, or None."""
        if self.solver.finished(state):
            return Status.NOT_CERTIFIED
        return Status.MAX_STEPS if steps_are_up else None

    def measure(self, state: Any, step: int) -> float:
        """Measure a state's candidate and keep it if it is the best one."""
        self.seen = step
        candidate = self.solver.candidate(self.problem, state)
        found = _measure(self.problem, candidate, self.before)
        found, merit = _judged(self.problem, found, self.goal)
        self.meter.update(step, self.goal.shares(found))
        if merit < self.best.merit or np.isnan(self.best.merit):
            candidate = found.candidate._replace(kernel=found.nature)
            known = self.solver.potential(self.problem, state)
            residual = self.solver.residual(state)
            self.best, self.before = Measured(candidate, merit, residual, known), found
        self.unmeasurable = self.unmeasurable + 1 if np.isnan(merit) else 0
        return merit


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
    after = _measure(problem, found.settled, found)
    further = _thorough(problem, after, goal)
    return (after, further) if further < merit else (found, merit)


def _thorough(problem: Problem, found: Appraisal, goal: Goal) -> float:
    merit = float(np.max(list(goal.shares(found).values())))
    if merit <= goal.tol:
        # The largest, so that NaN stays.
        merit = float(np.max([merit, found.drift, measure_infeasibility(problem, found)]))
    return merit
