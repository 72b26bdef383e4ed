"""What the zoo holds, as text and as data."""

import inspect
import textwrap
from typing import Any

from rmfg import zoo
from rmfg.cli import output


def table() -> str:
    """Lay out all games: name, what is known, one sentence."""
    entries = [zoo.describe(name) for name in zoo.names()]
    width = max(len(entry.name) for entry in entries) + 2
    lines = []
    for entry in entries:
        text = f"{entry.summary} [{', '.join(entry.known)}]"
        lines.append(
            textwrap.fill(
                text, 100, initial_indent=entry.name.ljust(width), subsequent_indent=" " * width
            )
        )
    return "\n".join([*lines, "", "One game: rmfg games NAME. Solve it: rmfg solve NAME."])


def page(name: str) -> str:
    """Lay out one game: equations, parameters with defaults, what is known, source."""
    entry = zoo.describe(name)
    width = max(len(parameter) for parameter in entry.parameters) + 2
    parameters = [
        f"  {parameter.ljust(width)}{default!r}" for parameter, default in entry.parameters.items()
    ]
    about = inspect.getdoc(entry.build) or ""
    return "\n".join(
        [
            output.wrapped("game", f"{entry.name}: {entry.summary}"),
            output.wrapped("equations", entry.equations),
            output.wrapped("known", ", ".join(entry.known)),
            output.wrapped("source", entry.source),
            "parameters   (-p name=value)",
            *parameters,
            "",
            about,
        ]
    )


def as_data(name: str) -> dict[str, Any]:
    """One game as data."""
    entry = zoo.describe(name)
    return {
        "name": entry.name,
        "summary": entry.summary,
        "equations": entry.equations,
        "known": entry.known,
        "source": entry.source,
        "parameters": entry.parameters,
    }
