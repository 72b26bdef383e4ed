"""Kinetic congestion: a full cell lets nobody in, so the crowd blocks its own way."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from rmfg.core.memory import affordable
from rmfg.core.precision import Array
from rmfg.model.game import Lipschitz, TabularGame
from rmfg.model.kernel import SparseKernel
from rmfg.model.layout import Grid
from rmfg.zoo.arguments import above_zero, number, whole
from rmfg.zoo.moves import GRID, GRID_NAMES, STAY
from rmfg.zoo.registry import Entry
from rmfg.zoo.watched import share_at


class Passage(eqx.Module):
    """The kernel m -> two successors of (s, a): the cell ahead, if it lets the agent in, or s."""

    successors: Int[Array, "S A 2"]  # the cell ahead, the cell itself
    moving: Bool[Array, "S A"]  # false where the border is ahead
    capacity: Float[Array, ""]

    def __call__(self, mean_field: Float[Array, " S"]) -> SparseKernel:
        ahead = jnp.asarray(mean_field)[self.successors[..., 0]]
        enters = jnp.maximum(1 - ahead / self.capacity, 0)
        # Where both successors are one state, the first slot takes all and the second is padding.
        chance = jnp.where(self.moving, enters, 1)
        return SparseKernel(self.successors, jnp.stack([chance, 1 - chance], axis=-1))


def kinetic_congestion(
    num_rows: int = 5,
    num_columns: int = 5,
    capacity: float = 0.18,
    time_cost: float = 1.0,
    move_cost: float = 0.1,
    discount: float = 0.9,
) -> TabularGame:
    """Build the grid on which the crowd ahead slows agents down.

    Agents walk to the goal, the last cell. With t the cell ahead of (s, a),

        r(s, a) = -time_cost [s != goal] - move_cost [a != stay]
        P(t | s, a, m) = max(0, 1 - m(t) / capacity),   otherwise the agent stays at s

    A move into the border leaves the agent at s, at the same cost. No noise moves anybody, so the
    stationary law of a policy depends on where the population starts, and equilibria form a large
    continuum of gridlocks: for example m(goal) = capacity while all others wait, since a full
    goal lets nobody in. The formula is exact; the code of the source rounds to whole percents.

    A row moves in L1 by twice the change of its probability to enter, at most |m(t) - m'(t)| /
    capacity, and a mass by at most half the distance of two laws: the kernel's constant is
    1 / capacity.
    """
    rows, columns = whole("num_rows", num_rows), whole("num_columns", num_columns)
    affordable("num_rows and num_columns", len(GRID) * 10 * rows * columns)
    cells = np.stack(np.divmod(np.arange(rows * columns), columns), axis=-1)
    ahead = np.clip(cells[:, None] + GRID, 0, (rows - 1, columns - 1))
    target = ahead[..., 0] * columns + ahead[..., 1]
    here = np.broadcast_to(np.arange(rows * columns)[:, None], target.shape)
    waiting = np.arange(rows * columns) != rows * columns - 1
    return TabularGame(
        Passage(
            np.stack([target, here], axis=-1),
            target != here,
            np.asarray(above_zero("capacity", capacity)),
        ),
        -number("time_cost", time_cost, 0) * waiting[:, None]
        - number("move_cost", move_cost, 0) * (np.arange(len(GRID)) != STAY),
        discount,
        lipschitz=Lipschitz(kernel=1 / capacity),
        action_names=GRID_NAMES,
        layout=Grid(rows, columns, moves=tuple((int(up), int(right)) for up, right in GRID)),
        observables={"at_goal": share_at(rows * columns - 1)},
    )


ENTRY = Entry(
    name="kinetic-congestion",
    summary="Walkers to a goal are held up by the crowd in the cell ahead of them.",
    source="Bench-MFG, arXiv:2602.12517 (kinetic_congestion), with the documented instead of the "
    "rounded probabilities.",
    equations="r = -time_cost [s != goal] - move_cost [a != stay]; a move to the cell t succeeds "
    "with probability max(0, 1 - m(t) / capacity).",
    known=("several equilibria", "closed form"),
    build=kinetic_congestion,
)
