"""What all figures share: the sheet with its heading, the colors, and quiet axes.

Colors are those of Okabe and Ito, which color-blind readers tell apart, and shades of one hue.
Everything is set on the objects themselves, so no global state of matplotlib is touched.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import Locator

from rmfg.core.status import Status
from rmfg.model.ambiguity import catalog

if TYPE_CHECKING:
    from rmfg.answer.equilibrium import Equilibrium

INK, QUIET, FAINT = "#1f2933", "#66717e", "#d5dae0"
POPULATION = "#44546a"
GOOD, BAD = "#00785a", "#c44e00"
HEAT = "Blues"  # nothing is white

HUES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#8c6d46")
REST = "#cfd5dc"
RESTFUL = ("stay", "wait", "nothing", "idle")

HEADING = 0.86  # inches
TEXT = 9


def sheet(equilibrium: "Equilibrium", width: float, height: float) -> Figure:
    """Return an empty figure, in inches, headed by game, set, status and certificate."""
    figure = Figure(figsize=(width, height), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    engine = figure.get_layout_engine()
    engine.set(rect=(0.01, 0.01, 0.98, 0.99 - HEADING / height))  # type: ignore[union-attr]
    certified = equilibrium.status == Status.CERTIFIED
    lines = (
        (equilibrium.game.name or type(equilibrium.game).__name__, 13, "bold", INK),
        (_question(equilibrium), TEXT, "normal", QUIET),
        (_verdict(equilibrium), TEXT, "normal", GOOD if certified else BAD),
    )
    left, top = 0.13 / width, 0.14
    for text, size, weight, color in lines:
        figure.text(
            left, 1 - top / height, text, fontsize=size, weight=weight, color=color, va="top"
        )
        top += 0.30 if weight == "bold" else 0.19
    return figure


def _question(equilibrium: "Equilibrium") -> str:
    """What was solved."""
    movers = {"worst_case": "", "nominal": "; the population moves by the nominal kernel"}
    population = equilibrium.population
    mover = "; the population moves by a kernel of its own"
    mover = movers[population] if isinstance(population, str) else mover
    discount = equilibrium.game.discount
    return f"{catalog.describe(equilibrium.ambiguity)}{mover}; discount {discount:g}"


def _verdict(equilibrium: "Equilibrium") -> str:
    """What is proved."""
    proof, status = equilibrium.certificate, equilibrium.status
    named = status in (Status.CERTIFIED, Status.NOT_CERTIFIED)
    word = str(status) if named else f"not certified ({status})"
    exploitability, consistency = _short(proof.relative_exploitability), _short(proof.consistency)
    return (
        f"{word} at tol {proof.tol:g}: exploitability {exploitability} of the value range, "
        f"consistency {consistency}"
    )


def _short(number: float) -> str:
    return "0" if number == 0 else f"{number:.1e}"


def quiet(axes: matplotlib.axes.Axes, title: str, across: str = "", up: str = "") -> None:
    """Give the axes a title and labels, and take away what says nothing."""
    axes.set_title(title, loc="left", fontsize=TEXT + 1, color=INK)
    axes.set_xlabel(across, fontsize=TEXT, color=INK)
    axes.set_ylabel(up, fontsize=TEXT, color=INK)
    axes.tick_params(labelsize=TEXT - 1, color=FAINT, labelcolor=QUIET)
    for name, spine in axes.spines.items():
        spine.set_color(FAINT)
        if name in ("top", "right"):
            spine.set_visible(False)


def color_bar(
    figure: Figure,
    axes: matplotlib.axes.Axes,
    colors: ScalarMappable,
    up: str,
    height: float = 1.0,
    ticks: Locator | None = None,
) -> None:
    """Put a color bar beside the axes, in the middle of them; as high as they are, or less."""
    place = axes.inset_axes((1.02, (1 - height) / 2, 0.03, height))
    bar = figure.colorbar(colors, cax=place, ticks=ticks)
    bar.set_label(up, fontsize=TEXT, color=INK)
    bar.ax.tick_params(labelsize=TEXT - 1, color=FAINT, labelcolor=QUIET)
    bar.ax.spines["outline"].set_edgecolor(FAINT)


def legend(axes: matplotlib.axes.Axes, **options: Any) -> None:
    """Put a plain legend right of the axes, or where the options say."""
    place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "reverse": True}
    size = {"fontsize": TEXT - 1, "title_fontsize": TEXT - 1, "labelcolor": INK}
    axes.legend(frameon=False, handlelength=1.0, handleheight=1.0, **size, **{**place, **options})


def action_names(equilibrium: "Equilibrium") -> list[str]:
    """Return the names of the actions, or their numbers."""
    names = equilibrium.game.action_names
    return (
        [f"action {a}" for a in range(equilibrium.game.num_actions)]
        if names is None
        else [str(name) for name in names]
    )


def state_names(equilibrium: "Equilibrium") -> list[str]:
    """Return the names of the states, or their numbers."""
    names = equilibrium.game.state_names
    return [str(name) for name in (range(equilibrium.game.num_states) if names is None else names)]


def action_colors(names: Sequence[str]) -> list[str]:
    """Return a color per action, gray for those that do nothing."""
    hues = iter(HUES)
    return [REST if name.lower() in RESTFUL else next(hues, QUIET) for name in names]
