"""The unit of a relative tolerance: what the answer's own values range over.

A tolerance relative to all rewards of a game promises little where some of them are huge and nobody
meets them: a penalty for an action that is never played, the cost of a crowd that never forms. So
the unit is read off the answer alone. It is the larger of two numbers.

1. The range of the policy's own robust values over the states in reach: where the population is in
   the long run, and where any sequence of actions leads from there. An action that the policy does
   not play does not enter, and neither does a state that nobody can come to.
2. How much the rewards of the population itself change, for good, when the shares of the states
   change by a thousandth. This is the unit of games like rock, paper, scissors, where all values
   agree at the equilibrium: the closer a candidate comes, the smaller is the range of its values,
   and a share of that range would never be reached.

Both move with the unit of the rewards, and ignore constants added to them.
"""

from collections.abc import Iterator

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
from jaxtyping import Bool, Float

from rmfg.core.precision import Array
from rmfg.model.game import MeanFieldGame
from rmfg.model.kernel import Kernel

# The states that hold all of the population but this share are where it is.
RARE = 1e-6
# By how much the share of a state changes between neighboring mean fields, and how many are tried.
NEIGHBORHOOD, NUM_NEIGHBORS = 1e-2, 4


def scale_of(
    values: Float[np.ndarray, " S"],
    reach: Bool[np.ndarray, " S"],
    response: float,
    gain: float,
    size: float,
) -> float:
    """Return the unit of a candidate's relative numbers; finite numbers give a positive one.

    `values` are the policy's own, `response` is how much values of the population change between
    neighboring mean fields, `gain` the exploitability, and `size` the largest value in absolute
    numbers. Where the first two vanish, a gain that is there is measured by itself, and where
    nothing differs beyond the rounding of `size`, that is the unit.
    """
    rounding = float(np.finfo(np.float64).eps) * size
    unit = max(float(np.ptp(values[reach])), response)
    if unit > rounding or np.isnan(unit):
        return unit
    if gain > rounding:
        return gain
    return size if size > 0 else 1.0


def in_reach(
    law: Float[np.ndarray, " S"],
    values: Float[np.ndarray, " S"],
    kernels: tuple[Kernel, ...],
    allowed: Float[np.ndarray, "S A"],
) -> Bool[np.ndarray, " S"]:
    """Where the population is, and where the allowed actions can lead from there."""
    order = np.argsort(-law, kind="stable")
    held = np.cumsum(law[order])
    crowd = np.zeros(law.size, dtype=bool)
    crowd[order[: 1 + np.searchsorted(held, (1 - RARE) * held[-1])]] = True
    if np.ptp(values[crowd]) == np.ptp(values):
        return np.ones(law.size, dtype=bool)  # whoever else is in reach changes nothing
    moves = sum(
        (kernel.chain(allowed) for kernel in kernels), scipy.sparse.csr_array(2 * law.shape)
    )
    moves = scipy.sparse.coo_array(moves)
    # One more state, from which everybody starts.
    sources = np.concatenate([moves.row, np.full(crowd.sum(), law.size)])
    targets = np.concatenate([moves.col, np.flatnonzero(crowd)])
    shape = (law.size + 1, law.size + 1)
    graph = scipy.sparse.csr_array((np.ones(sources.size), (sources, targets)), shape=shape)
    found = scipy.sparse.csgraph.breadth_first_order(graph, law.size, return_predecessors=False)
    reach = np.zeros(law.size + 1, dtype=bool)
    reach[found] = True
    return reach[:-1]


def response_to_neighbors(
    game: MeanFieldGame, mean_field: Float[np.ndarray, "..."], mass: Float[np.ndarray, "S A"]
) -> float:
    """The population's mean change of reward between its mean field and neighboring ones, at most.

    Rewards that the population does not earn do not count, and numbers that are not finite neither.
    """
    here = np.asarray(_reward(game, jnp.asarray(mean_field)))
    most = 0.0
    for field in _neighbors(mean_field):
        with np.errstate(invalid="ignore"):
            change = np.abs(np.asarray(_reward(game, jnp.asarray(field))) - here)
        moved = float(np.sum(mass * np.where((mass > 0) & np.isfinite(change), change, 0)))
        most = max(most, moved)
    return most


def _neighbors(mean_field: Float[np.ndarray, "..."]) -> Iterator[Float[np.ndarray, "..."]]:
    """Mean fields in which half of the shares are a little larger, and the others smaller."""
    numbers = np.arange(mean_field.size).reshape(mean_field.shape)
    for bit in range(min(NUM_NEIGHBORS, (mean_field.size - 1).bit_length())):
        moved = mean_field * (1 + NEIGHBORHOOD * (1 - 2 * (numbers >> bit & 1)))
        yield moved / moved.sum()


@eqx.filter_jit
def _reward(game: MeanFieldGame, mean_field: Array) -> Array:
    return jnp.asarray(game.reward(mean_field))
