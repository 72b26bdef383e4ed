"""The commands. Each imports what it needs when it runs, so that help answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from rmfg.model.ambiguity.names import SETS
from rmfg.solvers.names import SOLVERS

app = typer.Typer(
    epilog="Exit codes: 0 certified, 1 ran but not certified, 2 wrong input. "
    "RMFG_TRACEBACK=1 shows where an error arose.",
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing, show no progress.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "-p", "--parameter", metavar="KEY=VALUE", help="A parameter of the game; again for more."
    ),
]


def _target(text: str) -> Path:
    """Read a file's name. A path would forget that a slash at its end names a folder."""
    if text.endswith("/"):
        raise typer.BadParameter(f"{text!r} is a folder; name a file inside it")
    return Path(text)


def _number(text: str | float) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number") from None


def _whole(text: str | int) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number") from None


Absolute = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        parser=_number,
        help="Accuracy of exploitability and nature's gap in the unit of the values instead.",
    ),
]


def _version(asked: bool) -> bool:
    if asked:
        from rmfg.version import __version__

        typer.echo(f"rmfg {__version__}")
        raise typer.Exit
    return asked


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Distributionally robust mean-field games: certified stationary equilibria."""


@app.command(short_help="List the zoo, or show one of its games.")
def games(
    name: Annotated[str | None, typer.Argument(help="Show this game only.")] = None,
    as_json: Json = False,
) -> int:
    """List the games of the zoo, or show the equations, parameters and source of one."""
    from rmfg import zoo
    from rmfg.cli import games as pages
    from rmfg.cli import output

    if as_json:
        data = [pages.as_data(each) for each in zoo.names()] if name is None else None
        output.show_json({"games": data} if name is None else pages.as_data(name))
    else:
        output.show(pages.table() if name is None else pages.page(name))
    return 0


@app.command(short_help="Solve a game and certify the answer.")
def solve(
    game: Annotated[
        str,
        typer.Argument(
            metavar="GAME",
            help="A game of the zoo (see `rmfg games`); a .npz or .nc file with `kernel` (S, A, S) "
            "or `successors` and `probabilities` (S, A, K), `reward` (S, A) and `discount`; or "
            "path/to/file.py:NAME, a game or a function that returns one.",
        ),
    ],
    set_name: Annotated[
        str, typer.Option("--set", metavar="NAME", help=f"The ambiguity set: {', '.join(SETS)}.")
    ] = "nominal",
    radius: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            parser=_number,
            help="The set's size: its radius, or level (cvar), strength (entropy-penalty), below "
            "(interval-around).",
        ),
    ] = None,
    support: Annotated[
        str | None,
        typer.Option(
            metavar="all|nominal", help="Which states nature may reach, where a set has the choice."
        ),
    ] = None,
    set_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Another argument of the set: a number, numbers between commas, or an array in a "
            ".npy file. For wasserstein, metric=line or metric=ring counts steps between states.",
        ),
    ] = None,
    parameter: Parameters = None,
    tol: Annotated[
        float,
        typer.Option(
            metavar="X",
            parser=_number,
            help="Accuracy, relative to the range of the answer's values.",
        ),
    ] = 1e-8,
    atol: Absolute = None,
    solver: Annotated[
        str,
        typer.Option(
            metavar="|".join(SOLVERS),
            help="The method.",
        ),
    ] = "auto",
    solver_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="An argument of the solver, such as damping=0.1 for picard."
        ),
    ] = None,
    population: Annotated[
        str,
        typer.Option(
            metavar="worst_case|nominal", help="By which kernel the population really moves."
        ),
    ] = "worst_case",
    max_steps: Annotated[
        int | None, typer.Option(metavar="N", parser=_whole, help="Stop after so many steps.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(metavar="X", parser=_number, help="Stop after so many seconds.")
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", parser=_whole, help="For solvers that draw random numbers.")
    ] = 0,
    save: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="EQ.nc",
            parser=_target,
            help="Save the answer as netCDF.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FIGURE.png",
            parser=_target,
            help="Draw the answer: .png, .pdf or .svg.",
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Solve a game, certify the answer, and save or draw it.

    Exits with 0 if the answer is certified, with 1 if the best answer found is not.
    """
    from rmfg.cli import run

    return run.solve(
        run.Request(
            game=game,
            parameters=parameter or [],
            set_name=set_name,
            radius=radius,
            support=support,
            set_options=set_option or [],
            solver=solver,
            solver_options=solver_option or [],
            tol=tol,
            atol=atol,
            population=population,
            max_steps=max_steps,
            max_seconds=max_seconds,
            seed=seed,
            save=save,
            plot=plot,
            as_json=as_json,
            quiet=quiet,
        )
    )


