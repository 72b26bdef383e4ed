"""Attacks on the smooth sets of the checker: support functions against duals in 50 digits."""

import functools
from typing import NamedTuple

import numpy as np
from reference import worst_case

from rmfg.rigorous import claim, search
from rmfg.rigorous.claim import Claim, Laws
from rmfg.rigorous.named import set_of

Random = np.random.Generator
SMOOTH = ("kl", "reverse-kl", "chi-square", "hellinger", "entropy-penalty")


class SmoothCase(NamedTuple):
    """A claim that has one row, values, and the least mean of them, rounded once."""

    given: Claim
    values: np.ndarray
    lowest: float


@functools.lru_cache(maxsize=256)
def smooth_case(seed: int) -> SmoothCase:
    """One random row; the dual knows nothing of the checker, and is solved once."""
    random = np.random.default_rng(seed)
    name = SMOOTH[seed % len(SMOOTH)]
    size = int(random.integers(2, 6))
    p = random.dirichlet(np.ones(size))
    if random.integers(2):
        p[random.integers(size)] = 0
    p /= p.sum()
    p = np.round(p * 2**40) / 2**40
    p[p.argmax()] += 1 - p.sum()  # a law whose doubles sum to one exactly
    values = np.round(random.normal(size=size), int(random.integers(1, 9)))
    radius = float(random.choice([1e-6, 1e-3, 0.1, 0.5, random.uniform()]))
    support = str(random.choice(["all", "nominal"]))
    reference = {
        "kl": lambda: worst_case.kullback_leibler_dual(p, values, radius),
        "reverse-kl": lambda: worst_case.reverse_kullback_leibler_dual(p, values, radius, support),
        "chi-square": lambda: worst_case.chi_square_dual(p, values, radius),
        "hellinger": lambda: worst_case.hellinger_dual(p, values, radius, support),
        "entropy-penalty": lambda: worst_case.entropy_penalty_dual(p, values, radius),
    }[name]()[0]
    field = "strength" if name == "entropy-penalty" else "radius"
    fields = {field: radius, "support": support}
    laws = Laws(np.broadcast_to(p, (size, 1, size)).copy())
    given = Claim(np.zeros((size, 1)), laws, laws, 0.5, name, fields, np.ones((size, 1)), p)
    return SmoothCase(given, values, reference)


def refuted_smooth(seed: int) -> list[str]:
    """What of one random row lies beyond its bounds, from a good guess and from a bad one."""
    given, values, lowest = smooth_case(seed)
    with np.errstate(all="ignore"):
        kind = set_of(given)
        rows = claim.rows_at(given.nominal, values, kind.reach)
        shown = values[rows.slots]
        guess = kind.guess(rows, shown)
        found = kind.support(rows, shown, guess)[0, 0]
        spoilt = kind.support(rows, shown, spoiled(np.random.default_rng((seed, 1)), guess))[0, 0]
    slack = 4 * np.spacing(np.abs(values).max())
    wrong = []
    for each in (found, spoilt):
        if each.low > lowest + slack:
            wrong.append(f"{seed}: {given.ambiguity} is {lowest!r}, not above {each.low!r}")
        if lowest - slack > each.high:
            wrong.append(f"{seed}: {given.ambiguity} is {lowest!r}, not below {each.high!r}")
    return wrong


def spoiled(random: Random, guess: search.Guess) -> search.Guess:
    """A guess as a search might return that is wrong."""
    law = random.dirichlet(np.ones(len(guess.law)), guess.law.shape[1:])
    law = np.moveaxis(law, -1, 0) * (random.uniform(size=guess.law.shape) < 0.8) + 1e-30
    parts = guess.multiplier if isinstance(guess.multiplier, tuple) else (guess.multiplier,)
    parts = tuple(np.asarray(p) * random.uniform(0.5, 2, np.shape(p)) for p in parts)
    found = parts if isinstance(guess.multiplier, tuple) else parts[0]
    return guess._replace(law=law, multiplier=found)
