"""Where the states of a game lie, for the people who look at it. Plain data: drawn elsewhere."""

import abc
import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar


class Layout(abc.ABC):
    """Where states lie: frozen data, which files keep by the name of its class."""

    # The module of `rmfg.show` that draws it.
    figure: ClassVar[str]

    @property
    @abc.abstractmethod
    def num_places(self) -> int:
        """How many states it has room for."""

    @property
    def num_moves(self) -> int | None:
        """Of how many actions it says where they lead, if it does."""
        return None

    @property
    def parts(self) -> Mapping[str, int]:
        """What else it consists of, and how much of it: an observable may be over that."""
        return MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Line(Layout):
    """States in a row."""

    figure = "line"

    num_states: int

    @property
    def num_places(self) -> int:
        return self.num_states


@dataclasses.dataclass(frozen=True)
class Ring(Layout):
    """States around a circle."""

    figure = "ring"

    num_states: int

    @property
    def num_places(self) -> int:
        return self.num_states


@dataclasses.dataclass(frozen=True)
class Grid(Layout):
    """States in rows and columns: cell r * columns + c lies at row r (from below), column c.

    `walls` are cells that are no states; states number the other cells in order. `moves` is the
    (row, column) shift of each action, used to draw the policy as arrows.
    """

    figure = "grid"

    rows: int
    columns: int
    walls: tuple[int, ...] = ()
    moves: tuple[tuple[int, int], ...] = ()

    @property
    def num_places(self) -> int:
        return self.rows * self.columns - len(self.walls)

    @property
    def num_moves(self) -> int | None:
        return len(self.moves) or None


@dataclasses.dataclass(frozen=True)
class Network(Layout):
    """Nodes at (x, y), directed links between them, and states that belong to a link.

    `state_link` holds for each state its link's number, or -1 for states on no link.
    """

    figure = "network"

    node_names: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    tail: tuple[int, ...]
    head: tuple[int, ...]
    state_link: tuple[int, ...]

    @property
    def num_places(self) -> int:
        return len(self.state_link)

    @property
    def parts(self) -> Mapping[str, int]:
        return {"node": len(self.node_names), "link": len(self.tail)}


def layouts() -> dict[str, type[Layout]]:
    """Return the kinds of layouts by name."""
    return {kind.__name__: kind for kind in Layout.__subclasses__()}
