"""Three games under three sets among 2 to a million agents: what one gains by leaving, and the bounds.

    python studies.py [TABLE.md SUMMARY.md FIGURE.png] [--runs N]

Epsilon is exact where that takes seconds, else between a sampled deviation and the sampled bound
by verification. The run fails if any bound is below the truth: below an exact epsilon, or below the
gain of a deviation that was really taken.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.axes
import numpy as np
import scipy.stats
from matplotlib.figure import Figure

import rmfg

if TYPE_CHECKING:
    import xarray

AGENTS = (2, 3, 5, 10, 30, 100, 1_000, 10_000, 100_000, 1_000_000)
GAMES = ("sis-epidemic", "beach-bar", "malware-spread")
SETS = {
    "nominal": rmfg.Nominal(),
    "total variation 0.05": rmfg.TotalVariation(0.05),
    "KL 0.02": rmfg.KullbackLeibler(0.02),
}
MANY = 1_000
COLORS = {"nominal": "#44546a", "total variation 0.05": "#0072b2", "KL 0.02": "#d55e00"}
# What rounding and the tolerances of the solves may take from a bound.
SLACK = 1e-6
TITLES = (
    *("game", "nature", "N", "distance", "epsilon", "interval", "how", "by verification"),
    *("bound", "constants"),
)
SUMMARY = (
    *("game", "nature", "reward", "support", "movement", "slope of the distance", "N >= 1,000"),
    *("slope of epsilon", "N >= 1,000", "verification / epsilon", "bound / epsilon"),
)


def main() -> None:
    """Study all pairs, and write what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*", type=Path, metavar="TABLE.md SUMMARY.md FIGURE.png")
    parser.add_argument("--runs", type=int, default=100)
    given = parser.parse_args()
    studies: dict[tuple[str, str], xarray.Dataset] = {}
    rows, summary = [heading(TITLES, 2)], [heading(SUMMARY, 2)]
    for name in GAMES:
        game = rmfg.zoo.make(name)
        for nature, ambiguity in SETS.items():
            answer = rmfg.solve(game, ambiguity, tol=1e-9, throw=True)
            study = rmfg.finite_study(game, answer, AGENTS, num_runs=given.runs)
            check(study)
            studies[name, nature] = study
            rows += [line(row_of(name, nature, study, place)) for place in range(len(AGENTS))]
            summary.append(line(summary_of(name, nature, answer, study)))
            print(summary[-1], flush=True)
    if given.files:
        table, short, figure = given.files
        table.write_text("\n".join(rows) + "\n", encoding="utf-8")
        short.write_text("\n".join(summary) + "\n", encoding="utf-8")
        drawn(studies).savefig(figure, dpi=160)
    print(
        f"{sum(study.sizes['agents'] for study in studies.values())} bounds, none below the truth"
    )


def check(study: "xarray.Dataset") -> None:
    """Fail where a bound is below what was gained."""
    slack = SLACK * study.attrs["scale"]
    for name in ("verification_high", "bound"):
        low = np.flatnonzero(~(study[name].values >= study["epsilon_low"].values - slack))
        if low.size:
            raise AssertionError(f"{name} is below the truth: {study.isel(agents=low)}")


def heading(titles: tuple[str, ...], words: int) -> str:
    """The first lines of a table whose first columns are words."""
    return f"{line(titles)}\n|{'---|' * words}{'---:|' * (len(titles) - words)}"


