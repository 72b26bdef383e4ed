"""What is simulated: a saved equilibrium on a game that knows all mean fields; and what is shown."""

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import rmfg
from rmfg import zoo
from rmfg.cli import verification
from rmfg.core.status import Status
from rmfg.model.game import MeanFieldGame

if TYPE_CHECKING:
    import xarray

# The columns of the table: heading, what it shows, and the ends of its interval.
COLUMNS = (
    ("distance", "distance"),
    ("mean return", "mean_return"),
    ("epsilon", "epsilon"),
    ("by verification", "verification"),
    ("bound", "bound"),
)


def counts(given: str) -> list[int]:
    """Read numbers between commas, such as 10,100,1e6."""
    try:
        found = [float(part) for part in given.split(",")]
    except ValueError:
        found = [math.nan]
    if not all(number.is_integer() and number >= 1 for number in found):
        raise ValueError(
            f"`--agents` must be whole numbers between commas, such as 10,100,1e6, but is {given!r}."
        )
    return [int(number) for number in found]


def rebuilt(equilibrium: rmfg.Equilibrium, file: Path) -> MeanFieldGame:
    """The game of a saved equilibrium as it is at all mean fields."""
    game = equilibrium.game
    if not game.frozen:
        return game
    if not game.recipe:
        raise ValueError(
            f"{str(file)!r} holds its game at one mean field only, and it is none of the zoo. Give it "
            "with `--game path/to/file.py:NAME`."
        )
    return zoo.remake(game.recipe)


def judged(game: MeanFieldGame, equilibrium: rmfg.Equilibrium, file: Path) -> rmfg.Equilibrium:
    """The equilibrium with its certificate computed on this game, which bounds rest on."""
    apart = verification.difference(equilibrium, game)
    if not apart <= verification.REBUILDING_SLACK:
        raise ValueError(
            f"the game differs by {apart:.3g} from the one that {str(file)!r} was solved for. "
            "Give that one with `--game` and `-p`."
        )
    certificate = rmfg.certify(
        game,
        equilibrium.ambiguity,
        equilibrium.policy,
        equilibrium.distribution,
        equilibrium.kernel,
        population=equilibrium.population,
        tol=equilibrium.certificate.tol,
    )
    status = equilibrium.status
    if certificate.certified:
        status = Status.CERTIFIED
    elif status == Status.CERTIFIED:
        status = Status.NOT_CERTIFIED
    return dataclasses.replace(equilibrium, certificate=certificate, status=status, as_saved=False)


def text(study: "xarray.Dataset") -> str:
    """Lay out a study as a table, one row for each number of agents."""
    about = study.attrs
    shown = [(heading, name) for heading, name in COLUMNS if name in study]
    rows = [["agents", *(heading for heading, _ in shown)]]
    for place, agents in enumerate(study["agents"].values):
        rows.append([str(agents), *(_cell(study, name, place) for _, name in shown)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    known = sorted(set(study["constants"].values.tolist()))
    facts = [
        f"{'game':<13}{about['game']}: {about['num_states']} states, discount {about['discount']:g}",
        f"{'nature':<13}{about['ambiguity']}",
        f"{'equilibrium':<13}{about['status']}, mean value {about['value']:.6g}",
        f"{'simulated':<13}{about['num_runs']} runs of {about['num_steps']} steps",
        "",
        *lines,
        "",
        f"{'slopes':<13}" + ", ".join(_slope(about, name) for name in ("distance", "epsilon")),
        f"{'constants':<13}{' and '.join(known)}, for the bound",
    ]
    return "\n".join(facts)


def _cell(study: "xarray.Dataset", name: str, place: int) -> str:
    """A number, with its interval where it has one."""
    value = f"{float(study[name].values[place]):.3g}"
    if f"{name}_low" not in study:
        return value
    low, high = (float(study[f"{name}_{end}"].values[place]) for end in ("low", "high"))
    if np.isclose(low, high, rtol=1e-6, atol=0):
        return value
    return f"{value} [{low:.3g}, {high:.3g}]"


def _slope(about: dict[str, Any], name: str) -> str:
    found = about.get(f"{name}_slope", math.nan)
    if not math.isfinite(found):
        return f"{name} -"
    return f"{name} {found:.2f} ± {about[f'{name}_slope_error']:.2f}"


def as_data(study: "xarray.Dataset") -> dict[str, Any]:
    """A study as data: its facts, and a list of rows."""
    numbers = range(study.sizes["agents"])
    names = ["agents", *map(str, study.data_vars)]
    rows = [{name: study[name].values[place].item() for name in names} for place in numbers]
    return {"version": rmfg.__version__, **study.attrs, "rows": rows}
