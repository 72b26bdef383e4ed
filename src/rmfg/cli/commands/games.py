"""`rmfg games`: what the zoo holds."""

import dataclasses
from typing import Annotated

import typer

from rmfg.cli import options
from rmfg.cli.command import Command


@dataclasses.dataclass(frozen=True, kw_only=True)
class Games(Command):
    """List the games of the zoo, or show the equations, parameters and source of one."""

    summary = "List the zoo, or show one of its games."

    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show this game only.")] = None
    as_json: options.Json = False

    def run(self) -> int:
        from rmfg import zoo
        from rmfg.cli import output, pages

        if not self.as_json:
            output.show(pages.table() if self.name is None else pages.page(self.name))
        elif self.name is None:
            output.show_json({"games": [pages.as_data(name) for name in zoo.names()]})
        else:
            output.show_json(pages.as_data(self.name))
        return 0
