"""How a law moves under a Markov chain: what flows into each state and out of it.

A law is stationary where the two agree. Their L1 distance, the law's consistency, is mass per step:
halve the time step of a model and it halves, whatever the law is worth. So imbalance is also
measured as a share of what flows. Mass that stays where it is is in neither, so that no digits are
lost to it.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Float


class Flows(NamedTuple):
    """The mass that enters and leaves each state in a step."""

    inward: Float[np.ndarray, " S"]
    outward: Float[np.ndarray, " S"]

    @property
    def consistency(self) -> float:
        """The L1 distance of the law from its own push-forward."""
        return float(np.sum(np.abs(self.inward - self.outward)))

    @property
    def imbalance(self) -> float:
        """The largest difference of inflow and outflow, as a share of what flows.

        In states through which less flows than through the average state, as a share of that:
        where hardly anything moves nothing is out of balance.
        """
        apart = np.abs(self.inward - self.outward)
        busy = np.maximum(np.maximum(self.inward, self.outward), np.mean(self.outward))
        return float(np.max(np.where(apart == 0, 0, apart / np.where(busy == 0, 1, busy))))


def flows(chain: scipy.sparse.csr_array, law: Float[np.ndarray, " S"]) -> Flows:
    """What enters and leaves each state when the law takes one step of the chain."""
    moves = scipy.sparse.coo_array(chain)
    leaving = moves.row != moves.col
    source, target = moves.row[leaving], moves.col[leaving]
    mass = law[source] * moves.data[leaving]
    return Flows(
        np.bincount(target, mass, minlength=law.size), np.bincount(source, mass, minlength=law.size)
    )
