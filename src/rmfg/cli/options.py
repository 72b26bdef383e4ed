"""Options that several commands have, and the kinds of options: numbers, pairs, files."""

from pathlib import Path
from typing import Annotated, Any

import typer


def number(text: str) -> Any:
    """An option that is a number, with its help."""
    return typer.Option(metavar="X", parser=_number, help=text)


def whole(text: str) -> Any:
    """An option that is a whole number, with its help."""
    return typer.Option(metavar="N", parser=_whole, help=text)


def pairs(text: str, *names: str) -> Any:
    """An option that is given as key=value, again for more, with its help and its names."""
    return typer.Option(*names, metavar="KEY=VALUE", help=text)


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


def _target(text: str) -> Path:
    """Read a file's name. A path would forget that a slash at its end names a folder."""
    if text.endswith("/"):
        raise typer.BadParameter(f"{text!r} is a folder; name a file inside it")
    return Path(text)


Game = Annotated[
    str,
    typer.Argument(
        metavar="GAME",
        help="A game of the zoo (see `rmfg games`); a .npz or .nc file with `kernel` (S, A, S) "
        "or `successors` and `probabilities` (S, A, K), `reward` (S, A) and `discount`; or "
        "path/to/file.py:NAME, a game or a function that returns one.",
    ),
]
Saved = Annotated[Path, typer.Argument(metavar="EQ.nc", help="A saved equilibrium.")]
SolvedGame = Annotated[
    str | None,
    typer.Option(
        metavar="GAME",
        help="The game that was solved, as for `rmfg solve`; one of the zoo is built again by "
        "itself.",
    ),
]
Parameters = Annotated[
    list[str] | None,
    pairs("A parameter of the game; again for more.", "-p", "--parameter"),
]
AbsoluteTolerance = Annotated[
    float | None,
    number("Accuracy of exploitability and nature's gap in the unit of the values instead."),
]
Seed = Annotated[int, whole("Of random numbers: equal seeds give equal answers.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="OUT.nc", parser=_target, help="Save the answer as netCDF."
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(metavar="FIGURE.png", parser=_target, help="Draw the answer: .png, .pdf or .svg."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing, show no progress.")]
