"""What a command is: a frozen record of what was asked for, and what is done about it.

Each argument and option is declared once, as a field of the record: its type and default, and in
`Annotated` how it is typed and its help. Typer reads the record's own signature.
"""

import abc
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import typer


class Command(abc.ABC):
    """A command. Its docstring is its help, its fields are what it can be asked for."""

    summary: ClassVar[str]  # one sentence, for the list of commands
    typed: ClassVar[Mapping[str, str]] = {}
    """What was typed under another name than the library's arguments have, for its messages."""
    compiles: ClassVar[bool] = False
    """Whether it solves or judges: then what it compiles is kept for the next command."""

    @abc.abstractmethod
    def run(self) -> int:
        """Do what was asked for and return the exit code. What is heavy is imported here."""


def add(app: typer.Typer, name: str, kind: type[Command]) -> None:
    """Let the application run a command under that name."""

    def call(**given: Any) -> int:
        if kind.compiles:
            from rmfg.core.compiled import keep_compiled

            keep_compiled()
        try:
            return kind(**given).run()
        except (TypeError, ValueError) as error:
            message = str(error)
            for argument, typed in kind.typed.items():
                message = message.replace(f"`{argument}`", f"`{typed}`")
            error.args = (message,)
            raise

    call.__doc__ = kind.__doc__
    call.__signature__ = inspect.signature(kind)  # pyright: ignore[reportFunctionMemberAccess]
    app.command(name, short_help=kind.summary)(call)
