"""The figure of an answer: its population and its policy, on the layout of the game's states."""

import importlib
import os
from typing import TYPE_CHECKING

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.core.files import write_whole
from rmfg.model.game import MeanFieldGame

if TYPE_CHECKING:
    import matplotlib.figure

FORMATS = (".png", ".pdf", ".svg")
DOTS_PER_INCH = 160


def plot(
    equilibrium: Equilibrium, path: str | os.PathLike[str] | None = None
) -> "matplotlib.figure.Figure":
    """Draw the distribution and the policy where the states lie: on a line, a ring, a grid, a map.

    Returns a matplotlib figure that belongs to no window; with `path` (.png, .pdf or .svg) it is
    also written, whole or not at all. A saved and loaded answer gives the same figure.
    Raises ValueError for other formats, missing folders, and layouts that do not fit the game.
    """
    inputs.instance("equilibrium", equilibrium, Equilibrium, "an answer of `rmfg.solve`")
    if path is not None:
        check_format("path", path)
    check_layout(equilibrium.game)
    figure = _draw(equilibrium)
    if path is not None:
        write(figure, path)
    return figure


def write(figure: "matplotlib.figure.Figure", path: str | os.PathLike[str]) -> None:
    """Write a figure in the format that its path names, whole or not at all."""
    # Without a date the same answer gives the same bytes (.svg names its parts at random).
    metadata = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}.get(_suffix(path))
    write_whole(path, lambda part: figure.savefig(part, dpi=DOTS_PER_INCH, metadata=metadata))


def check_format(name: str, path: str | os.PathLike[str]) -> None:
    """Refuse a path whose ending names no format of a figure."""
    inputs.instance(name, path, str | os.PathLike, "a path")
    if _suffix(path) not in FORMATS:
        raise ValueError(
            f"`{name}`: {os.fspath(path)!r} names no format for a figure. "
            f"Let it end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}."
        )


def check_layout(game: MeanFieldGame) -> None:
    """Refuse a layout with more or fewer places than the game has states, or moves than actions."""
    layout = game.layout
    if layout is None:
        return
    if layout.num_moves not in (None, game.num_actions):
        raise ValueError(
            f"`layout` has {layout.num_moves} moves, but the game {game.num_actions} actions."
        )
    if layout.num_places != game.num_states:
        raise ValueError(
            f"`layout` has room for {layout.num_places} states, but the game has {game.num_states}."
        )


def _suffix(path: str | os.PathLike[str]) -> str:
    return os.path.splitext(os.fspath(path))[1].lower()


def _draw(equilibrium: "Equilibrium") -> "matplotlib.figure.Figure":
    layout = equilibrium.game.layout
    # matplotlib takes a second to import: here, so that the package and its checks do without.
    drawing = importlib.import_module(f"rmfg.show.{'bars' if layout is None else layout.figure}")
    return drawing.draw(equilibrium, layout)