@app.command(short_help="Certify a saved equilibrium again.")
def verify(
    file: Annotated[Path, typer.Argument(metavar="EQ.nc", help="A saved equilibrium.")],
    tol: Annotated[
        float,
        typer.Option(
            metavar="X", parser=_number, help="Accuracy to ask for, whatever the file claims."
        ),
    ] = 1e-8,
    atol: Absolute = None,
    game: Annotated[
        str | None,
        typer.Option(
            metavar="GAME",
            help="The game that was solved, as for `rmfg solve`; one of the zoo is built again by "
            "itself.",
        ),
    ] = None,
    parameter: Parameters = None,
    rigorous: Annotated[
        bool,
        typer.Option("--rigorous", help="Prove the numbers in real arithmetic, rounding included."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Certify a saved equilibrium again, without the solver, on a game built again from its source.

    A game of the zoo is built again from its recipe, any other from --game; the saved game is
    compared with it, and the saved value is computed again. A file without a recipe is judged on the
    game that it holds. Nothing else that the file claims counts, and its tolerance does not.
    Exits with 0 if everything holds at the tolerance, with 1 if not, or if the game of a recipe
    cannot be built; with --rigorous also with 1 if something could not be proved.
    """
    from rmfg.cli import output, verification
    from rmfg.core.meter import metered

    with metered(not as_json):
        found = verification.verified(file, tol, atol, game, parameter or [], rigorous)
    if as_json:
        output.show_json(found.as_data() | {"file": file})
    else:
        output.show(str(found))
    return 0 if found.verified else 1


@app.command(short_help="Let finitely many agents play a saved equilibrium.")
def simulate(
    file: Annotated[Path, typer.Argument(metavar="EQ.nc", help="A saved equilibrium.")],
    agents: Annotated[
        str, typer.Option(metavar="N,N,...", help="How many agents, numbers between commas.")
    ] = "10,100,1000",
    runs: Annotated[
        int, typer.Option(metavar="N", parser=_whole, help="Simulations for each number.")
    ] = 200,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=_whole,
            help="Steps of a simulation; by default until discounting leaves a thousandth.",
        ),
    ] = None,
    nature: Annotated[
        str | None,
        typer.Option(
            metavar="nominal|worst_case|random|adversary",
            help="Who moves the simulated agents; by default who moves the equilibrium's population.",
        ),
    ] = None,
    gap: Annotated[
        str,
        typer.Option(
            metavar="auto|exact|sample|none",
            help="How to find what one agent gains by leaving the policy.",
        ),
    ] = "auto",
    game: Annotated[
        str | None,
        typer.Option(
            metavar="GAME",
            help="The game that was solved, as for `rmfg solve`; one of the zoo is built again by "
            "itself.",
        ),
    ] = None,
    parameter: Parameters = None,
    seed: Annotated[
        int, typer.Option(metavar="N", parser=_whole, help="Equal seeds give equal numbers.")
    ] = 0,
    save: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT.nc",
            parser=_target,
            help="Save all numbers as netCDF.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FIGURE.png", parser=_target, help="Draw them: .png, .pdf or .svg."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Let finitely many agents play a saved equilibrium, nature answering at their empirical law.

    Shows how far the law strays from the equilibrium's, what agents get, what one of them could gain
    by leaving the policy (epsilon), and two bounds on that: by verification along the equilibrium,
    and from global constants. Numbers in brackets are 95% intervals.
    The certificate is computed again, at the tolerance of the file.
    Exits with 0 if it certifies the equilibrium, with 1 if not.
    """
    from rmfg.cli import simulation

    return simulation.simulate(
        simulation.Request(
            file=file,
            agents=agents,
            game=game,
            parameters=parameter or [],
            num_runs=runs,
            num_steps=steps,
            nature=nature,
            gap=gap,
            seed=seed,
            save=save,
            plot=plot,
            as_json=as_json,
            quiet=quiet,
        )
    )


@app.command(short_help="Check versions, devices and float64.")
def doctor(as_json: Json = False) -> int:
    """Show versions, devices and optional parts, and check that float64 works."""
    from rmfg.cli import doctor as examination
    from rmfg.cli import output

    found = examination.examine()
    if as_json:
        output.show_json(found)
    else:
        output.show(examination.text(found))
    return 0 if found["ok"] else 1
