"""Solve what was asked for, and hand out the answer."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

import rmfg
from rmfg.cli import choices, output, sources, values
from rmfg.core.files import NETCDF, check_target
from rmfg.core.status import Status
from rmfg.show import figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What `rmfg solve` was asked for, as typed."""

    game: str
    parameters: Sequence[str]
    set_name: str
    radius: float | None
    support: str | None
    set_options: Sequence[str]
    solver: str
    solver_options: Sequence[str]
    tol: float
    atol: float | None
    population: str
    max_steps: int | None
    max_seconds: float | None
    seed: int
    save: Path | None
    plot: Path | None
    as_json: bool
    quiet: bool


def solve(request: Request) -> int:
    """Solve, save, draw, print; return the exit code. Everything that can be refused early is."""
    _check_files(request)
    parameters = values.pairs("-p", request.parameters)
    set_options = values.pairs("--set-option", request.set_options)
    solver_options = values.pairs("--solver-option", request.solver_options)
    solver = choices.solver(request.solver, solver_options, request.seed)
    with sources.opened(request.game, parameters) as game:
        size = game.num_states
        ambiguity = choices.ambiguity(
            request.set_name, request.radius, request.support, set_options, size
        )
        if request.plot:
            figure.check_layout(game)
        # The library names the choices where the word is neither.
        population = cast(Literal["worst_case", "nominal"], request.population)
        equilibrium = rmfg.solve(
            game,
            ambiguity,
            solver=solver,
            tol=request.tol,
            atol=request.atol,
            population=population,
            max_steps=request.max_steps,
            max_seconds=request.max_seconds,
            progress=not (request.as_json or request.quiet),
            seed=request.seed,
        )
    # A disk that is full by now takes nothing from the answer: it is shown, and then the error.
    writers = {
        "equilibrium": (request.save, equilibrium.save),
        "figure": (request.plot, lambda path: rmfg.plot(equilibrium, path)),
    }
    files, failed = output.written(writers)
    if request.as_json:
        output.show_json(output.equilibrium_of(equilibrium) | {"files": files})
    elif not request.quiet:
        output.show(str(equilibrium), *output.names(files))
    if failed:
        raise failed
    return 0 if equilibrium.status == Status.CERTIFIED else 1


def _check_files(request: Request) -> None:
    if request.save:
        check_target("-o", request.save, NETCDF)
    if request.plot:
        check_target("--plot", request.plot)
        figure.check_format("--plot", request.plot)
    if request.save and request.plot and request.save.resolve() == request.plot.resolve():
        raise ValueError(f"`-o` and `--plot` both name {str(request.plot)!r}.")
