"""An equilibrium among finitely many agents, for many N: what happens, what is gained, what is bound.

All numbers come with intervals or are exact; slopes are those of straight lines through the points in
logarithms.
"""

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.core.horizon import steps_to_forget
from rmfg.core.meter import Meter, metered
from rmfg.core.precision import Array, Number
from rmfg.model.ambiguity import catalog
from rmfg.model.game import MeanFieldGame, checked_game
from rmfg.model.kernel import Kernel
from rmfg.population.bound import FiniteBound, check_fits, finite_bound
from rmfg.population.gap import METHODS, finite_gap
from rmfg.population.simulator import CONFIDENCE, check_recorded, interval, simulate, whole

if TYPE_CHECKING:
    import xarray

# What discounting leaves of the first step's weight where simulations end, unless that is too long.
CUT_OFF = 1e-3
MOST_STEPS = 1000
# Numbers that one simulation may record; more runs are simulated one batch after another.
RECORDED = 50_000_000


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
    empirical law and the equilibrium's; `mean_return`; `epsilon` with the bound by verification;
    `bound` and `uniform_bound` from global constants, all with `_low` and `_high` where they are not
    exact; and seconds. Its attributes hold the slopes of `distance` and `epsilon` in N.
    Raises ValueError for wrong input before any work is done.
    """
    checked_game(game)
    inputs.instance("equilibrium", equilibrium, Equilibrium, "an answer of `rmfg.solve`")
    check_fits(game, equilibrium)
    listed = inputs.real("agents", agents)
    if listed.ndim != 1:
        raise ValueError(
            f"`agents` must be a list of numbers, but has shape {tuple(listed.shape)}."
        )
    numbers = [whole("agents", number) for number in list(agents)]
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"`agents` must be one or more numbers, each once, but is {numbers}.")
    seed = inputs.integer("seed", seed)
    inputs.instance("progress", progress, bool | np.bool_ | Meter, "True, False or a meter")
    runs = whole("num_runs", num_runs)
    if runs < 2:
        raise ValueError(f"`num_runs` must be at least 2 for an interval, but is {runs}.")
    if gap is not None:
        inputs.word("gap", gap, METHODS)
    enough = min(MOST_STEPS, steps_to_forget(float(game.discount), CUT_OFF))
    steps = enough if num_steps is None else whole("num_steps", num_steps)
    check_recorded(runs, steps, game.num_states)
    with metered(progress):
        columns = _columns(game, equilibrium, sorted(numbers), runs, steps, nature, gap, seed)
    return _dataset(game, equilibrium, sorted(numbers), columns, runs, steps, seed)


def _columns(
    game: MeanFieldGame,
    equilibrium: Equilibrium,
    numbers: list[int],
    runs: int,
    steps: int,
    nature: str | Kernel | Array | None,
    gap: str | None,
    seed: int,
) -> list[dict]:
    """What was found for each number of agents."""
    bound = finite_bound(equilibrium, numbers[0], game=game, posterior=False, seed=seed)
    columns = []
    for number in numbers:
        # Streams of different N must not be the same.
        own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        column = _simulated(game, equilibrium, number, runs, steps, nature, own)
        column |= _measured(game, equilibrium, number, gap, runs, own)
        columns.append(column | _bounded(bound.at(number)))
    return columns


def _simulated(
    game: MeanFieldGame,
    equilibrium: Equilibrium,
    agents: int,
    runs: int,
    steps: int,
    nature: str | Kernel | Array | None,
    seed: int,
) -> dict[str, float]:
    """How far the empirical law strays, and what the mean agent gets."""
    begin = time.perf_counter()
    batch = max(1, RECORDED // ((steps + 1) * game.num_states))
    distances, returns = [], []
    for number, done in enumerate(range(0, runs, batch)):
        some = min(batch, runs - done)
        found = simulate(
            game, equilibrium, agents, steps, nature=nature, num_runs=some, seed=seed + number
        )
        distances.append(found["distance"].values.mean(axis=1))
        returns.append(found["returns"].values)
    column = {"simulation_seconds": time.perf_counter() - begin}
    for name, parts in (("distance", distances), ("mean_return", returns)):
        column |= dict(_with_ends(name, *interval(np.concatenate(parts))))
    return column


def _measured(
    game: MeanFieldGame,
    equilibrium: Equilibrium,
    agents: int,
    method: str | None,
    runs: int,
    seed: int,
) -> dict[str, float | str]:
    """What one agent gains by leaving, and the bound on it by verification."""
    if method is None:
        return {}
    begin = time.perf_counter()
    found = finite_gap(game, None, equilibrium, agents, method=method, num_runs=runs, seed=seed)
    upper = found.upper
    return {
        **_with_ends("epsilon", found.value, found.low, found.high),
        **_with_ends("verification", upper.value, upper.low, upper.high),
        "method": found.method,
        "epsilon_seconds": time.perf_counter() - begin,
    }


def _bounded(found: FiniteBound) -> dict[str, float | str]:
    """The bounds from global constants."""
    return {
        "bound": found.value,
        "uniform_bound": found.uniform,
        "fluctuation": found.fluctuation,
        "constants": "proved" if found.proved else "estimated",
    }


def _with_ends(name: str, value: float, low: float, high: float) -> dict[str, float]:
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def slope(
    agents: Array | Sequence[Number], values: Array | Sequence[Number]
) -> tuple[float, float]:
    """The slope of log(value) in log(N) by least squares, with its standard error.

    NaN where fewer than three values are positive: through two points a line says nothing.
    """
    across, up = np.asarray(agents, dtype=float), np.asarray(values, dtype=float)
    kept = np.isfinite(up) & (up > 0)
    if kept.sum() < 3:
        return math.nan, math.nan
    across, up = np.log(across[kept]), np.log(up[kept])
    line = np.polynomial.Polynomial.fit(across, up, 1).convert().coef
    left = up - line[0] - line[1] * across
    spread = np.sum((across - across.mean()) ** 2)
    return float(line[1]), float(np.sqrt(np.sum(left**2) / (len(up) - 2) / spread))


def _dataset(
    game: MeanFieldGame,
    equilibrium: Equilibrium,
    agents: list[int],
    columns: list[dict],
    runs: int,
    steps: int,
    seed: int,
) -> "xarray.Dataset":
    import xarray

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
        "num_runs": runs,
        "num_steps": steps,
        "seed": int(seed),
        "confidence": CONFIDENCE,
    }
    for name in ("distance", "epsilon"):
        if name in fields:
            facts[f"{name}_slope"], facts[f"{name}_slope_error"] = slope(agents, fields[name])
    axes = {name: (("agents",), array) for name, array in fields.items()}
    return xarray.Dataset(axes, coords={"agents": agents}, attrs=facts)
