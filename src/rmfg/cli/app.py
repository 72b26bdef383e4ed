"""The application: the list of commands, and what stands above them."""

from typing import Annotated

import typer

from rmfg.cli.command import Command, add
from rmfg.cli.commands.doctor import Doctor
from rmfg.cli.commands.games import Games
from rmfg.cli.commands.simulate import Simulate
from rmfg.cli.commands.solve import Solve
from rmfg.cli.commands.verify import Verify

# In the order of help. A module of a command imports what is heavy only when the command runs.
COMMANDS: dict[str, type[Command]] = {
    "games": Games,
    "solve": Solve,
    "verify": Verify,
    "simulate": Simulate,
    "doctor": Doctor,
}

app = typer.Typer(
    epilog="Exit codes: 0 certified, 1 ran but not certified, 2 wrong input. "
    "RMFG_TRACEBACK=1 shows where an error arose.",
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


for name, kind in COMMANDS.items():
    add(app, name, kind)
