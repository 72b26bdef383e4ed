"""An equilibrium among finitely many agents, for many N: what happens, what one gains, and the bounds.

All numbers are exact or come with 95% intervals.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.core.horizon import steps_to_forget
from rmfg.core.meter import Meter, metered
from rmfg.core.precision import Array, Number
from rmfg.model.ambiguity import catalog
from rmfg.model.game import MeanFieldGame
from rmfg.model.kernel import Kernel
from rmfg.population.bound import FiniteBound, bound_of, judged
from rmfg.population.engines import cheapest
from rmfg.population.finite_gap import METHODS, gap_of
from rmfg.population.setting import NATURES, Setting, checked_nature, setting
from rmfg.population.simulator import check_recorded
from rmfg.population.statistics import CONFIDENCE, ConfidenceInterval, confidence_interval
from rmfg.population.trajectories import trajectories
from rmfg.study.power_law import slope

if TYPE_CHECKING:
    import xarray

# Simulations end where discounting leaves this share of the first step's weight, or earlier.
CUT_OFF = 1e-3
MOST_STEPS = 1000
# How many numbers one simulation may record; more runs are simulated one batch after another.
RECORDED = 50_000_000


class Plan(NamedTuple):
    """What is asked for, checked.

    `given` is the population of the equilibrium, and `simulated` the same where somebody else may move
    it. `gap` is the method by which epsilon_N is found, or None.
    """

    given: Setting
    simulated: Setting
    agents: list[int]
    runs: int
    steps: int
    gap: str | None
    seed: int


def finite_study(
    game: MeanFieldGame,
    equilibrium: Equilibrium,
    agents: Array | Sequence[Number],
    *,
    num_runs: Number = 200,
    num_steps: Number | None = None,
    nature: str | Kernel | Array | None = None,
    gap: str | None = "auto",
    seed: int = 0,
    progress: bool | Meter = False,
) -> "xarray.Dataset":
    """Simulate an equilibrium among N agents, measure what one gains by leaving it, and bound that.

    For each N of `agents`: `num_runs` simulations of `num_steps` steps (by default until discounting
    leaves a thousandth, at most 1000) with `nature` as in `rmfg.simulate`; epsilon_N by
    `rmfg.finite_gap` with the method `gap` ("auto", "exact", "sample", or None for none) and the
    same number of runs; the bounds of `rmfg.finite_bound`.

    Returns a dataset over `agents`: `distance`, the mean over time of the L1 distance between the
    empirical law and the equilibrium's; `mean_return`, `epsilon` and `verification`, its bound by
    verification, in the unit of values; all these with `_low` and `_high`, the ends of their 95%
    intervals; `bound` and `uniform_bound` from global constants, and whether these are proved;
    and seconds. Its attributes hold the slopes of `distance` and `epsilon` in N, which are those of
    straight lines through the logarithms.
    Raises ValueError or TypeError for wrong input before any work is done, and ValueError where the
    game is not finite at an empirical law or an exact gap is out of reach.
    """
    inputs.instance("equilibrium", equilibrium, Equilibrium, "an answer of `rmfg.solve`")
    given = setting(game, equilibrium)
    numbers = _numbers(agents)
    seed = inputs.integer("seed", seed)
    inputs.instance("progress", progress, bool | np.bool_ | Meter, "True, False or a meter")
    runs = inputs.integer("num_runs", num_runs, 1)
    if runs < 2:
        raise ValueError(f"`num_runs` must be at least 2 for an interval, but is {runs}.")
    if gap is not None:
        inputs.word("gap", gap, METHODS)
    steps = min(MOST_STEPS, steps_to_forget(float(game.discount), CUT_OFF))
    if num_steps is not None:
        steps = inputs.integer("num_steps", num_steps, 1)
    check_recorded(runs, steps, game.num_states)
    moved = given
    if nature is not None:
        rule = checked_nature(nature, NATURES, game, equilibrium.ambiguity)
        moved = given._replace(nature=rule)
    plan = Plan(given, moved, numbers, runs, steps, gap, seed)
    with metered(progress):
        columns = _columns(plan, equilibrium)
    return _dataset(plan, equilibrium, columns)


def _numbers(agents: Array | Sequence[Number]) -> list[int]:
    """The numbers of agents in increasing order."""
    listed = inputs.real("agents", agents)
    if listed.ndim != 1:
        raise ValueError(
            f"`agents` must be a list of numbers, but has shape {tuple(listed.shape)}."
        )
    numbers = [inputs.integer("agents", number, 1) for number in list(agents)]
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"`agents` must be one or more numbers, each once, but is {numbers}.")
    return sorted(numbers)


def _columns(plan: Plan, equilibrium: Equilibrium) -> list[dict]:
    """What was found for each number of agents."""
    bound = bound_of(*judged(plan.given, equilibrium), plan.agents[0], plan.seed)
    columns = []
    for agents in plan.agents:
        # Streams of different N must not be the same.
        seed = int(np.random.SeedSequence([plan.seed, agents]).generate_state(1)[0])
        column = _simulated(plan, agents, seed) | _gap(plan, agents, seed)
        columns.append(column | _bounds(bound.at(agents)))
    return columns


def _simulated(plan: Plan, agents: int, seed: int) -> dict[str, float]:
    """How far the empirical law strays, and what the mean agent gets."""
    begin = time.perf_counter()
    given = plan.simulated
    batch = max(1, RECORDED // ((plan.steps + 1) * given.game.num_states))
    distances, returns = [], []
    for number, done in enumerate(range(0, plan.runs, batch)):
        runs = min(batch, plan.runs - done)
        method = cheapest(agents, runs)
        found = trajectories(given, agents, plan.steps, runs, seed + number, method)
        distances.append(found.distance(given.distribution).mean(axis=1))
        returns.append(found.returns)
    column = {"simulation_seconds": time.perf_counter() - begin}
    for name, parts in (("distance", distances), ("mean_return", returns)):
        column |= _with_ends(name, confidence_interval(np.concatenate(parts)))
    return column


def _gap(plan: Plan, agents: int, seed: int) -> dict[str, float | str]:
    """What one agent gains by leaving, and the bound on it by verification."""
    if plan.gap is None:
        return {}
    found = gap_of(plan.given, agents, method=plan.gap, runs=plan.runs, seed=seed)
    return {
        **_with_ends("epsilon", ConfidenceInterval(found.value, found.low, found.high)),
        **_with_ends("verification", found.upper),
        "method": found.method,
        "epsilon_seconds": found.seconds,
    }


def _bounds(found: FiniteBound) -> dict[str, float | str]:
    """The bounds from global constants."""
    return {
        "bound": found.value,
        "uniform_bound": found.uniform,
        "fluctuation": found.fluctuation,
        "constants": "proved" if found.proved else "estimated",
    }


def _with_ends(name: str, found: ConfidenceInterval) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _dataset(plan: Plan, equilibrium: Equilibrium, columns: list[dict]) -> "xarray.Dataset":
    import xarray

    game = plan.given.game
    names = dict.fromkeys(name for column in columns for name in column)
    fields: dict[str, Float[np.ndarray, " N"]] = {
        name: np.array([column[name] for column in columns]) for name in names
    }
    facts = {
        "game": game.name or type(game).__name__,
        "num_states": game.num_states,
        "ambiguity": catalog.describe(equilibrium.ambiguity),
        "discount": float(game.discount),
        "status": str(equilibrium.status),
        "value": float(np.asarray(equilibrium.value) @ np.asarray(equilibrium.distribution)),
        "scale": float(equilibrium.certificate.scale),
        "num_runs": plan.runs,
        "num_steps": plan.steps,
        "seed": plan.seed,
        "confidence": CONFIDENCE,
    }
    for name in ("distance", "epsilon"):
        if name in fields:
            found = slope(plan.agents, fields[name])
            facts[f"{name}_slope"], facts[f"{name}_slope_error"] = found
    axes = {name: (("agents",), array) for name, array in fields.items()}
    return xarray.Dataset(axes, coords={"agents": plan.agents}, attrs=facts)
