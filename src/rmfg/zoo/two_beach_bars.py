"""Two beach bars: a crowd that dislikes itself divides between two attractive places."""

from collections.abc import Sequence

import numpy as np

from rmfg.model.game import TabularGame
from rmfg.zoo.arguments import flag, number, places, probability, walkers
from rmfg.zoo.beach_bar import beach, distance
from rmfg.zoo.moves import WALK
from rmfg.zoo.registry import Entry
from rmfg.zoo.watched import shares_at


def two_beach_bars(
    num_states: int = 21,
    bars: Sequence[int] | None = None,
    charms: Sequence[float] | None = None,
    ring: bool = False,
    noise: float = 0.2,
    attraction: float = 8.0,
    move_cost: float = 1.0,
    crowding: float = 1.0,
    floor: float = 1e-6,
    discount: float = 0.9,
) -> TabularGame:
    """Build the beach with several bars, from which everyone chooses.

        r(s, a, m) = max over bars k of (charm_k - attraction |s - bar_k| / S)
                     - move_cost |a| / S - crowding log(max(m(s), floor))

    with the walk of `beach_bar`. By default two bars stand at S/4 and at its mirror image, with
    charms 0 and 0; unequal charms make one bar better and a larger crowd there worth it. More bars
    may be given. At the defaults the law of the equilibrium has a peak of 0.107 at either bar and
    a valley of 0.017 between them.
    """
    states = np.arange(walkers("num_states", num_states), dtype=float)
    probability("noise", noise)
    flag("ring", ring)
    quarter = num_states // 4
    chosen = (quarter, num_states - 1 - quarter) if bars is None else bars
    stands = places("bars", chosen, num_states)
    worth = (0.0,) * len(stands) if charms is None else charms
    if len(worth) != len(stands):
        raise ValueError(f"`charms` must have one entry per bar ({len(stands)}), but is {worth!r}.")
    slope = number("attraction", attraction, 0) / num_states
    appeals = [
        number("charms", charm) - slope * distance(states, stand, ring)
        for charm, stand in zip(worth, stands, strict=True)
    ]
    moving = number("move_cost", move_cost, 0) * np.abs(WALK) / num_states
    base = np.max(appeals, axis=0)[:, None] - moving
    watched = {"at_bars": shares_at(stands, "bar")}
    return beach(base, ring, noise, crowding, floor, discount, watched)


ENTRY = Entry(
    name="two-beach-bars",
    summary="Walkers on a beach choose between bars, each of them better when others stay away.",
    source="After the beach bar of Perrin et al., NeurIPS 2020, arXiv:2007.03458; several bars and "
    "the stationary discounted version are ours.",
    equations="r = max_k (charm_k - attraction |s - bar_k| / S) - move_cost |a| / S "
    "- crowding log(max(m(s), floor)); s' = s + a + e as in beach-bar.",
    known=("monotone", "potential"),
    build=two_beach_bars,
)
