"""The figure of an equilibrium among finitely many agents: distances and gains against N."""

import os
from typing import TYPE_CHECKING

import matplotlib.axes
import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rmfg.core import inputs
from rmfg.show import frame
from rmfg.show.figure import check_format, write

if TYPE_CHECKING:
    import xarray

MEASURED, VERIFIED, BOUND = frame.HUES[0], frame.HUES[2], frame.HUES[5]


def plot_finite(study: "xarray.Dataset", path: str | os.PathLike[str] | None = None) -> "Figure":
    """Draw a `rmfg.finite_study`: how far N agents stray, what one gains, and the bounds on both.

    Returns a matplotlib figure that belongs to no window; with `path` (.png, .pdf or .svg) it is
    also written, whole or not at all. Raises ValueError for other formats and missing folders.
    """
    import xarray

    inputs.instance("study", study, xarray.Dataset, "a dataset of `rmfg.finite_study`")
    missing = [name for name in ("agents", "distance", "bound") if name not in study]
    if missing:
        raise ValueError(
            f"`study` must be a dataset of `rmfg.finite_study`, but has no `{missing[0]}`."
        )
    if path is not None:
        check_format("path", path)
    figure = Figure(figsize=(9.2, 4.3), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    about = study.attrs
    engine = figure.get_layout_engine()
    engine.set(rect=(0.01, 0.01, 0.98, 0.84))  # type: ignore[union-attr]
    figure.text(0.014, 0.975, about["game"], fontsize=13, weight="bold", color=frame.INK, va="top")
    facts = f"{about['ambiguity']}; discount {about['discount']:g}; {about['num_runs']} runs of "
    facts += f"{about['num_steps']} steps; equilibrium {about['status']}"
    figure.text(0.014, 0.908, facts, fontsize=frame.TEXT, color=frame.QUIET, va="top")
    left, right = figure.subplots(1, 2)
    strays(left, study)
    gains(right, study)
    if path is not None:
        write(figure, path)
    return figure


def strays(axes: matplotlib.axes.Axes, study: "xarray.Dataset") -> None:
    """Draw how far the empirical law is from the equilibrium's."""
    agents = study["agents"].values
    _points(axes, study, "distance", MEASURED, "measured")
    axes.plot(agents, study["fluctuation"], color=BOUND, linewidth=1.2, label="one step's bound")
    _logarithmic(axes)
    frame.quiet(axes, _title("Distance from the mean field", study, "distance"), "agents", "L1")
    frame.legend(axes, loc="lower left", bbox_to_anchor=(0, 0), reverse=False)


def gains(axes: matplotlib.axes.Axes, study: "xarray.Dataset") -> None:
    """Draw what one agent gains by leaving the policy, and the bounds on that."""
    agents, bound = study["agents"].values, study["bound"].values
    if "epsilon" in study:
        _points(axes, study, "epsilon", MEASURED, "epsilon")
        _points(axes, study, "verification", VERIFIED, "bound by verification")
    if np.isfinite(bound).any():
        word = str(study["constants"].values[0])
        axes.plot(agents, bound, color=BOUND, linewidth=1.2, label=f"bound, constants {word}")
    _logarithmic(axes)
    frame.quiet(axes, _title("Gain of one who leaves", study, "epsilon"), "agents", "value")
    frame.legend(axes, loc="lower left", bbox_to_anchor=(0, 0), reverse=False)


def _points(
    axes: matplotlib.axes.Axes, study: "xarray.Dataset", name: str, color: str, label: str
) -> None:
    """Points with their intervals. Ends at zero, which a logarithm does not show, are left open."""
    value, low, high = (study[f"{name}{end}"].values for end in ("", "_low", "_high"))
    agents = study["agents"].values
    shown = np.where(value > 0, value, np.nan)
    ends = np.stack([shown - np.maximum(low, 0.02 * shown), np.maximum(high, shown) - shown])
    axes.errorbar(
        agents,
        shown,
        _finite(ends),
        color=color,
        label=label,
        marker="o",
        markersize=4,
        linewidth=1,
        elinewidth=1,
        capsize=2,
    )


def _finite(ends: Float[np.ndarray, "2 N"]) -> Float[np.ndarray, "2 N"]:
    return np.where(np.isfinite(ends), np.maximum(ends, 0), 0)


def _title(text: str, study: "xarray.Dataset", name: str) -> str:
    """The title with the fitted slope, if there is one."""
    found = study.attrs.get(f"{name}_slope", np.nan)
    if not np.isfinite(found):
        return text
    return f"{text}: slope {found:.2f} ± {study.attrs[f'{name}_slope_error']:.2f}"


def _logarithmic(axes: matplotlib.axes.Axes) -> None:
    axes.set_xscale("log")
    # Where nobody gains anything there is nothing that a logarithm could show.
    if any((np.asarray(line.get_ydata(), dtype=float) > 0).any() for line in axes.lines):
        axes.set_yscale("log")
    axes.grid(color=frame.FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
