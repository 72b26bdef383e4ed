"""Nature's problem with proof: what a set says, and the sets that are simplest.

Each set says three things. `guess`: a law that is nearly the worst one, with multipliers (found by
plain search, believed by nobody). `inside`: an enclosure of a law that is in the set for certain,
near to a given one. `dual`: a lower bound of the support function that holds at any multipliers.

With p the nominal law, V the values and c any number near them, sums are taken of V - c.
"""

import abc
import dataclasses

import numpy as np
import scipy.optimize
import scipy.sparse
from jaxtyping import Float

from rmfg.rigorous import search
from rmfg.rigorous.claim import Rows, expected, normalized
from rmfg.rigorous.rounding import Array, Interval
from rmfg.rigorous.search import Guess


class Set(abc.ABC):
    """Laws that nature may pick, row by row."""

    reach: str = "support"

    @abc.abstractmethod
    def guess(self, rows: Rows, values: Array) -> Guess:
        """Return nearly the worst law."""

    @abc.abstractmethod
    def inside(self, rows: Rows, guess: Guess) -> Interval:
        """Enclose a law (K, S, A) that is in the set, the given one if that is."""

    @abc.abstractmethod
    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Float[Array, "S A"]:
        """Return a lower bound of the support function."""

    def price(self, rows: Rows, law: Interval) -> Interval:
        """Enclose what nature pays for a law."""
        return Interval.of(np.zeros(rows.mass.shape[1:]))

    def support(self, rows: Rows, values: Array, guess: Guess) -> Interval:
        """Enclose the support function."""
        center = (rows.mass * values).sum(axis=0)
        law = self.inside(rows, guess)
        high = (expected(law, values, center) + self.price(rows, law)).high
        low = np.fmax(self.dual(rows, values, center, guess), search.lowest_of(rows, values))
        return Interval(low, high)


class Ball(Set):
    """Laws whose distance from p, convex in the law and zero at p, is at most a radius."""

    radius: Interval

    @abc.abstractmethod
    def distance(self, rows: Rows, law: Interval) -> Interval:
        """Enclose, at least from above, the distance of a law."""

    def inside(self, rows: Rows, guess: Guess) -> Interval:
        law = normalized(reachable(rows, guess.law))
        # A law that is too far is mixed with p: convexity bounds the distance of the mixture.
        share = share_within(self.radius, self.distance(rows, law))
        return (share * law + (1 - Interval.of(share)) * rows.law).clip(0, 1)


def reachable(rows: Rows, law: Array) -> Array:
    """The part of a law where nature may put mass; the nominal law where there is none."""
    kept = np.where(rows.usable, law, 0)
    return np.where(kept.sum(axis=0) > 0, kept, rows.mass)


def share_within(allowed: Interval, reached: Interval) -> Float[Array, "..."]:
    """A share t in [0, 1] with t * reached <= allowed for certain."""
    safe = np.where(reached.high > 0, reached.high, 1)
    ratio = (Interval.of(allowed.low) / safe).low
    share = np.where(reached.high <= allowed.low, 1.0, np.clip(ratio, 0, 1))
    return np.where(np.isnan(reached.high) | np.isinf(reached.high), 0.0, share)


class Nominal(Set):
    """The nominal law alone."""

    def guess(self, rows: Rows, values: Array) -> Guess:
        return Guess(rows.mass)

    def inside(self, rows: Rows, guess: Guess) -> Interval:
        return rows.law

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        return expected(rows.law, values, center).low


@dataclasses.dataclass(frozen=True)
class Contamination(Ball):
    """(1 - radius) p + radius q: the distance is the largest (p - q) / p."""

    radius: Interval
    reach: str

    def guess(self, rows: Rows, values: Array) -> Guess:
        share = self.radius.high
        return Guess((1 - share) * rows.mass + share * search.is_lowest(rows, values))

    def distance(self, rows: Rows, law: Interval) -> Interval:
        safe = rows.law.where(rows.held, 1.0)
        return ((rows.law - law) / safe).where(rows.held, 0.0).largest(axis=0).clip(0)

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        low = search.lowest_of(rows, values)
        above = expected(rows.law, values, center) - low
        return (low + (1 - self.radius) * above.clip(0)).low


@dataclasses.dataclass(frozen=True)
class TotalVariation(Ball):
    """1/2 sum |q - p| <= radius. At any level, sigma >= <p, min(V, level)> - radius (level - min V)."""

    radius: Interval
    reach: str

    def guess(self, rows: Rows, values: Array) -> Guess:
        taken, level = search.filled(-values, rows.mass, self.radius.high)
        law = rows.mass - taken + taken.sum(axis=0) * search.is_lowest(rows, values)
        return Guess(law, -level)

    def distance(self, rows: Rows, law: Interval) -> Interval:
        return (law - rows.law).magnitude().total() * 0.5

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        low = search.lowest_of(rows, values)
        level = np.maximum(np.asarray(guess.multiplier), low)
        kept = expected(rows.law, np.minimum(values, level), np.minimum(center, level))
        return (kept - self.radius * (Interval.of(level) - low)).low


@dataclasses.dataclass(frozen=True)
class Scenarios(Set):
    """Mixtures of kernels (N, K, S, A): sigma = min over i of <P_i, V>."""

    laws: tuple[Float[Array, "K S A"], ...]
    reach: str = "everywhere"

    def guess(self, rows: Rows, values: Array) -> Guess:
        means = np.stack([(law / law.sum(axis=0) * values).sum(axis=0) for law in self.laws])
        worst = means.argmin(axis=0)
        weights = (np.arange(len(self.laws))[:, None, None] == worst).astype(float)
        law = sum(w * x / x.sum(axis=0) for w, x in zip(weights, self.laws, strict=True))
        return Guess(law, weights)

    def inside(self, rows: Rows, guess: Guess) -> Interval:
        weights = np.asarray(guess.multiplier)
        if not weights.ndim:
            weights = self.weights_for(guess.law)
        shares = normalized(weights)
        parts = [shares[number] * normalized(law) for number, law in enumerate(self.laws)]
        ends = (np.stack([getattr(part, end) for part in parts]) for end in ("low", "high"))
        return Interval(*ends).total().clip(0, 1)

    def weights_for(self, law: Array) -> Array:
        """The weights of a mixture near a law."""
        laws = np.stack([scenario / scenario.sum(axis=0) for scenario in self.laws])
        after = law / law.sum(axis=0)
        off = np.abs(laws - after).sum(axis=1)
        weights = (np.arange(len(laws))[:, None, None] == off.argmin(axis=0)).astype(float)
        for s, a in np.argwhere(off.min(axis=0) > 1e-15):
            corners, size = laws[:, :, s, a].T, laws.shape[1]
            equations = np.hstack([corners, np.eye(size), -np.eye(size)])
            objective = np.concatenate([np.zeros(len(laws)), np.ones(2 * size)])
            one = np.concatenate([np.ones(len(laws)), np.zeros(2 * size)])
            found = scipy.optimize.linprog(
                objective,
                A_eq=np.vstack([equations, one]),
                b_eq=np.append(after[:, s, a], 1),
                method="highs",
            )
            if found.status == 0:
                weights[:, s, a] = np.maximum(found.x[: len(laws)], 0)
        return weights

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        lows = [expected(normalized(law), values, center).low for law in self.laws]
        return np.min(lows, axis=0)
