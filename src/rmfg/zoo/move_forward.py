"""Moving forward: agents who do not see each other. A game that every solver must get right."""

import numpy as np

from rmfg.model.game import TabularGame
from rmfg.model.layout import Line
from rmfg.zoo.arguments import number, probability, walkers
from rmfg.zoo.moves import WALK, WALK_NAMES, walk
from rmfg.zoo.registry import Entry


def move_forward(
    num_states: int = 7,
    noise: float = 0.05,
    move_cost: float = 0.1,
    discount: float = 0.9,
) -> TabularGame:
    """Build the game without interaction of Bench-MFG.

        r(s, a) = s - move_cost |a|
        s' = s + a + e clipped to 0 .. S-1,   a in {-1, 0, 1},   e = -1, 1 w.p. noise / 2 each

    At the defaults everyone goes right and stays at the end: the law is (0, ..., 0, noise / 2,
    1 - noise / 2), and the problem is that of a single agent.
    """
    states = np.arange(walkers("num_states", num_states), dtype=float)
    return TabularGame(
        walk(num_states, probability("noise", noise)),
        states[:, None] - number("move_cost", move_cost, 0) * np.abs(WALK),
        discount,
        action_names=WALK_NAMES,
        layout=Line(num_states),
    )


ENTRY = Entry(
    name="move-forward",
    summary="Walkers on a chain who ignore each other go right, where the reward is.",
    source="Bench-MFG, arXiv:2602.12517 (no_interaction_game).",
    equations="r = s - move_cost |a|; "
    "s' = clip(s + a + e), e = -1, 1 with probability noise / 2 each.",
    known=("no interaction", "monotone", "potential", "closed form"),
    build=move_forward,
)
