"""`rmfg solve`: an equilibrium of a game, certified."""

import dataclasses
from typing import Annotated, Literal, cast

import typer

from rmfg.cli import options
from rmfg.cli.command import Command
from rmfg.model.ambiguity.names import SETS
from rmfg.solvers.names import SOLVERS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Solve(Command):
    """Solve a game, certify the answer, and save or draw it.

    Exits with 0 if the answer is certified, with 1 if the best answer found is not.
    """

    summary = "Solve a game and certify the answer."
    compiles = True

    game: options.Game
    set_name: Annotated[
        str, typer.Option("--set", metavar="NAME", help=f"The ambiguity set: {', '.join(SETS)}.")
    ] = "nominal"
    radius: Annotated[
        float | None,
        options.number(
            "The set's size: its radius, or level (cvar), strength (entropy-penalty), below "
            "(interval-around)."
        ),
    ] = None
    support: Annotated[
        str | None,
        typer.Option(
            metavar="all|nominal", help="Which states nature may reach, where a set has the choice."
        ),
    ] = None
    set_options: Annotated[
        list[str] | None,
        options.pairs(
            "Another argument of the set: a number, numbers between commas, or an array in a "
            ".npy file. For wasserstein, metric=line or metric=ring counts steps between states.",
            "--set-option",
        ),
    ] = None
    parameters: options.Parameters = None
    tol: Annotated[
        float, options.number("Accuracy, relative to the range of the answer's values.")
    ] = 1e-8
    atol: options.AbsoluteTolerance = None
    solver: Annotated[str, typer.Option(metavar="|".join(SOLVERS), help="The method.")] = "auto"
    solver_options: Annotated[
        list[str] | None,
        options.pairs(
            "An argument of the solver, such as damping=0.1 for picard.", "--solver-option"
        ),
    ] = None
    population: Annotated[
        str,
        typer.Option(
            metavar="worst_case|nominal", help="By which kernel the population really moves."
        ),
    ] = "worst_case"
    max_steps: Annotated[int | None, options.whole("Stop after so many steps.")] = None
    max_seconds: Annotated[float | None, options.number("Stop after so many seconds.")] = None
    seed: options.Seed = 0
    save: options.Output = None
    plot: options.Plot = None
    as_json: options.Json = False
    quiet: options.Quiet = False

    def run(self) -> int:
        import rmfg
        from rmfg.cli import choices, output, sources, values
        from rmfg.core.status import Status
        from rmfg.show import figure

        # Everything that can be refused early is.
        output.check_targets(self.save, self.plot)
        parameters = values.pairs("-p", self.parameters)
        set_options = values.pairs("--set-option", self.set_options)
        solver_options = values.pairs("--solver-option", self.solver_options)
        solver = choices.solver(self.solver, solver_options, self.seed)
        with sources.opened(self.game, parameters) as game:
            ambiguity = choices.ambiguity(
                self.set_name, self.radius, self.support, set_options, game.num_states
            )
            if self.plot:
                figure.check_layout(game)
            equilibrium = rmfg.solve(
                game,
                ambiguity,
                solver=solver,
                tol=self.tol,
                atol=self.atol,
                # The library names the choices where the word is neither.
                population=cast(Literal["worst_case", "nominal"], self.population),
                max_steps=self.max_steps,
                max_seconds=self.max_seconds,
                progress=not (self.as_json or self.quiet),
                seed=self.seed,
            )
        # A disk that is full by now takes nothing from the answer: it is shown, and then the error.
        files, failed = output.written(
            {
                "equilibrium": (self.save, equilibrium.save),
                "figure": (self.plot, lambda path: rmfg.plot(equilibrium, path)),
            }
        )
        if self.as_json:
            output.show_json(output.equilibrium_of(equilibrium) | {"files": files})
        elif not self.quiet:
            output.show(str(equilibrium), *output.names(files))
        if failed:
            raise failed
        return 0 if equilibrium.status == Status.CERTIFIED else 1
