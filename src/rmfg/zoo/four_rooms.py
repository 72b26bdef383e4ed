"""Four rooms: a crowd spreads over four rooms that are joined by doors."""

import numpy as np
from jaxtyping import Bool, Int

from rmfg.core.memory import affordable
from rmfg.model.game import TabularGame
from rmfg.model.layout import Grid
from rmfg.zoo.arguments import above_zero, flag, number, probability, whole
from rmfg.zoo.coupling import CrowdAversion
from rmfg.zoo.moves import GRID, GRID_NAMES, merged
from rmfg.zoo.registry import Entry
from rmfg.zoo.watched import SHARE, mean_of

EAST = 1  # the position of the move to the right in GRID


def four_rooms(
    size: int = 11,
    wind: float = 0.0,
    wall_jumps: bool = False,
    crowding: float = 1.0,
    floor: float = 1e-12,
    discount: float = 0.9,
) -> TabularGame:
    """Build crowd aversion in four rooms.

        r(s, a, m) = -crowding log(max(m(s), floor))

    The moves are up, right, down, left and stay. After the agent's move comes a random one of the
    five: to the right with probability wind + (1 - wind) / 5, each other with (1 - wind) / 5. A
    move into a wall or out of the grid leaves the agent where it was. Walls fill the middle row
    and column but for two doors each. Only free cells are states, numbered along the rows from
    below, walls left out: 104 states at size 11. The layout tells where they lie.

    Without wind the uniform policy has the uniform law, the reward is then constant, and both form
    an equilibrium of value crowding log(S) / (1 - discount): 46.443909 at the defaults. Wind makes
    agents work against the drift and breaks this symmetry.

    In the source wall cells are states too, with mass at the start, and the two moves are added
    before the walls are looked at, so that agents jump over walls. `wall_jumps=True` brings the
    jumps back; its stationary equilibria are then those of the source.
    """
    affordable("size", len(GRID) * 10 * whole("size", size, 3) ** 2)
    free = _free_cells(size)
    chances = np.full(len(GRID), (1 - probability("wind", wind)) / len(GRID))
    chances[EAST] += wind
    cells = np.argwhere(free)
    if flag("wall_jumps", wall_jumps):
        ends = _landed(free, cells[:, None, None], GRID[:, None] + GRID)
    else:
        ends = _landed(free, _landed(free, cells[:, None], GRID)[:, :, None], GRID)
    # Doors belong to no room.
    inside = (cells != size // 2).all(axis=1)
    room = 2 * (cells[:, 0] > size // 2) + (cells[:, 1] > size // 2)
    rooms = inside * (room == np.arange(4)[:, None])
    number_of = np.cumsum(free).reshape(free.shape) - 1
    reward = CrowdAversion(
        np.zeros((len(cells), len(GRID))),
        number("crowding", crowding, 0),
        above_zero("floor", floor),
    )
    return TabularGame(
        merged(number_of[ends[..., 0], ends[..., 1]], chances),
        reward,
        discount,
        lipschitz=reward.lipschitz,
        state_names=[f"({row}, {column})" for row, column in cells],
        action_names=GRID_NAMES,
        layout=Grid(
            size,
            size,
            walls=tuple(int(cell) for cell in np.flatnonzero(~free)),
            moves=tuple((int(up), int(right)) for up, right in GRID),
        ),
        observables={"in_rooms": mean_of(rooms.astype(float), SHARE, "room")},
    )


def _free_cells(size: int) -> Bool[np.ndarray, "N N"]:
    if size % 2 == 0:
        raise ValueError(f"`size` must be odd, so that the walls have a middle, but is {size}.")
    middle, quarter = size // 2, size // 4
    free = np.ones((size, size), dtype=bool)
    free[middle], free[:, middle] = False, False
    for door in (quarter, size - 1 - quarter):
        free[middle, door] = free[door, middle] = True
    return free


def _landed(
    free: Bool[np.ndarray, "N N"], cells: Int[np.ndarray, "... 2"], shifts: Int[np.ndarray, "... 2"]
) -> Int[np.ndarray, "... 2"]:
    """Return where agents in these cells are after these shifts: there, or back if blocked."""
    start, goal = np.broadcast_arrays(cells, cells + shifts)
    inside = np.clip(goal, 0, len(free) - 1)
    reached = (inside == goal).all(-1) & free[inside[..., 0], inside[..., 1]]
    return np.where(reached[..., None], goal, start)


ENTRY = Entry(
    name="four-rooms",
    summary="A crowd that dislikes itself spreads over four rooms, with or against the wind.",
    source="Bench-MFG, arXiv:2602.12517 (four_rooms_obstacles); crowd aversion in four rooms goes "
    "back to Geist et al.: Concave utility reinforcement learning: the mean-field game viewpoint. "
    "AAMAS 2022, arXiv:2106.03787.",
    equations="r = -crowding log(max(m(s), floor)); a move and then a random move (right with "
    "probability wind + (1 - wind) / 5), each held back by walls.",
    known=("monotone", "potential", "closed form"),
    build=four_rooms,
)
