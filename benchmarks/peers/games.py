"""The games of the comparison, in NumPy: what every method solves and what the judge judges.

A game is a kernel m -> (S, A, S) and a reward m -> (S, A) of the population's law m over states.
Both are written once, in the array library of their argument, so that the judge (NumPy) and rmfg
(JAX) read the same lines. The definitions are ours, after the papers and after what the peers
compute; where a peer's code departs from its paper, `coded` games follow the code and `written`
ones the paper. Peers report their own tensors at two laws, and the judge compares them with these.

Bench-MFG: arXiv:2602.12517. MFGLib: arXiv:2304.08630.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

Map = Callable[[Any], Any]
GAMMA = 0.9
WALK = np.array([-1, 0, 1])
MOVES = np.array([(1, 0), (0, 1), (-1, 0), (0, -1), (0, 0)])


@dataclasses.dataclass(frozen=True)
class Game:
    """A stationary mean-field game with discount 0.9."""

    kernel: Map
    reward: Map
    constant_kernel: bool

    @property
    def shape(self) -> tuple[int, int]:
        """States and actions."""
        return self.reward(np.full(self.num_states, 1 / self.num_states)).shape

    num_states: int = 0


def game(num_states: int, kernel: Map | np.ndarray, reward: Map | np.ndarray) -> Game:
    """Make a game from arrays, or from functions of the law."""
    return Game(_map(kernel), _map(reward), not callable(kernel), num_states)


def _map(given: Map | np.ndarray) -> Map:
    return given if callable(given) else Constant(given)


@dataclasses.dataclass(frozen=True)
class Constant:
    """A map that does not look at the population."""

    value: np.ndarray

    def __call__(self, law: Any) -> np.ndarray:
        return self.value


@dataclasses.dataclass(frozen=True)
class Linear:
    """The reward base(s, a) + sum over t of matrix(s, t) m(t)."""

    base: np.ndarray
    matrix: np.ndarray

    def __call__(self, law: Any) -> Any:
        return self.base + (self.matrix @ law)[:, None]


@dataclasses.dataclass(frozen=True)
class Crowding:
    """The reward base(s, a) - log(max(m(s), floor)), or - log(m(s) + floor) where `added`."""

    base: np.ndarray
    floor: float
    added: bool = False

    def __call__(self, law: Any) -> Any:
        xp = law.__array_namespace__()
        mass = law + self.floor if self.added else xp.maximum(law, self.floor)
        return self.base - xp.log(mass)[:, None]


def jumps(targets: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """The kernel that goes to targets[s, a, n] with probability chances[n]."""
    states, actions, outcomes = targets.shape
    kernel = np.zeros((states, actions, states))
    rows = np.indices((states, actions, outcomes))
    np.add.at(kernel, (rows[0], rows[1], targets), np.broadcast_to(chances, targets.shape))
    return kernel


def walkers(num_states: int, stay: float) -> np.ndarray:
    """s' = s + a + e on a line that ends hold back: e = 0 with probability `stay`, else -1 or 1."""
    pushes, chances = np.array([-1, 0, 1]), np.array([(1 - stay) / 2, stay, (1 - stay) / 2])
    goal = np.arange(num_states)[:, None, None] + WALK[:, None] + pushes
    return jumps(np.clip(goal, 0, num_states - 1), chances)


def chain(staying: np.ndarray, move_cost: float, company: float) -> Game:
    """Seven places in a row: r = staying(s) - move_cost |a| + company m(s)."""
    base = staying[:, None] - move_cost * np.abs(WALK)
    return game(7, walkers(7, 0.95), Linear(base, company * np.eye(7)))


def contraction_game() -> Game:
    """Two places; changing costs 2, company 2 m(s)."""
    kernel = np.stack([np.eye(2), np.eye(2)[::-1]], axis=1)
    return game(2, kernel, Linear(np.array([[0.0, -2.0]] * 2), -2 * np.eye(2)))


def move_forward() -> Game:
    """Walkers who do not see each other: r = s - 0.1 |a|."""
    return chain(np.arange(7.0), 0.1, 0.0)


def lasry_lions_chain() -> Game:
    """A crowd that dislikes itself around an attractive center."""
    return chain(-3.0 * (np.arange(7) - 3.0) ** 2, 2.0, -40.0)


def coordination() -> Game:
    """A crowd that likes itself, with two places to meet."""
    away = np.abs(np.arange(7)[:, None] - np.array([2, 4])).min(1)
    return chain(-20.0 * away, 4.0, 5.0)


def rock_paper_scissors() -> Game:
    """s' = a and r = sum of payoff(s, t) m(t)."""
    payoff = np.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    return game(3, np.tile(np.eye(3), (3, 1, 1)), Linear(np.zeros((3, 3)), payoff))


def four_rooms(wind: bool = False) -> Game:
    """Crowd aversion on an 11 x 11 grid with walls, which are states that nobody enters.

    The agent's move and a random one are added, and only the cell where they land is looked at.
    The wind blows to the right: that random move then has probability 0.6 and each other 0.1.
    """
    size, chances = 11, np.array([0.1, 0.6, 0.1, 0.1, 0.1]) if wind else np.full(5, 0.2)
    free = np.ones((size, size), dtype=bool)
    free[5], free[:, 5] = False, False
    for door in ((2, 5), (8, 5), (5, 8), (5, 2)):
        free[door] = True
    cells = np.stack(np.divmod(np.arange(size * size), size), axis=-1)
    goal = cells[:, None, None] + MOVES[:, None] + MOVES
    inside = np.clip(goal, 0, size - 1)
    enters = (inside == goal).all(-1) & free[inside[..., 0], inside[..., 1]]
    number = np.where(enters, goal @ (size, 1), np.arange(size * size)[:, None, None])
    return game(size * size, jumps(number, chances), Crowding(np.zeros((size * size, 5)), 1e-12))


def left_right() -> Game:
    """MFGLib's left-right: choose a side, and pay for its crowd; the right side pays double."""
    kernel = np.tile(np.eye(3)[1:], (3, 1, 1))
    return game(3, kernel, Linear(np.zeros((3, 2)), -np.diag([0.0, 1, 2])))


def uneven_rock_paper_scissors() -> Game:
    """MFGLib's rock-paper-scissors: a start and three gestures, whose wins differ in size."""
    payoff = np.array([[0.0, 0, 0, 0], [0, 0, -1, 2], [0, 4, 0, -2], [0, -3, 6, 0]])
    return game(4, np.tile(np.eye(4)[1:], (4, 1, 1)), Linear(np.zeros((4, 3)), payoff))


def beach_bar() -> Game:
    """MFGLib's beach bar on a line of four places with the bar at the third."""
    size, bar = 4, 2
    around = np.abs(np.arange(size) - bar)
    base = -np.minimum(around, size - around)[:, None] - np.abs(WALK) / size
    return game(size, walkers(size, 0.5), Crowding(base, 1e-20, added=True))
