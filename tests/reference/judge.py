"""A judge of claimed equilibria at a fixed mean field, who shares nothing with the library.

The judge is slow and lenient: it reports what is certainly wrong with a claim, and a claim without a
fault may still be no equilibrium.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Worst = Callable[[int, int, np.ndarray], tuple[float, np.ndarray]]
"""Of a row (s, a) and values: the least expected value over the set, and a law that attains it."""


class Faults(NamedTuple):
    """What is certainly wrong, in shares of the range of the policy's values where they have a unit.

    `gain` is what a single deviation brings somewhere, `nature` how far nature's rows are from the
    worst case on either side, where the population goes, and `law` the L1 distance from the only
    stationary law, in probability.
    """

    gain: float
    nature: float
    law: float
    spread: float

    @property
    def worst(self) -> float:
        """The largest fault."""
        return max(self.gain, self.nature, self.law)


def faults(
    reward: np.ndarray,
    discount: float,
    policy: np.ndarray,
    law: np.ndarray,
    nature: np.ndarray,
    worst: Worst,
    paid: np.ndarray | float = 0.0,
) -> Faults:
    """Judge a claim: policy (S, A), law (S,) and nature's kernel (S, A, S), as they are given.

    `paid` (S, A) is what nature pays for her rows where she pays for them.
    """
    size, actions = reward.shape
    values = np.zeros(size)
    for _ in range(100):
        chain, earned = np.zeros((size, size)), (policy * reward).sum(1)
        for s, a in np.argwhere(policy > 0):
            least, row = worst(s, a, values)
            chain[s] += policy[s, a] * row
            earned[s] += discount * policy[s, a] * (least - row @ values)  # what nature pays
        following = np.linalg.solve(np.eye(size) - discount * chain, earned)
        done = np.abs(following - values).max() <= 1e-12 * max(np.ptp(following), 1e-300)
        values = following
        if done:
            break
    least = np.array([[worst(s, a, values)[0] for a in range(actions)] for s in range(size)])
    spread = np.ptp(values)
    gain = (reward + discount * least).max(axis=1) - values
    played = law[:, None] * policy > 0
    off = np.abs(nature @ values + paid - least)[played]
    chain = np.einsum("sa,sat->st", policy, nature)
    return Faults(
        float(gain.max() / spread),
        float(off.max() / spread),
        float(np.abs(law - stationary_law(chain)).sum()),
        float(spread),
    )


def stationary_law(chain: np.ndarray) -> np.ndarray:
    """The law that the balance equations determine, for a chain with one recurrent class."""
    size = len(chain)
    equations = np.vstack([chain.T - np.eye(size), np.ones(size)])
    return np.linalg.lstsq(equations, np.append(np.zeros(size), 1), rcond=None)[0]
