"""States that lie nowhere: columns as on a line; of many states, those where most agents are."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from rmfg.show import line

if TYPE_CHECKING:
    from rmfg.answer.equilibrium import Equilibrium

MOST_STATES = 120
SHOWN_STATES = 60


def draw(equilibrium: "Equilibrium", _: None = None) -> Figure:
    """Draw a column per state, or per state of the largest masses."""
    distribution = np.asarray(equilibrium.distribution)
    count = len(distribution)
    if count <= MOST_STATES:
        return line.columns(equilibrium, np.arange(count), "state")
    largest = np.argsort(-distribution, kind="stable")[:SHOWN_STATES]
    share = distribution[largest].sum()
    title = f"Population: the {SHOWN_STATES} fullest of {count:,} states hold {share:.1%} of it"
    return line.columns(equilibrium, largest, "state, by mass", title)
