"""States around a circle: the population as bars that point outward, the policy inside them."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import MaxNLocator

from rmfg.model.layout import Ring
from rmfg.show import frame, line

if TYPE_CHECKING:
    from rmfg.answer.equilibrium import Equilibrium

POLICY_FROM, POLICY_TO = 0.42, 0.88
BARS_FROM, BARS_TO = 1.0, 1.9
MOST_NAMES = 36
MOST_STATES = 400


def draw(equilibrium: "Equilibrium", layout: Ring) -> Figure:
    """Draw a circle, the first state on top, clockwise; too large ones are cut open to a line."""
    count, names = equilibrium.game.num_states, frame.action_names(equilibrium)
    if count > MOST_STATES or len(names) > len(frame.HUES):
        return line.draw(equilibrium, layout)
    figure = frame.sheet(equilibrium, 7.2, 7.0)
    axes = figure.add_subplot(projection="polar")
    assert isinstance(axes, PolarAxes)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    angles, width = 2 * np.pi * np.arange(count) / count, 2 * np.pi / count

    policy = np.asarray(equilibrium.policy)
    depth = POLICY_TO - POLICY_FROM
    bottoms = POLICY_FROM + depth * (np.cumsum(policy, axis=1) - policy)
    for a, color in enumerate(frame.action_colors(names)):
        axes.bar(
            angles,
            depth * policy[:, a],
            width=width,
            bottom=bottoms[:, a],
            color=color,
            label=names[a],
            linewidth=0,
        )
    mass = 100 * np.asarray(equilibrium.distribution)
    unit = (BARS_TO - BARS_FROM) / mass.max()
    ticks = np.asarray(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(0, mass.max()))
    ticks = ticks[(ticks > 0) & (ticks <= mass.max())]
    axes.bar(
        angles, unit * mass, width=0.82 * width, bottom=BARS_FROM, color=frame.POPULATION, zorder=3
    )

    frame.quiet(axes, "", "state")
    axes.set_title(
        "Population: bars outward, in %      Policy: probabilities in the inner ring",
        fontsize=frame.TEXT,
        color=frame.INK,
    )
    axes.set_ylim(0, BARS_TO * 1.02)
    axes.set_yticks(BARS_FROM + unit * ticks, [])
    halo = [withStroke(linewidth=2.5, foreground="white")]
    for tick in ticks:
        # Between the first two states, and over the bars, where tick labels would be hidden.
        place = (width / 2, BARS_FROM + unit * tick)
        look = {"ha": "center", "va": "center", "fontsize": frame.TEXT - 1, "color": frame.INK}
        axes.text(*place, f"{tick:g}%", path_effects=halo, zorder=5, **look)
    _name_states(axes, frame.state_names(equilibrium), angles)
    axes.grid(color=frame.FAINT, linewidth=0.6)
    axes.xaxis.grid(visible=False)
    axes.spines["polar"].set_visible(False)
    frame.legend(axes, loc="center", bbox_to_anchor=(0.5, 0.5), reverse=False, title="policy")
    return figure


def _name_states(axes: PolarAxes, names: list[str], angles: np.ndarray) -> None:
    every = -(-len(names) // MOST_NAMES)
    axes.set_xticks(angles[::every], names[::every])
    axes.tick_params(axis="x", pad=-2)
