"""States in rows and columns: a heat map of the population, and the policy cell by cell.

Where the layout knows where actions lead, arrows on the map show the mean move, and petals whose
areas are the probabilities show all moves; elsewhere each cell is divided among its actions.
"""

from typing import TYPE_CHECKING

import matplotlib.axes
import numpy as np
from matplotlib.collections import PatchCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from rmfg.model.layout import Grid
from rmfg.show import frame, line

if TYPE_CHECKING:
    from rmfg.answer.equilibrium import Equilibrium

WIDTH = 10.4  # inches
TALLEST, WIDEST = 0.25, 10.0  # columns per row: other grids are drawn as lines
SEEN = 0.02  # shorter arrows are specks
PETAL = 0.47  # cells: the length of a petal of probability one
SLIM = 0.33  # half the width of a petal, in lengths


def draw(equilibrium: "Equilibrium", layout: Grid) -> Figure:
    """Draw the population on the left and the policy on the right, or below on wide grids."""
    shape = layout.columns / layout.rows
    if not TALLEST <= shape <= WIDEST:
        return line.draw(equilibrium, layout)
    cells = np.setdiff1d(np.arange(layout.rows * layout.columns), layout.walls)
    rows, columns = np.divmod(cells, layout.columns)
    beside = shape <= 2
    # What is left of the width for cells after labels, color bar and legend.
    high = (0.38 if beside else 0.82) * WIDTH / shape
    height = high + 0.9 if beside else 2 * (high + 0.8)
    figure = frame.sheet(equilibrium, WIDTH, min(height, 10.0) + frame.HEADING)
    left, right = figure.subplots(1 if beside else 2, 2 if beside else 1)

    heat = np.full((layout.rows, layout.columns), np.nan)
    heat[rows, columns] = 100 * np.asarray(equilibrium.distribution)
    image = left.imshow(heat, origin="lower", cmap=frame.HEAT, vmin=0)
    frame.color_bar(figure, left, image, "share (%)")
    policy = np.asarray(equilibrium.policy)
    names = frame.action_names(equilibrium)
    if layout.moves:
        moves = np.asarray(layout.moves)
        _arrows(left, policy @ moves, rows, columns)
        _petals(right, policy, moves, rows, columns)
        titles = "Population, and mean move", "Policy: areas are probabilities, disks stay"
    elif policy.shape[1] <= len(frame.HUES):
        _shares(right, policy, names, rows, columns)
        titles = "Population", "Policy: areas are probabilities"
    else:
        _favorites(figure, right, policy, heat, rows, columns)
        titles = "Population", "Policy: number of the likeliest action"
    _lay_out(left, layout, titles[0])
    _lay_out(right, layout, titles[1])
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
    axes: matplotlib.axes.Axes, mean: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> None:
    """Draw where agents in each cell go on average: an arrow of 0.9 cells is one cell per step."""
    seen = np.hypot(*mean.T) > SEEN
    axes.quiver(
        columns[seen],
        rows[seen],
        0.9 * mean[seen, 1],
        0.9 * mean[seen, 0],
        angles="xy",
        scale_units="xy",
        scale=1,
        units="x",
        width=0.08,
        headlength=3.5,
        headaxislength=3.5,
        pivot="mid",
        color=frame.HUES[5],
        edgecolor="white",
        linewidth=0.5,
        zorder=3,
    )


def _petals(
    axes: matplotlib.axes.Axes,
    policy: np.ndarray,
    moves: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
) -> None:
    """Draw a petal per move that points where it leads, and a disk for staying."""
    centers = np.stack([columns, rows], axis=1)[:, None]
    for a, (up, right) in enumerate(moves):
        length = PETAL * np.sqrt(policy[:, a])[:, None, None]
        if up == right == 0:
            radii = length[:, 0, 0] * np.sqrt(SLIM / np.pi)  # as large as a petal
            disks = [Circle(xy, r) for xy, r in zip(centers[:, 0], radii, strict=True)]
            axes.add_collection(PatchCollection(disks, facecolor=frame.REST, linewidths=0))
            continue
        ahead = np.array([right, up]) / np.hypot(up, right)
        aside = SLIM * np.array([-ahead[1], ahead[0]])
        outline = np.stack([ahead, aside, -aside])
        axes.add_collection(
            PolyCollection(list(centers + length * outline), facecolor=frame.HUES[0], linewidths=0)
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
    handles = [Patch(color=color) for color in frame.action_colors(names)]
    frame.legend(axes, handles=handles, labels=names)


def _favorites(
    figure: Figure,
    axes: matplotlib.axes.Axes,
    policy: np.ndarray,
    heat: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
) -> None:
    """Color each cell by the number of its likeliest action, where actions are many."""
    best = np.full_like(heat, np.nan)
    best[rows, columns] = policy.argmax(1)
    image = axes.imshow(best, origin="lower", cmap=frame.HEAT, vmin=0, vmax=policy.shape[1] - 1)
    frame.color_bar(figure, axes, image, "action", ticks=MaxNLocator(integer=True))