def line(cells: tuple[str, ...]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


def row_of(name: str, nature: str, study: "xarray.Dataset", place: int) -> tuple[str, ...]:
    """What was found for one number of agents."""
    row = study.isel(agents=place)
    low, high = float(row["epsilon_low"]), float(row["epsilon_high"])
    exact = str(row["method"].values) == "exact"
    return (
        name,
        nature,
        f"{int(row['agents']):,}",
        f"{float(row['distance']):.2g}",
        f"{float(row['epsilon']):.2g}",
        "" if exact else f"{low:.2g} to {high:.2g}",
        str(row["method"].values),
        f"{float(row['verification']):.2g}",
        f"{float(row['bound']):.2g}",
        str(row["constants"].values),
    )


def summary_of(
    name: str, nature: str, answer: rmfg.Equilibrium, study: "xarray.Dataset"
) -> tuple[str, ...]:
    """The constants of the bound, the slopes, and how loose the bounds are where there is a gain."""
    known = rmfg.finite_bound(answer, 1000, posterior=False)
    about = study.attrs
    truth = study["epsilon"].values
    gained = truth > 1e-4 * about["scale"]
    constants = (known.reward, known.support, known.movement)
    many = study.sel(agents=slice(MANY, None))
    slopes = (
        fitted(each["agents"].values, each[what].values)
        for what in ("distance", "epsilon")
        for each in (study, many)
    )
    return (
        name,
        nature,
        *(f"{each.value:.2g}{'' if each.proved else ' *'}" for each in constants),
        *slopes,
        *(spread(study[each].values[gained] / truth[gained]) for each in ("verification", "bound")),
    )


def fitted(agents: np.ndarray, values: np.ndarray) -> str:
    """The slope in logarithms of what is positive, with its standard error."""
    there = values > 0
    if there.sum() < 3:
        return "none"
    line = scipy.stats.linregress(np.log(agents[there]), np.log(values[there]))
    return f"{line.slope:.2f} ± {line.stderr:.2f}"


def spread(ratios: np.ndarray) -> str:
    """The least and the largest of some ratios."""
    return f"{ratios.min():.2g} to {ratios.max():.2g}" if ratios.size else "no gain"


def drawn(studies: dict[tuple[str, str], "xarray.Dataset"]) -> Figure:
    """A column for each game: distances above, gains and bounds below."""
    figure = Figure(figsize=(11, 6.6), layout="constrained")
    panels = figure.subplots(2, len(GAMES), sharex=True)
    for (name, nature), study in studies.items():
        above, below = panels[:, GAMES.index(name)]
        across = {"color": COLORS[nature], "linewidth": 1.1}
        agents = study["agents"].values
        above.loglog(agents, study["distance"], marker="o", markersize=3, label=nature, **across)
        epsilon = positive(study["epsilon"])
        low, high = study["epsilon_low"].values, study["epsilon_high"].values
        ends = np.stack([epsilon - np.maximum(low, 0.1 * epsilon), np.maximum(high - epsilon, 0)])
        below.errorbar(
            agents, epsilon, np.maximum(ends, 0), marker="o", markersize=3, capsize=2, **across
        )
        below.plot(agents, positive(study["verification"]), linestyle="--", **across)
        below.plot(agents, positive(study["bound"]), linestyle=":", **across)
    for column, name in enumerate(GAMES):
        above, below = panels[:, column]
        fluctuation = studies[name, "nominal"]["fluctuation"]
        above.loglog(AGENTS, fluctuation, color="#9aa3ad", linewidth=1, label="one step's bound")
        above.set_title(name, loc="left")
        below.set(xscale="log", yscale="log", xlabel="agents")
        below.set_ylim(bottom=1e-9)
        for axes in (above, below):
            axes.grid(color="#d5dae0", linewidth=0.6)
    label(panels[0, 0], "distance of the empirical law")
    label(panels[1, 0], "gain of one who leaves")
    panels[0, 0].legend(frameon=False, fontsize=8)
    styles = {"epsilon, with its interval": "-", "by verification": "--", "global constants": ":"}
    for text, style in styles.items():
        panels[1, 0].plot([], [], style, color="#1f2933", linewidth=1.1, label=text)
    panels[1, 0].legend(frameon=False, fontsize=8, loc="lower left")
    return figure


def label(axes: matplotlib.axes.Axes, text: str) -> None:
    """Say what stands on the vertical axis."""
    axes.set_ylabel(text)


def positive(values: "xarray.DataArray") -> np.ndarray:
    """What a logarithm can show."""
    return np.where(values.values > 0, values.values, np.nan)


if __name__ == "__main__":
    main()
