"""Let finitely many agents play a saved equilibrium, and lay out what happened."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import rmfg
from rmfg import zoo
from rmfg.cli import output, sources, values, verification
from rmfg.core.files import NETCDF, check_target
from rmfg.core.netcdf import write_netcdf
from rmfg.core.status import Status
from rmfg.model.game import MeanFieldGame
from rmfg.show import figure

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What `rmfg simulate` was asked for, as typed."""

    file: Path
    agents: str
    game: str | None
    parameters: Sequence[str]
    num_runs: int
    num_steps: int | None
    nature: str | None
    gap: str
    seed: int
    save: Path | None
    plot: Path | None
    as_json: bool
    quiet: bool


def simulate(request: Request) -> int:
    """Study, save, draw, print; return the exit code. Everything that can be refused early is."""
    if request.save:
        check_target("-o", request.save, NETCDF)
    if request.plot:
        check_target("--plot", request.plot)
        figure.check_format("--plot", request.plot)
    written = [path.resolve() for path in (request.save, request.plot, request.file) if path]
    if len(set(written)) < len(written):
        raise ValueError("EQ.nc, `-o` and `--plot` must name different files.")
    agents = _numbers(request.agents)
    parameters = values.pairs("-p", request.parameters)
    equilibrium = rmfg.load(request.file)
    if request.game is None:
        values.refuse(str(request.file), parameters)
        game = _again(equilibrium, request.file)
        equilibrium = _judged(game, equilibrium, request)
        study = _studied(game, equilibrium, agents, request)
    else:
        with sources.opened(request.game, parameters) as game:
            equilibrium = _judged(game, equilibrium, request)
            study = _studied(game, equilibrium, agents, request)
    writers = {
        "study": (request.save, lambda path: write_netcdf(study, path)),
        "figure": (request.plot, lambda path: rmfg.plot_finite(study, path)),
    }
    files, failed = output.written(writers)
    if request.as_json:
        output.show_json(as_data(study) | {"equilibrium": request.file, "files": files})
    elif not request.quiet:
        output.show(text(study), *output.names(files))
    if failed:
        raise failed
    return 0 if equilibrium.status == Status.CERTIFIED else 1


def _numbers(given: str) -> list[int]:
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


def _again(equilibrium: rmfg.Equilibrium, file: Path) -> MeanFieldGame:
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


def _judged(
    game: MeanFieldGame, equilibrium: rmfg.Equilibrium, request: Request
) -> rmfg.Equilibrium:
    """The equilibrium with its certificate computed on this game, which bounds rest on."""
    apart = verification.difference(equilibrium, game)
    if not apart <= verification.REBUILDING_SLACK:
        raise ValueError(
            f"the game differs by {apart:.3g} from the one that {str(request.file)!r} was solved for. "
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


def _studied(
    game: MeanFieldGame, equilibrium: rmfg.Equilibrium, agents: list[int], request: Request
) -> "xarray.Dataset":
    return rmfg.finite_study(
        game,
        equilibrium,
        agents,
        num_runs=request.num_runs,
        num_steps=request.num_steps,
        nature=request.nature,
        gap=None if request.gap == "none" else request.gap,
        seed=request.seed,
        progress=not (request.as_json or request.quiet),
    )


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
