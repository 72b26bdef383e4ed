"""The contraction game: two places, a cost to change, and a cost of company."""

import numpy as np

from rmfg.model.game import TabularGame
from rmfg.zoo.arguments import number
from rmfg.zoo.coupling import OwnDensity
from rmfg.zoo.registry import Entry


def contraction_game(
    switch_cost: float = 2.0, crowding: float = 2.0, discount: float = 0.9
) -> TabularGame:
    """Build the two-state game that Bench-MFG calls a contraction game.

        r(s, a, m) = -switch_cost [a = switch] - crowding m(s);   stay: s' = s, switch: s' = 1 - s

    Staying everywhere keeps every law, and is a best response to m where
    |m(0) - m(1)| <= switch_cost (1 - discount) / (crowding discount), that is 1/9 at the defaults.
    So equilibria form a continuum although the reward is strictly monotone: in a stationary game
    monotonicity does not give uniqueness. The best response does not depend on m at all, which is
    the contraction that the name promises, only where that bound is at least 1 (switch_cost at
    least 18 at the default crowding). Otherwise pure best responses cycle with period two.
    """
    stay, switch = np.eye(2), np.eye(2)[::-1]
    costs = np.array([0.0, -number("switch_cost", switch_cost, 0)])
    return TabularGame(
        np.stack([stay, switch], axis=1),
        OwnDensity(np.tile(costs, (2, 1)), -number("crowding", crowding, 0)),
        discount,
        action_names=("stay", "switch"),
    )


ENTRY = Entry(
    name="contraction-game",
    summary="Agents in two places may change sides, at a cost, to escape the crowd.",
    source="Bench-MFG, arXiv:2602.12517 (contraction_game).",
    equations="r = -switch_cost [a = switch] - crowding m(s); stay: s' = s, switch: s' = 1 - s.",
    known=("monotone", "potential", "several equilibria", "closed form"),
    build=contraction_game,
)
