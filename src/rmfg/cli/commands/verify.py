"""`rmfg verify`: a saved equilibrium, judged again."""

import dataclasses
from typing import Annotated

import typer

from rmfg.cli import options
from rmfg.cli.command import Command


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verify(Command):
    """Certify a saved equilibrium again, without the solver, on a game built again from its source.

    A game of the zoo is built again from its recipe, any other from --game; the saved game is
    compared with it, and the saved value is computed again. A file without a recipe is judged on the
    game that it holds. Nothing else that the file claims counts, and its tolerance does not.
    Exits with 0 if everything holds at the tolerance, with 1 if not, or if the game of a recipe
    cannot be built; with --rigorous also with 1 if something could not be proved.
    """

    summary = "Certify a saved equilibrium again."
    compiles = True
    typed = {"path": "EQ.nc"}  # noqa: RUF012

    file: options.Saved
    tol: Annotated[float, options.number("Accuracy to ask for, whatever the file claims.")] = 1e-8
    atol: options.AbsoluteTolerance = None
    game: options.SolvedGame = None
    parameters: options.Parameters = None
    rigorous: Annotated[
        bool,
        typer.Option("--rigorous", help="Prove the numbers in real arithmetic, rounding included."),
    ] = False
    as_json: options.Json = False

    def run(self) -> int:
        from rmfg.cli import output, sources, values, verification
        from rmfg.core.meter import metered

        given = values.pairs("-p", self.parameters)
        with metered(not self.as_json), sources.named(self.game, given, self.file) as game:
            found = verification.verify(self.file, self.tol, self.atol, game, self.rigorous)
        if self.as_json:
            output.show_json(found.as_data() | {"file": self.file})
        else:
            output.show(str(found))
        return 0 if found.verified else 1
