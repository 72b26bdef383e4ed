"""The Lasry-Lions chain: a crowd that dislikes itself around an attractive center."""

import numpy as np

from rmfg.model.game import TabularGame
from rmfg.model.layout import Line
from rmfg.zoo.arguments import number, probability, walkers
from rmfg.zoo.coupling import OwnDensity
from rmfg.zoo.moves import WALK, WALK_NAMES, walk
from rmfg.zoo.registry import Entry


def lasry_lions_chain(
    num_states: int = 7,
    noise: float = 0.05,
    move_cost: float = 2.0,
    center_cost: float = 3.0,
    crowding: float = 40.0,
    discount: float = 0.9,
) -> TabularGame:
    """Build the Lasry-Lions chain of Bench-MFG.

        r(s, a, m) = -move_cost |a| - center_cost (s - (S - 1) / 2)^2 - crowding m(s)
        s' = s + a + e clipped to 0 .. S-1,   a in {-1, 0, 1},   e = -1, 1 w.p. noise / 2 each

    At the defaults the equilibrium is mixed in states 1, 2, 4, 5: its law is (0.00111787,
    0.04952394, 0.27750186, 0.34371267, and the mirror image), and nobody moves from the middle.
    Methods that return greedy policies cycle.
    """
    states = np.arange(walkers("num_states", num_states))
    staying = -number("center_cost", center_cost, 0) * (states - (num_states - 1) / 2) ** 2
    base = staying[:, None] - number("move_cost", move_cost, 0) * np.abs(WALK)
    return TabularGame(
        walk(num_states, probability("noise", noise)),
        OwnDensity(base, -number("crowding", crowding, 0)),
        discount,
        action_names=WALK_NAMES,
        layout=Line(num_states),
    )


ENTRY = Entry(
    name="lasry-lions-chain",
    summary="Walkers on a chain are drawn to its center and pushed away by each other.",
    source="Bench-MFG, arXiv:2602.12517 (lasry_lions_chain); monotonicity after Lasry and Lions: "
    "Mean field games. Japanese Journal of Mathematics 2, 2007, doi:10.1007/s11537-007-0657-8.",
    equations="r = -move_cost |a| - center_cost (s - (S - 1) / 2)^2 - crowding m(s); "
    "s' = clip(s + a + e), e = -1, 1 with probability noise / 2 each.",
    known=("monotone", "potential"),
    build=lasry_lions_chain,
)
