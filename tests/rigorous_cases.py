"""Claims about random games, and what is true of them without rounding.

Truths know nothing of the checker: they are found once, and stand while faults are put into it.
"""

import functools
from fractions import Fraction

import numpy as np
from reference import exact_game
from rigorous_games import exact_row, random_set, rewards, scattered, weights

from rmfg.rigorous.claim import Claim, Laws

# Cases that are kept: all those that the tests try.
KEPT = 256


@functools.lru_cache(maxsize=KEPT)
def random_case(seed: int) -> tuple[Claim, dict[str, tuple[Fraction | None, Fraction]]]:
    """A claim, and what is true of it: a number, or bounds of it (None where none is known)."""
    given, (nature, mover), corners = drawn_case(seed)
    return given, truth(given, corners, nature, mover)


@functools.lru_cache(maxsize=KEPT)
def drawn_case(seed: int) -> tuple[Claim, tuple[np.ndarray, np.ndarray], dict]:
    """A claim, the kernels of nature and of the population, and the corners of every row."""
    random = np.random.default_rng(seed)
    size, actions = int(random.integers(2, 4)), 2
    kernel = np.array([[weights(random, size) for _ in range(actions)] for _ in range(size)])
    name, fields = random_set(random, kernel)
    laws = {at: exact_game.law_of(kernel[at]) for at in np.ndindex(size, actions)}
    corners = {at: exact_row(name, fields, at, p) for at, p in laws.items()}
    reward = rewards(random, (size, actions))
    discount = float(random.choice([0.0, 0.5, 0.9, 0.99]))
    policy = np.array([weights(random, actions) for _ in range(size)])
    if random.integers(2):
        policy = np.eye(actions)[random.integers(actions, size=size)]
    nature = kernel.copy()
    if random.integers(4):
        for at in laws:
            nature[at] = [float(x) for x in corners[at][random.integers(len(corners[at]))]]
    if not random.integers(4):
        nature = 0.5 * nature + 0.5 * np.array([[weights(random, size)] * actions] * size)
    distribution = weights(random, size)
    population = str(random.choice(["worst_case", "nominal"]))
    mover = nature if population == "worst_case" else kernel
    if random.integers(2):
        rows = policy / policy.sum(axis=1, keepdims=True)
        chain = np.einsum("sa,sat->st", rows, mover / mover.sum(axis=-1, keepdims=True))
        distribution = np.full(size, 1 / size) @ np.linalg.matrix_power(
            0.5 * (chain + np.eye(size)), 400
        )
    sparse = bool(random.integers(2))
    wrong = random.normal(size=size) if random.integers(2) else None
    found = Claim(
        reward,
        scattered(random, kernel) if sparse else Laws(kernel),
        scattered(random, nature) if sparse and random.integers(2) else Laws(nature),
        discount,
        name,
        fields,
        policy,
        distribution,
        population,
        start=wrong,
    )
    return found, (nature, mover), corners


@functools.lru_cache(maxsize=4 * KEPT)
def support_of(seed: int, values: tuple[float, ...]) -> dict[tuple[int, ...], Fraction]:
    """The least mean of values over the set of every row of a case."""
    _, _, corners = drawn_case(seed)
    exact = [Fraction(v) for v in values]
    return {at: min(exact_game.mean(law, exact) for law in laws) for at, laws in corners.items()}


def truth(given: Claim, corners: dict, nature: np.ndarray, mover: np.ndarray) -> dict:
    reward = [[Fraction(float(x)) for x in row] for row in given.reward]
    return truth_of(
        reward, given.discount, corners, given.policy, given.distribution, nature, mover
    )


def truth_of(
    reward: list[list[Fraction]],
    discount: float,
    corners: dict,
    plays: np.ndarray,
    distribution: np.ndarray,
    nature: np.ndarray,
    mover: np.ndarray,
) -> dict[str, tuple[Fraction | None, Fraction]]:
    """What a certificate measures, by enumeration."""
    size, actions = np.shape(plays)
    game = exact_game.Game(reward, Fraction(discount), corners)
    policy = [exact_game.law_of(row) for row in plays]
    law = exact_game.law_of(distribution)
    best, own = game.optimal(), game.value(policy)
    regret = [b - o for b, o in zip(best, own, strict=True)]
    pushed = [Fraction(0)] * size
    gap = Fraction(0)
    outside = Fraction(0)
    for s, a in np.ndindex(size, actions):
        for t, q in enumerate(exact_game.law_of(mover[s, a])):
            pushed[t] += law[s] * policy[s][a] * q
        row = exact_game.law_of(nature[s, a])
        if law[s] > 0 and policy[s][a] > 0:
            gap = max(gap, exact_game.mean(row, best) - game.worst((s, a), best))
        # In any direction, a law lies beyond the set by no more than its distance times the width.
        for values in np.random.default_rng(0).normal(size=(4, size)):
            exact = [Fraction(float(v)) for v in values]
            beyond = game.worst((s, a), exact) - exact_game.mean(row, exact)
            if max(exact) > min(exact):
                outside = max(outside, beyond / (max(exact) - min(exact)))
    held = [v for v, m in zip(own, law, strict=True) if m > 0]
    return {
        "exploitability": (max(regret),) * 2,
        "mean_exploitability": (exact_game.mean(law, regret),) * 2,
        "consistency": (sum(abs(x - y) for x, y in zip(law, pushed, strict=True)),) * 2,
        "nature_gap": (gap,) * 2,
        "infeasibility": (None, outside),
        "value_range": (max(held) - min(held),) * 2,
    }
