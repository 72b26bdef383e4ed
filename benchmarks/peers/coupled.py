"""The games of the comparison whose kernel moves with the population.

Bench-MFG knows kernels as tables of next states under equally likely noises, so that it rounds
every probability to a multiple of 1 / N: `steps` is that N, or None for the probabilities as the
paper writes them. The rounded games jump with m, and need not have an equilibrium.
"""

import dataclasses
from typing import Any

import numpy as np
from games import MOVES, Game, game


def rounded(chance: Any, steps: int | None) -> Any:
    """The share of the noises (n + 1/2) / steps, n = 0 .. steps - 1, below a probability."""
    if steps is None:
        return chance
    xp = chance.__array_namespace__()
    return xp.clip(xp.ceil(steps * chance - 0.5), 0, steps) / steps


@dataclasses.dataclass(frozen=True)
class Infection:
    """Contact at level l infects with probability rate l m(1); the ill recover at a fixed rate."""

    rate: float
    recovery: float
    levels: np.ndarray
    steps: int | None

    def __call__(self, law: Any) -> Any:
        xp = law.__array_namespace__()
        infected = rounded(self.rate * self.levels * law[1], self.steps)
        recovered = xp.full_like(infected, self.recovery)
        healthy = xp.stack([1 - infected, infected], axis=-1)
        return xp.stack([healthy, xp.stack([recovered, 1 - recovered], axis=-1)])


def sis_epidemic(steps: int | None = None) -> Game:
    """Bench-MFG's epidemic: r = level - 10 for the ill."""
    levels = np.arange(5) / 4
    return game(2, Infection(0.8, 0.1, levels, steps), np.stack([levels, levels - 10]))


def susceptible_infected() -> Game:
    """MFGLib's epidemic: go out (0.81 m(1) is the risk) or stay in, which costs 0.5."""
    reward = np.array([[0.0, -0.5], [-1.0, -1.5]])
    return game(2, Infection(0.81, 0.3, np.array([1.0, 0.0]), None), reward)


@dataclasses.dataclass(frozen=True)
class Passage:
    """A step to the cell ahead succeeds with probability max(0, 1 - m(ahead) / capacity)."""

    ahead: np.ndarray
    capacity: float
    steps: int | None

    def __call__(self, law: Any) -> Any:
        xp = law.__array_namespace__()
        enters = rounded(xp.maximum(1 - law[self.ahead] / self.capacity, 0.0), self.steps)
        size = len(self.ahead)
        here, goal = xp.eye(size)[:, None], xp.eye(size)[self.ahead]
        return goal * enters[..., None] + here * (1 - enters[..., None])


def kinetic_congestion(steps: int | None = None) -> Game:
    """Walkers to the last cell of a 5 x 5 grid, held up by the crowd in the cell ahead."""
    cells = np.stack(np.divmod(np.arange(25), 5), axis=-1)
    ahead = np.clip(cells[:, None] + MOVES, 0, 4) @ (5, 1)
    waiting, moving = np.arange(25) != 24, np.arange(5) != 4
    return game(25, Passage(ahead, 0.18, steps), -1.0 * waiting[:, None] - 0.1 * moving)


@dataclasses.dataclass(frozen=True)
class Tilted:
    """Laws proportional to max(0, share base + pull (coupling m)), row by row."""

    base: np.ndarray
    coupling: np.ndarray
    share: float
    pull: float
    steps: int | None

    def __call__(self, law: Any) -> Any:
        xp = law.__array_namespace__()
        weight = xp.maximum(self.share * self.base + self.pull * (self.coupling @ law), 0.0)
        chance = weight / xp.sum(weight, axis=-1, keepdims=True)
        if self.steps is None:
            return chance
        # The noises below the distribution function, and what is left over for the last state.
        below = rounded(xp.cumulative_sum(chance, axis=-1)[..., :-1], self.steps)
        edge = xp.ones_like(below[..., :1])
        return xp.diff(xp.concat([0 * edge, below, edge], axis=-1), axis=-1)


@dataclasses.dataclass(frozen=True)
class Affine:
    """The reward base(s, a) + sum over t of matrix(s, t) m(t)."""

    base: np.ndarray
    matrix: np.ndarray

    def __call__(self, law: Any) -> Any:
        return self.base + (self.matrix @ law)[:, None]


def mf_garnet(seed: int = 0, steps: int | None = None, num_states: int = 100) -> Game:
    """Bench-MFG's additive potential Garnet, drawn in its order, so that seeds mean the same game.

    A successor drawn twice for a row keeps the last of its weights, as there; rows are normalized.
    """
    size, actions, branches = num_states, 6, 6
    draw = np.random.default_rng(seed)
    share, pull, own, others = (float(draw.uniform()) for _ in range(4))
    base = np.zeros((size, actions, size))
    for row in base.reshape(-1, size):
        ends = draw.integers(0, size, size=branches)
        for end, weight in zip(ends, draw.dirichlet(np.ones(branches)), strict=True):
            row[end] = weight
    coupling = draw.normal(size=(size, actions, size, size)).astype(np.float32)
    reward = draw.normal(size=(size, actions))
    matrix = draw.normal(size=(size, size))
    kernel = Tilted(base, coupling.astype(float), share, pull, steps)
    return game(size, kernel, Affine(own * reward, others * (matrix + matrix.T) / 2))
