"""States in a row: bars of the distribution above, the policy below, state by state."""

from typing import TYPE_CHECKING, Any

import matplotlib.axes
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from rmfg.model.layout import Layout
from rmfg.show import frame

if TYPE_CHECKING:
    from rmfg.answer.equilibrium import Equilibrium

MANY_STATES = 40  # from here on columns touch, and ticks are numbers
MOST_NAMES = 40
LETTERS = 100  # fit under the columns side by side
MOST_SLANTED = 24  # names
PERCENT = 100


def draw(equilibrium: "Equilibrium", _: Layout) -> Figure:
    """Draw the game's states in their order."""
    states = np.arange(equilibrium.game.num_states)
    return columns(equilibrium, states, "state")


def columns(
    equilibrium: "Equilibrium", states: np.ndarray, across: str, title: str = "Population"
) -> Figure:
    """Draw one column for each of these states: what lives there, and what is done there."""
    figure = frame.sheet(equilibrium, 8.0, 5.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.25, 1))
    mass = PERCENT * np.asarray(equilibrium.distribution)[states]
    _column(above, mass, np.zeros_like(mass), color=frame.POPULATION)
    above.set_ylim(bottom=0)
    frame.quiet(above, title, up="share of the population (%)")
    above.grid(axis="y", color=frame.FAINT, linewidth=0.6)
    above.set_axisbelow(True)
    above.tick_params(bottom=False)

    policy = np.asarray(equilibrium.policy)[states]
    names = frame.action_names(equilibrium)
    if len(names) <= len(frame.HUES):
        _stack(below, policy, names)
        frame.quiet(below, "Policy", across, "probability")
    else:
        image = below.imshow(
            policy.T, aspect="auto", cmap=frame.HEAT, vmin=0, vmax=1, origin="lower"
        )
        frame.quiet(below, "Policy", across, "action")
        frame.color_bar(figure, below, image, "probability")
        if len(names) <= MOST_NAMES:
            below.set_yticks(range(len(names)), names)
    _name_states(below, equilibrium, states)
    below.set_xlim(-0.5, len(states) - 0.5)
    return figure


def _stack(axes: matplotlib.axes.Axes, policy: Float[np.ndarray, "S A"], names: list[str]) -> None:
    """Stack the probabilities of the actions on each other, the first at the bottom."""
    tops = np.cumsum(policy, axis=1)
    for a, color in enumerate(frame.action_colors(names)):
        bottom = tops[:, a - 1] if a else np.zeros(len(policy))
        _column(axes, tops[:, a], bottom, color=color, label=names[a])
    axes.set_ylim(0, 1)
    frame.legend(axes)


def _column(axes: matplotlib.axes.Axes, top: np.ndarray, bottom: np.ndarray, **look: Any) -> None:
    """Draw columns from bottom to top: bars where they are few, else one outline."""
    count = len(top)
    if count < MANY_STATES:
        width = min(0.8, 0.3 + 0.05 * count)  # two bars as wide as the sheet say nothing
        axes.bar(np.arange(count), top - bottom, width, bottom, linewidth=0, **look)
    else:
        edges = np.arange(count + 1) - 0.5
        axes.stairs(top, edges, baseline=bottom, fill=True, linewidth=0, **look)


def _name_states(
    axes: matplotlib.axes.Axes, equilibrium: "Equilibrium", states: np.ndarray
) -> None:
    """Put names under the columns where there is room."""
    in_order = len(states) == equilibrium.game.num_states
    if len(states) > MOST_NAMES and in_order:
        return
    names = np.array(frame.state_names(equilibrium))[states]
    letters = len(names) * max(len(name) for name in names)
    axes.set_xticks(range(len(names)), names)
    if letters > LETTERS:
        upright = len(names) > MOST_SLANTED
        axes.tick_params(axis="x", labelsize=frame.TEXT - 3 if upright else frame.TEXT - 1)
        for label in axes.get_xticklabels():
            label.set(
                rotation=90 if upright else 40,
                ha="center" if upright else "right",
                rotation_mode="default" if upright else "anchor",
            )
