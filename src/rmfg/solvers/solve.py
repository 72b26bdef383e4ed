"""The front door: solve a game, and certify the answer."""

import math
import time
from typing import Any

import jax
import numpy as np

from rmfg.answer.certificate import certificate_of
from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import checks, inputs
from rmfg.core.deadline import TimeIsUp, from_here
from rmfg.core.meter import Meter, NoMeter, metered
from rmfg.core.precision import Array, Number, to_numpy
from rmfg.core.status import Status
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame, check_game, check_sizes
from rmfg.model.kernel import Kernel, SparseKernel
from rmfg.model.problem import Candidate, Population, Problem
from rmfg.operators.response import SMALLEST_TOLERANCE
from rmfg.rates.contraction import Contraction
from rmfg.solvers.auto import Auto
from rmfg.solvers.base import Solver, first_guess
from rmfg.solvers.leveled import leveled
from rmfg.solvers.loop import SHARE_AFTER, Goal, Outcome, drive

DEFAULT_MAX_STEPS = 2000


class NotCertifiedError(RuntimeError):
    """Raised by `solve(..., throw=True)` where the answer could not be certified.

    `equilibrium` is the best answer seen.
    """

    def __init__(self, equilibrium: Equilibrium):
        status = equilibrium.status
        super().__init__(f"{status}: {status.advice}\n{equilibrium}")
        self.equilibrium = equilibrium


def solve(
    game: MeanFieldGame,
    ambiguity: Ambiguity | None = None,
    *,
    solver: Solver | None = None,
    tol: Number = 1e-8,
    atol: Number | None = None,
    population: Population | Array = "worst_case",
    initial: Any = None,
    max_steps: int | None = None,
    max_seconds: Number | None = None,
    progress: bool | Meter = False,
    throw: bool = False,
    seed: int = 0,
) -> Equilibrium:
    """Find a stationary robust mean-field equilibrium and certify it.

    `ambiguity` defaults to `Nominal()`. `tol` is relative: the answer's status is "certified" only
    if exploitability and nature's gap are at most `tol` times the range of the answer's own values
    (`certificate.scale`), and what has no unit, such as the consistency of the law and the
    infeasibility of nature's kernel, at most `tol`, all measured by code that does not know the
    solver. With `atol`, exploitability and nature's gap are to be at most `atol`, in the unit of
    the values, instead. `population` says what moves the population: nature's
    "worst_case", the "nominal" kernel, or a kernel. `initial` is a first guess of the mean field,
    or an earlier answer. Otherwise the best answer seen is returned with a status that says why;
    with `throw=True` that is an error. `seed` matters to solvers that draw random numbers.
    Raises ValueError or TypeError for wrong input, before any work is done.
    """
    begin = time.perf_counter()
    problem = Problem(game, ambiguity, population)
    check_sizes(game)
    goal = Goal(
        checks.tolerance(tol, SMALLEST_TOLERANCE),
        None if atol is None else float(checks.positive("atol", atol)),
    )
    solver = Auto() if solver is None else solver
    inputs.instance("solver", solver, Solver, "a solver object such as rmfg.FictitiousPlay()")
    inputs.integer("seed", seed)
    inputs.flag("throw", throw)
    steps = DEFAULT_MAX_STEPS if max_steps is None else inputs.integer("max_steps", max_steps, 1)
    limit = math.inf if max_seconds is None else float(checks.positive("max_seconds", max_seconds))
    guess = first_guess(problem, initial)
    check_game(game, guess)
    problem.ambiguity.check(game.kernel(guess))
    left = limit - (time.perf_counter() - begin)
    plain = leveled(problem, guess)
    # Steps are what is reported, not what goes on inside of them.
    with metered(progress) as meter, metered(NoMeter()):
        outcome = drive(plain, solver, guess, goal, steps, left, meter)
    candidate = to_numpy(outcome.best.candidate)
    late = outcome.reason == Status.MAX_SECONDS
    with jax.enable_x64(True), from_here(SHARE_AFTER * limit if late else math.inf):
        # Values that are cut short are bounds all the same.
        near = outcome.found if plain is problem else None
        certificate, found = certificate_of(problem, candidate, *goal, near=near)
        guarantee = _guarantee(problem, solver, candidate, outcome)
    # The certificate outranks the loop: it can lower a status, never raise one.
    status = outcome.reason
    if status == Status.CERTIFIED and not certificate.certified:
        status = Status.NOT_CERTIFIED
    equilibrium = Equilibrium(
        policy=np.asarray(candidate.policy),
        distribution=np.asarray(candidate.distribution),
        value=np.asarray(found.policy_value),
        kernel=_like(found.nominal, to_numpy(found.nature)),
        certificate=certificate,
        status=status,
        game=game,
        ambiguity=problem.ambiguity,
        population=problem.population,
        solver=": ".join(part for part in (str(solver), outcome.account) if part),
        steps=outcome.steps,
        seconds=time.perf_counter() - begin,
        guarantee=guarantee,
        potential=outcome.best.potential,
    )
    if throw and status != Status.CERTIFIED:
        raise NotCertifiedError(equilibrium)
    return equilibrium


def _guarantee(
    problem: Problem, solver: Solver, candidate: Candidate, outcome: Outcome
) -> Contraction | None:
    """What is known of the solver's convergence, beside what it did."""
    try:
        known = solver.guarantee(problem, candidate)
    except (TimeIsUp, ValueError, ArithmeticError):  # as where the game is no game at a law
        return None
    if known is None or outcome.best.residual is None:
        return known
    return known.with_run(outcome.residuals, outcome.best.residual)


def _like(nominal: Kernel, kernel: Kernel) -> Kernel:
    """The kernel in the nominal one's kind."""
    if isinstance(nominal, SparseKernel):
        return kernel.to_sparse()
    return kernel
