"""A road network: a map with the flow of every link, and how flows, times and choices lie.

Traffic keeps right: the two directions of a road lie side by side, each as wide as its flow. Flows
and loads are the game's observables `link_flows` and `link_loads` over links; of games without
them the map shows the share of the population on each link.
"""

from typing import TYPE_CHECKING, NamedTuple

import matplotlib.axes
import numpy as np
from matplotlib import colormaps
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from rmfg.core.precision import Array
from rmfg.model.layout import Network
from rmfg.model.observable import as_observables
from rmfg.show import frame

if TYPE_CHECKING:
    from rmfg.answer.equilibrium import Equilibrium

BROADEST = 0.022  # of the map's size: the band of the largest flow
THINNEST = 0.0012
MOST_NAMES = 80
FLOWS, LOADS = "link_flows", "link_loads"
SHARE = "% of the population"


class Traffic(NamedTuple):
    """What is on each link, in words and numbers, how full it is, and what others say of it."""

    word: str
    flows: np.ndarray
    unit: str
    loads: np.ndarray
    load_unit: str
    reference: Array | None


def draw(equilibrium: "Equilibrium", layout: Network) -> Figure:
    """Draw the map on the left; flows against published ones, and the policy, on the right."""
    traffic = _traffic(equilibrium, layout)
    figure = frame.sheet(equilibrium, 11.5, 7.6)
    columns = figure.add_gridspec(1, 2, width_ratios=(1.45, 1))
    _map(figure, figure.add_subplot(columns[0]), layout, traffic)
    rows = columns[1].subgridspec(2, 1)
    above, below = figure.add_subplot(rows[0]), figure.add_subplot(rows[1])
    if traffic.reference is not None:
        _against(above, np.asarray(traffic.reference), traffic.flows, traffic.unit)
    else:
        _loads(above, traffic)
    _choices(below, equilibrium)
    return figure


def _traffic(equilibrium: "Equilibrium", layout: Network) -> Traffic:
    """The game's observables over links, or the shares of the population that are there."""
    known, values = as_observables(equilibrium.game.observables), equilibrium.observables
    on_links = {name: each for name, each in known.items() if each.over == "link"}
    if FLOWS in on_links:
        about, full = on_links[FLOWS], LOADS if LOADS in on_links else FLOWS
        load_unit = on_links[full].unit
        return Traffic("flow", values[FLOWS], about.unit, values[full], load_unit, about.reference)
    link = np.asarray(layout.state_link)
    mass = 100 * np.asarray(equilibrium.distribution)
    shares = np.bincount(link[link >= 0], mass[link >= 0], len(layout.tail))
    return Traffic("share", shares, SHARE, shares, SHARE, None)


def _map(figure: Figure, axes: matplotlib.axes.Axes, layout: Network, traffic: Traffic) -> None:
    flows = traffic.flows
    places = np.stack([layout.x, layout.y], axis=1).astype(float)
    size = np.ptp(places, axis=0).max() or 1.0
    places = (places - places.min(0)) / size
    tail, head = places[list(layout.tail)], places[list(layout.head)]
    width = np.maximum(BROADEST * flows / flows.max(), THINNEST) if flows.max() > 0 else THINNEST
    order = np.argsort(flows)
    bands = PolyCollection(
        list(_bands(tail, head, np.broadcast_to(width, flows.shape))[order]),
        array=traffic.loads[order],
        cmap=ListedColormap(colormaps["OrRd"](np.linspace(0.25, 1, 256))),
        linewidths=0,
    )
    bands.set_clim(0, None)
    axes.add_collection(bands)
    frame.color_bar(figure, axes, bands, traffic.load_unit, height=0.6)

    named = len(places) <= MOST_NAMES
    axes.scatter(
        *places.T,
        s=120 if named else 4,
        color="white",
        edgecolor=frame.QUIET,
        linewidths=0.8,
        zorder=3,
    )
    look = {"ha": "center", "va": "center", "fontsize": frame.TEXT - 2, "color": frame.INK}
    for name, (x, y) in zip(layout.node_names, places, strict=True) if named else ():
        axes.text(x, y, name, zorder=4, **look)
    most = flows.max()
    shown = f"{most:,.0f}" if most >= 10 else f"{most:.2g}"
    title = f"Links as wide as their {traffic.word} (at most {shown} {traffic.unit})"
    frame.quiet(axes, f"{title}, traffic keeps right")
    axes.set_aspect("equal")
    axes.set_anchor("W")
    axes.margins(0.04)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _bands(tail: np.ndarray, head: np.ndarray, width: np.ndarray) -> np.ndarray:
    """The outlines of the links: right of the line between the nodes, with half an arrowhead."""
    along = head - tail
    length = np.linalg.norm(along, axis=1, keepdims=True)
    along = along / np.where(length > 0, length, 1)
    aside = np.stack([along[:, 1], -along[:, 0]], axis=1)
    inner, outer = aside * 0.0015, aside * (0.0015 + width[:, None])
    tip = np.minimum(width[:, None], length / 3)
    return np.stack([tail + inner, head + inner, head - along * tip + outer, tail + outer], axis=1)


def _against(
    axes: matplotlib.axes.Axes, reference: np.ndarray, flows: np.ndarray, unit: str
) -> None:
    """Flows over the published ones."""
    top = 1.05 * max(reference.max(), flows.max())
    axes.plot([0, top], [0, top], color=frame.FAINT, linewidth=1, zorder=1)
    axes.scatter(reference, flows, s=18, color=frame.HUES[0], alpha=0.75, linewidths=0)
    spread = np.ptp(reference) > 0 and np.ptp(flows) > 0
    found = f"{np.corrcoef(reference, flows)[0, 1]:.4f}" if spread else "undefined"
    frame.quiet(
        axes,
        f"Link flows: correlation {found} with the published ones",
        f"published flow ({unit})",
        f"flow ({unit})",
    )
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,.0f}")


def _loads(axes: matplotlib.axes.Axes, traffic: Traffic) -> None:
    """How full the links are, where there is nothing to compare them with."""
    axes.hist(traffic.loads, bins=20, color=frame.POPULATION)
    frame.quiet(axes, "Load of the links", traffic.load_unit, "links")


def _choices(axes: matplotlib.axes.Axes, equilibrium: "Equilibrium") -> None:
    """How sure travelers are of their road: most take one, those at a balance take several."""
    share = 100 * np.asarray(equilibrium.distribution)
    surest = np.clip(np.asarray(equilibrium.policy).max(axis=1), 0, 1)  # rounding may exceed 1
    axes.hist(surest, bins=20, range=(0, 1), weights=share, color=frame.POPULATION)
    frame.quiet(
        axes,
        "Policy: how many travelers mix between roads",
        "probability of the traveler's likeliest road",
        "share of the population (%)",
    )
    axes.set_xlim(0, 1)
