"""Rock, paper, scissors against a population: pure best responses chase each other forever."""

import numpy as np

from rmfg.model.game import TabularGame
from rmfg.zoo.coupling import Pairwise
from rmfg.zoo.registry import Entry

NAMES = ("rock", "paper", "scissors")
PAYOFF = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])


def rock_paper_scissors(discount: float = 0.9) -> TabularGame:
    """Build the stationary rock-paper-scissors game.

        r(s, a, m) = sum over t of payoff(s, t) m(t),   s' = a

    The state is the gesture shown now, the action the gesture shown next. The payoff is
    antisymmetric, so the sum of (m - m')(r - r') is always 0: monotone, but not strictly. The only
    equilibrium law is uniform, with value 0, and every policy of that law is an equilibrium.
    """
    kernel = np.broadcast_to(np.eye(3), (3, 3, 3))  # whatever the state, action a leads to a
    return TabularGame(
        kernel,
        Pairwise(np.zeros((3, 3)), PAYOFF),
        discount,
        state_names=NAMES,
        action_names=NAMES,
    )


ENTRY = Entry(
    name="rock-paper-scissors",
    summary="Agents show a gesture that beats one third of the others and loses to another third.",
    source="Bench-MFG, arXiv:2602.12517 (rock_paper_scissors); "
    "a finite-horizon version is in Cui and Koeppl, AISTATS 2021, arXiv:2102.01585.",
    equations="r = sum_t payoff(s, t) m(t) with the antisymmetric payoff of the game; s' = a.",
    known=("monotone", "closed form"),
    build=rock_paper_scissors,
)
