"""Games with more than one equilibrium: many starts, and deflation of what is known."""

import contextlib
import math
from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import checks, inputs
from rmfg.core.deadline import TimeIsUp, now, until
from rmfg.core.meter import Meter, NoMeter, metered, report
from rmfg.core.precision import Array, Number
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame
from rmfg.model.problem import Population, Problem
from rmfg.operators.robust_mdp import NonFiniteError
from rmfg.solvers.corrector import correct
from rmfg.solvers.path import starting_point
from rmfg.solvers.proximal import Proximal, ProximalState
from rmfg.solvers.solve import solve

# Where soft equilibria are told apart: low enough for all to exist, high enough for Newton's method.
TEMPERATURE = 1e-2
CORRECTIONS = 60
POLISH_STEPS = 80


def find_equilibria(
    game: MeanFieldGame,
    ambiguity: Ambiguity | None = None,
    *,
    num_starts: int = 20,
    tol: Number = 1e-9,
    apart: Number = 1e-4,
    population: Population | Array = "worst_case",
    max_seconds: Number | None = None,
    seed: int = 0,
    progress: bool | Meter = False,
) -> tuple[Equilibrium, ...]:
    r"""Look for several equilibria; return those found, all certified and all different.

    The first is that of `solve`. Then, from `num_starts` populations (gathered in one state, or
    drawn at random with `seed`), Newton's method looks for soft equilibria other than the known
    ones, which are deflated, and each start's own response is followed by proximal steps as well.
    Two equilibria are different where their mean fields are `apart` in L1. There may be more than
    were found: a continuum is sampled, not described. `max_seconds` is a limit for each start;
    starts at which the game is not finite are passed over.

    @article{farrell2015, title={Deflation Techniques for Finding Distinct Solutions of Nonlinear
      Partial Differential Equations}, author={Farrell, Patrick E. and Birkisson, {\'A}sgeir and Funke,
      Simon W.}, journal={SIAM Journal on Scientific Computing}, volume={37}, year={2015}}
    """
    problem = Problem(game, ambiguity, population)
    apart = float(checks.positive("apart", apart))
    num_starts = inputs.integer("num_starts", num_starts, 1)
    seed = inputs.integer("seed", seed)
    options = {"tol": tol, "population": population, "max_seconds": max_seconds}
    found: list[Equilibrium] = []

    def keep(answer: Equilibrium) -> None:
        fields = (np.asarray(known.mean_field) for known in found)
        here = np.asarray(answer.mean_field)
        if answer.certificate.certified and all(np.abs(m - here).sum() > apart for m in fields):
            found.append(answer)

    soft: list[np.ndarray] = []
    limit = math.inf if max_seconds is None else float(checks.positive("max_seconds", max_seconds))
    with metered(progress):
        report(0, {"of": num_starts, "found": 0})
        keep(solve(game, problem.ambiguity, **options))
        for number, distribution in enumerate(_starts(problem, num_starts, seed), 1):
            report(number, {"of": num_starts, "found": len(found)})
            states: list[ProximalState] = []
            with (
                jax.enable_x64(True),
                until(now() + limit),
                metered(NoMeter()),
                contextlib.suppress(NonFiniteError, TimeIsUp),
            ):
                states = _beginnings(problem, distribution, soft)
            for state in states:
                method = Proximal(state)
                keep(
                    solve(game, problem.ambiguity, solver=method, max_steps=POLISH_STEPS, **options)
                )
    return tuple(found)


def _starts(problem: Problem, count: int, seed: int) -> Iterator[Float[np.ndarray, " S"]]:
    """Populations to begin with: gathered in one state each, then random."""
    size = problem.game.num_states
    random = np.random.default_rng(seed)
    gathered = random.permutation(size)[: (count + 1) // 2]
    for state in gathered:
        yield np.eye(size)[state]
    for _ in range(count - len(gathered)):
        yield random.dirichlet(np.ones(size))


def _beginnings(
    problem: Problem, distribution: Float[np.ndarray, " S"], soft: list[np.ndarray]
) -> list[ProximalState]:
    """The response to a population, and a soft equilibrium near it that is not known yet."""
    point, smoothing, play = starting_point(problem, distribution, TEMPERATURE)
    states = [ProximalState(point, play, smoothing)]
    other = correct(problem, point, smoothing, 1e-8, CORRECTIONS, known=soft)
    if other is not None:
        soft.append(other.point)
        states.append(ProximalState(other.point, other.slope.play, other.smoothing))
    return states
