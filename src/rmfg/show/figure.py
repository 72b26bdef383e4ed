"""The figure of an answer: its population and its policy, on the layout of the game's states."""

import os
from typing import TYPE_CHECKING

from rmfg.core.files import write_whole
from rmfg.model import layout as layouts

if TYPE_CHECKING:
    import matplotlib.figure

    from rmfg.answer.equilibrium import Equilibrium

FORMATS = (".png", ".pdf", ".svg")
DOTS_PER_INCH = 160


def plot(
    equilibrium: "Equilibrium", path: str | os.PathLike[str] | None = None
) -> "matplotlib.figure.Figure":
    """Draw the distribution and the policy where the states lie: on a line, a ring, a grid or a map.

    Returns a matplotlib figure that belongs to no window; with `path` (.png, .pdf or .svg) it is
    also written, whole or not at all. A saved and loaded answer gives the same figure.
    Raises ValueError for other formats and missing folders, before anything is drawn.
    """
    if path is not None:
        check_format(path)
    figure = _draw(equilibrium)
    if path is not None:
        # Without a date the same answer gives the same bytes.
        metadata = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}.get(_suffix(path))
        write_whole(
            path, lambda part: figure.savefig(part, dpi=DOTS_PER_INCH, metadata=metadata)
        )
    return figure


def check_format(path: str | os.PathLike[str]) -> None:
    """Refuse a path whose ending names no format of a figure."""
    if _suffix(path) not in FORMATS:
        raise ValueError(
            f"`path`: {os.fspath(path)!r} names no format for a figure. "
            f"Let it end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}."
        )


def _suffix(path: str | os.PathLike[str]) -> str:
    return os.path.splitext(os.fspath(path))[1].lower()


def _draw(equilibrium: "Equilibrium") -> "matplotlib.figure.Figure":
    # matplotlib takes a second to import: here, so that the package and its checks do without.
    from rmfg.show import bars, grid, line, network, ring

    layout = equilibrium.game.layout
    if isinstance(layout, layouts.Line):
        return line.draw(equilibrium)
    if isinstance(layout, layouts.Ring):
        return ring.draw(equilibrium)
    if isinstance(layout, layouts.Grid):
        return grid.draw(equilibrium, layout)
    if isinstance(layout, layouts.Network):
        return network.draw(equilibrium, layout)
    return bars.draw(equilibrium)
