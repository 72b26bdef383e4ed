"""Where the states of a game lie, for the people who look at it. Plain data: drawn elsewhere."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Line:
    """States in a row."""

    num_states: int


@dataclasses.dataclass(frozen=True)
class Ring:
    """States around a circle."""

    num_states: int


@dataclasses.dataclass(frozen=True)
class Grid:
    """States in rows and columns: cell r * columns + c lies at row r (from below), column c.

    `walls` are cells that are no states; states number the other cells in order. `moves` is the
    (row, column) shift of each action, used to draw the policy as arrows.
    """

    rows: int
    columns: int
    walls: tuple[int, ...] = ()
    moves: tuple[tuple[int, int], ...] = ()


@dataclasses.dataclass(frozen=True)
class Network:
    """Nodes at (x, y), directed links between them, and states that belong to a link.

    `state_link` holds for each state its link's number, or -1 for states on no link. A link with
    mass m among `vehicles` carries the flow f with f t(f) = m * vehicles,
    t(f) = free_flow_time (1 + b (f / capacity)^power); `reference_flow` is a published flow, if any.
    """

    node_names: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    tail: tuple[int, ...]
    head: tuple[int, ...]
    state_link: tuple[int, ...]
    free_flow_time: tuple[float, ...]
    capacity: tuple[float, ...]
    b: tuple[float, ...]
    power: tuple[float, ...]
    vehicles: float
    reference_flow: tuple[float, ...] | None = None


Layout = Line | Ring | Grid | Network
