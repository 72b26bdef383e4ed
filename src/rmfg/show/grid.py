"""States in rows and columns: a heat map of the population, and the policy cell by cell.

Where the layout knows where actions lead, arrows show them; elsewhere each cell is divided among
its actions by their probabilities.
"""

from typing import TYPE_CHECKING

import matplotlib.axes
import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from rmfg.model.layout import Grid
from rmfg.show import frame, line

if TYPE_CHECKING:
    from rmfg.answer.equilibrium import Equilibrium

WIDTH = 10.4  # inches
LONGEST = 12.0  # rows or columns per row or column: longer grids are drawn as lines
SEEN = 0.02  # probabilities below are not drawn as arrows


def draw(equilibrium: "Equilibrium", layout: Grid) -> Figure:
    """Draw the population on the left and the policy on the right, or below where cells are wide."""
    shape = layout.columns / layout.rows
    if not 1 / LONGEST <= shape <= LONGEST:
        return line.draw(equilibrium)
    cells = np.setdiff1d(np.arange(layout.rows * layout.columns), layout.walls)
    rows, columns = np.divmod(cells, layout.columns)
    beside = shape <= 2
    height = 0.43 * WIDTH / shape if beside else 2 * 0.75 * WIDTH / shape
    figure = frame.sheet(equilibrium, WIDTH, min(max(height, 3.2), 9.0) + 1.5)
    left, right = figure.subplots(1 if beside else 2, 2 if beside else 1)

    heat = np.full((layout.rows, layout.columns), np.nan)
    heat[rows, columns] = 100 * np.asarray(equilibrium.distribution)
    image = left.imshow(heat, origin="lower", cmap=frame.HEAT, vmin=0)
    bar = figure.colorbar(image, ax=left, shrink=0.9, pad=0.02)
    bar.set_label("share of the population (%)", fontsize=frame.TEXT, color=frame.INK)
    bar.ax.tick_params(labelsize=frame.TEXT - 1, color=frame.FAINT, labelcolor=frame.QUIET)
    bar.outline.set_visible(False)  # type: ignore[operator]
    _lay_out(left, layout, "Population")
    policy = np.asarray(equilibrium.policy)
    if layout.moves:
        _arrows(right, policy, np.asarray(layout.moves), rows, columns)
    elif len(frame.HUES) >= policy.shape[1]:
        _shares(right, policy, frame.action_names(equilibrium), rows, columns)
    else:
        _favorites(figure, right, policy, heat.shape, rows, columns)
    _lay_out(right, layout, "Policy: " + ("moves, as long as likely" if layout.moves else "shares"))
    return figure


def _lay_out(axes: matplotlib.axes.Axes, layout: Grid, title: str) -> None:
    """Give a panel its cells, its walls and its labels."""
    frame.quiet(axes, title, "column", "row")
    axes.set_aspect("equal")
    axes.set_xlim(-0.5, layout.columns - 0.5)
    axes.set_ylim(-0.5, layout.rows - 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(True)
    for wall in layout.walls:
        row, column = divmod(wall, layout.columns)
        axes.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5),
                1,
                1,
                facecolor="white",
                edgecolor="#aab2bc",
                hatch="//////",
                linewidth=0,
            )
        )


def _arrows(
    axes: matplotlib.axes.Axes,
    policy: np.ndarray,
    moves: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
) -> None:
    """Draw in each cell an arrow per action, a dot for staying, and the mean of all moves."""
    look = {"angles": "xy", "scale_units": "xy", "scale": 1, "units": "x", "zorder": 3}
    for a, (up, right) in enumerate(moves):
        share = np.where(policy[:, a] < SEEN, 0, policy[:, a])
        if up == right == 0:
            axes.scatter(columns, rows, 40 * share, color=frame.HUES[0], zorder=4, linewidths=0)
        else:
            seen = share > 0
            length = 0.48 * share[seen] / np.hypot(up, right)
            axes.quiver(
                columns[seen], rows[seen], right * length, up * length, color="#9db4c8", width=0.07,
                headwidth=3, headlength=3, headaxislength=3, **look,
            )
    mean = 0.62 * policy @ moves
    real = np.hypot(*mean.T) > SEEN
    axes.quiver(
        columns[real], rows[real], mean[real, 1], mean[real, 0], color=frame.BAD, width=0.06, **look,
    )


def _shares(
    axes: matplotlib.axes.Axes,
    policy: np.ndarray,
    names: list[str],
    rows: np.ndarray,
    columns: np.ndarray,
) -> None:
    """Divide each cell among the actions."""
    size = 0.9
    tops = np.cumsum(policy, axis=1)
    for a, color in enumerate(frame.action_colors(names)):
        boxes = [
            Rectangle((column - size / 2, row + size * (top - share - 0.5)), size, size * share)
            for row, column, top, share in zip(rows, columns, tops[:, a], policy[:, a], strict=True)
        ]
        axes.add_collection(PatchCollection(boxes, facecolor=color, linewidths=0))
    axes.legend(
        handles=[Patch(color=color) for color in frame.action_colors(names)],
        labels=names,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=frame.TEXT - 1,
        reverse=True,
        handlelength=1.0,
        handleheight=1.0,
    )


def _favorites(
    figure: Figure,
    axes: matplotlib.axes.Axes,
    policy: np.ndarray,
    shape: tuple[int, int],
    rows: np.ndarray,
    columns: np.ndarray,
) -> None:
    """Color each cell by the number of its likeliest action, where actions are many."""
    best = np.full(shape, np.nan)
    best[rows, columns] = policy.argmax(1)
    image = axes.imshow(best, origin="lower", cmap=frame.HEAT, vmin=0, vmax=policy.shape[1] - 1)
    bar = figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02)
    bar.set_label("likeliest action", fontsize=frame.TEXT)
