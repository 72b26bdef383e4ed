"""The work-precision figure: exploitability against seconds, one panel a game."""

import math
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from duels import Found
from matplotlib.axes import Axes

COLUMNS = 4
STYLES = {
    "Bench-MFG": {"color": "#999999", "linewidth": 0.8},
    "MFGLib": {"color": "#d08c60", "linewidth": 0.8},
    "rmfg": {"color": "#1f5fa8", "linewidth": 1.8, "marker": "o", "markersize": 2.5},
}
BASELINE = {"color": "#7fb0e0", "linewidth": 1.0}
LIMITS = (1e-15, 1e3)


def draw(found: list[Found], path: Path) -> None:
    """Draw every method's least exploitability so far against its seconds, once compiled."""
    names = list(dict.fromkeys(one["game"] for one in found))
    rows = math.ceil(len(names) / COLUMNS)
    size = (3 * COLUMNS, 2.3 * rows)
    figure, axes = plt.subplots(
        rows, COLUMNS, figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for ax, name in zip(axes.flat, names, strict=False):
        _panel(ax, name, [one for one in found if one["game"] == name])
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    handles = [plt.Line2D([], [], **STYLES[key]) for key in STYLES]
    handles.append(plt.Line2D([], [], **BASELINE))
    labels = ["Bench-MFG, each setting", "MFGLib, each setting", "rmfg, Newton", "rmfg, baselines"]
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    figure.supxlabel("seconds, once compiled", fontsize=10)
    figure.supylabel("exploitability (mean), least so far", fontsize=10)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _panel(ax: Axes, name: str, found: list[Found]) -> None:
    # Ours last, so that it lies on top.
    for one in sorted(found, key=lambda one: one["library"] == "rmfg"):
        floor = max(LIMITS[0], min(one["resolution"]))
        least = np.minimum.accumulate(np.maximum(one["mean"], floor))
        style = STYLES[one["library"]]
        if one["library"] == "rmfg" and one["method"] != "Newton":
            style = BASELINE
        ax.step(one["seconds"], least, where="post", **style)
        ax.plot(one["seconds"][-1], least[-1], ".", color=style["color"], markersize=3)
    ax.set(xscale="log", yscale="log", ylim=LIMITS, title=name.replace("-", " "))
    ax.title.set_fontsize(9)
    ax.tick_params(labelsize=7)
    ax.grid(alpha=0.25, linewidth=0.5)
    ax.spines[["top", "right"]].set_visible(False)
