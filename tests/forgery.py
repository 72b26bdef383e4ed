"""Claims about games whose truth is known, and forgeries of them.

True answers come from games whose agents do not see each other, where the best response is the
equilibrium; forgeries move them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from eight_states import NUM_STATES, SHAPE, array
from registry import ONE_OF_EACH, over_sets
from set_rows import SetRow

import rmfg

over_set_kinds = over_sets(ONE_OF_EACH)
TOL = 1e-8


class Claim(NamedTuple):
    """A claimed equilibrium."""

    policy: np.ndarray
    law: np.ndarray
    nature: np.ndarray


def truth(game: rmfg.MeanFieldGame, ambiguity: rmfg.Ambiguity) -> Claim:
    """The equilibrium of agents who do not see each other."""
    uniform = np.full(NUM_STATES, 1 / NUM_STATES)
    best = rmfg.best_response(game, ambiguity, uniform, tol=1e-13)
    law = rmfg.stationary_distribution(best.kernel, best.policy, initial=uniform)
    return Claim(best.policy, law, array(best.kernel))


def certificate(
    game: rmfg.MeanFieldGame, ambiguity: rmfg.Ambiguity, claim: Claim, tol: float = TOL
) -> rmfg.Certificate:
    return rmfg.certify(game, ambiguity, *claim, tol=tol)


def judged(game: rmfg.MeanFieldGame, policy: list, law: list) -> rmfg.Certificate:
    """The certificate of a claim about a nominal game."""
    return rmfg.certify(game, rmfg.Nominal(), np.array(policy, float), np.array(law, float))


def small_set(row: SetRow, kernel: rmfg.Kernel) -> rmfg.Ambiguity:
    """The set at sizes that leave the chain irreducible where the kernel is."""
    return row.build(row.sizes[1], kernel)


class Moved(rmfg.MeanFieldGame):
    """A game whose rewards are moved: by a term of the mean field, an offset and a unit."""

    num_states, num_actions = SHAPE
    discount = 0.9

    def __init__(self, base: rmfg.TabularGame, **parts: object):
        field = np.full(NUM_STATES, 1 / NUM_STATES)
        self.law, self.payoff = base.kernel(field), base.reward(field)
        self.offset, self.unit, self.cliff = np.asarray(0.0), np.asarray(1.0), np.asarray(0.0)
        self.threshold, self.penalty = np.asarray(1.0), np.zeros(SHAPE)
        vars(self).update(parts)

    def kernel(self, mean_field):
        return self.law

    def reward(self, mean_field):
        crowd = self.cliff * jnp.maximum(mean_field - self.threshold, 0)
        return self.unit * (self.payoff - self.penalty - crowd[:, None]) + self.offset


def line_game(cost, num_states: int, penalty: float = 0.1) -> rmfg.TabularGame:
    """Agents on a line who want to its middle and pay a cost of the crowd where they are."""
    states = np.arange(num_states)
    kernel = np.full((num_states, 3, num_states), 0.1 / num_states)
    for action, step in enumerate((-1, 0, 1)):
        target = np.clip(states + step, 0, num_states - 1)
        kernel[states, action, target] += 0.9
    effort = penalty * np.array([1, 0, 1])
    place = -np.abs(states - num_states // 2)[:, None] / (num_states // 2)

    def reward(m):
        return place - effort - cost(m)[:, None]

    return rmfg.TabularGame(kernel, reward, 0.9)


CROWD_COSTS = {
    "exponential": lambda m: jnp.exp(25 * m),
    "road": lambda m: 0.15 * (m / 0.05) ** 6,
    "logarithm": jnp.log,
    "pole": lambda m: m / (1 - m),
}


def log_crowd() -> tuple[np.ndarray, rmfg.TabularGame]:
    """Five states on a line, and rewards with -log m, which are infinite where nobody is."""
    states, kernel = np.arange(5), np.zeros((5, 3, 5))
    for action, step in enumerate((-1, 0, 1)):
        target = np.clip(states + step, 0, 4)
        for share, shift in ((0.8, 0), (0.1, -1), (0.1, 1)):
            np.add.at(kernel, (states, action, np.clip(target + shift, 0, 4)), share)
    wish = -3.0 * np.abs(states - 4)[:, None] - 0.1 * np.array([1, 0, 1])
    return kernel, rmfg.TabularGame(kernel, lambda m: wish - jnp.log(m)[:, None], 0.9)


def birth_death(up: list[float], down: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """A chain on a line, and its law by detailed balance."""
    size = len(up) + 1
    chain = np.zeros((size, size))
    chain[np.arange(size - 1), np.arange(1, size)] = up
    chain[np.arange(1, size), np.arange(size - 1)] = down
    np.fill_diagonal(chain, 1 - chain.sum(1))
    weights = np.concatenate([[1.0], np.cumprod(np.array(up) / np.array(down))])
    return chain, weights / weights.sum()


NEARLY_DECOMPOSABLE = {
    "five": ([1e-8, 1e-8, 0.5, 0.5], [0.5, 1e-8, 1e-8, 1e-8]),
    "nine": ([1e-4] * 4 + [0.5] * 4, [0.5] * 3 + [1e-4] * 5),
    "two wells": ([0.5, 1e-6, 1e-6, 0.3], [0.3, 0.5, 0.5, 0.5]),
}

NUM_FORGERIES = 24


def forgeries(claim: Claim, nominal: np.ndarray, seed: int) -> Iterator[tuple[Claim, float, float]]:
    """Claims moved from the truth by amounts of every size, with a unit and an offset of rewards."""
    random = np.random.default_rng(seed)
    for number in range(NUM_FORGERIES):
        amount = 10.0 ** random.uniform(-13, 0)
        policy, law, nature = (part.copy() for part in claim)
        kind = number % 6
        if kind in (0, 5):
            state = random.integers(NUM_STATES)
            policy[state] = (1 - amount) * policy[state] + amount * np.eye(SHAPE[1])[
                random.integers(SHAPE[1])
            ]
        if kind in (1, 5):
            law = (1 - amount) * law + amount * random.dirichlet(np.ones(NUM_STATES))
        if kind in (2, 5):
            nature = (1 - amount) * nature + amount * nominal
        if kind == 3:
            toward = np.eye(NUM_STATES)[random.integers(NUM_STATES)]
            nature = (1 - amount) * nature + amount * toward
        if kind == 4:
            slack = random.uniform(-9e-10, 9e-10, 3)
            policy, law, nature = (
                part * (1 + share) for part, share in zip((policy, law, nature), slack, strict=True)
            )
            policy = (1 - amount) * policy + amount / SHAPE[1]
        unit = 10.0 ** random.integers(-6, 7)
        offset = unit * random.choice([0.0, 0.0, 1e4, -1e4])
        yield Claim(policy, law, nature), unit, offset
