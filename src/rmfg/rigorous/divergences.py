"""Divergence balls, and the penalty that is paid in entropy, with proof."""

import abc
import dataclasses

import numpy as np

from rmfg.rigorous import search
from rmfg.rigorous.claim import Rows, expected, normalized
from rmfg.rigorous.rounding import Array, Interval, log
from rmfg.rigorous.search import Guess
from rmfg.rigorous.sets import Ball, Set, reachable


class Divergence(Ball):
    """sum p f(q / p) <= radius for a convex f with f(1) = f'(1) = 0, and slope f'(inf)."""

    slope: float

    @abc.abstractmethod
    def generator(self, change: Array, ratio: Array) -> Interval:
        """Enclose f at 1 + change, or at a small ratio."""

    def distance(self, rows: Rows, law: Interval) -> Interval:
        held = rows.held
        before = rows.law.where(held, 1.0)
        ratio = (law / before).where(held, 1.0).clip(0)
        change = ((law - before) / before).where(held, 0.0).clip(-1)
        # f falls to zero at one and rises from there: its ends are at the ends.
        low, high = (self.generator(getattr(change, e), getattr(ratio, e)) for e in ("low", "high"))
        least = np.where((change.low <= 0) & (change.high >= 0), 0, np.minimum(low.low, high.low))
        inner = rows.law * Interval(np.maximum(least, 0), np.maximum(low.high, high.high))
        outside = (~held & (law.high > 0)).any(axis=0)
        created = law.where(~held, 0.0).total()
        outer = (Interval.of(self.slope) * created).where(outside, 0.0)
        return (inner.where(held, 0.0).total() + outer).clip(0)


def logarithm(change: Array, ratio: Array) -> Interval:
    """log(1 + change), by whichever of the two numbers has more digits."""
    small = change < -0.5
    near = Interval.of(np.where(small, 0, change)).log1p()
    return log(Interval.of(np.where(small, ratio, 1))).where(small, near)


@dataclasses.dataclass(frozen=True)
class KullbackLeibler(Divergence):
    """KL(q, p) <= radius: sigma >= -s log <p, exp(-V / s)> - s radius for every s > 0."""

    radius: Interval
    slope: float = np.inf

    def generator(self, change: Array, ratio: Array) -> Interval:
        # x log x - x + 1, one at zero
        value = (Interval.of(change) + 1) * logarithm(change, ratio) - change
        return value.where(ratio > 0, 1.0)

    def guess(self, rows: Rows, values: Array) -> Guess:
        law, gentleness, _ = search.tilted(
            rows,
            values,
            self.radius.high,
            lambda height, s: np.exp(-height / s),
            lambda x: x * search.logarithm(x) - (x - 1),
            self.slope,
            np.zeros_like,
        )
        return Guess(law, gentleness)

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        return free_energy(rows, values, center, np.asarray(guess.multiplier), self.radius).low


def free_energy(
    rows: Rows, values: Array, center: Array, gentleness: Array, radius: Interval
) -> Interval:
    """-s log <p, exp(-V / s)> - s radius."""
    # Taken from the number itself as it is found in plain arithmetic, the terms sum to about one.
    gentleness = np.where(gentleness > 0, gentleness, 1.0)
    low = np.where(rows.held, values, np.inf).min(axis=0)
    weights = rows.mass * np.exp(np.where(rows.held, low - values, 0) / gentleness)
    center = np.where(gentleness < np.inf, low - gentleness * np.log(weights.sum(axis=0)), center)
    exponent = ((center - Interval.of(values)) / gentleness).where(rows.held, 0.0)
    log_mean = (rows.law * exponent.expm1()).where(rows.held, 0.0).total().log1p()
    return center - gentleness * (log_mean + radius)


@dataclasses.dataclass(frozen=True)
class EntropyPenalty(Set):
    """Any law on the support of p, for strength * KL(q, p); sigma is KL's dual function at one s."""

    strength: Interval

    def guess(self, rows: Rows, values: Array) -> Guess:
        strength = self.strength.high
        low = search.lowest_of(rows, values)
        with np.errstate(all="ignore"):
            weights = rows.mass * np.exp(-np.where(rows.held, values - low, 0) / strength)
            total = weights.sum(axis=0)
            law = np.nan_to_num(weights / total)
            worst = low - strength * np.log(total)
        return Guess(law, price=worst - (law * values).sum(axis=0))

    def inside(self, rows: Rows, guess: Guess) -> Interval:
        return normalized(reachable(rows, guess.law))

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        return self.support(rows, values, guess).low

    def price(self, rows: Rows, law: Interval) -> Interval:
        entropies = KullbackLeibler(self.strength).distance(rows, law)
        return self.strength * entropies

    def support(self, rows: Rows, values: Array, guess: Guess) -> Interval:
        center = (rows.mass * values).sum(axis=0)
        # The free energy rises with the strength.
        least, most = (
            free_energy(rows, values, center, np.broadcast_to(end, center.shape), Interval.of(0.0))
            for end in (self.strength.low, self.strength.high)
        )
        law = self.inside(rows, guess)
        bound = (expected(law, values, center) + self.price(rows, law)).high
        lowest = search.lowest_of(rows, values)
        return Interval(np.fmax(least.low, lowest), np.fmin(most.high, bound))


@dataclasses.dataclass(frozen=True)
class ReverseKullbackLeibler(Divergence):
    """KL(p, q) <= radius: sigma >= exp(<p, log(V - c + a)> - radius) - a + c where V - c + a >= 0."""

    radius: Interval
    reach: str
    slope: float = 1.0

    def generator(self, change: Array, ratio: Array) -> Interval:
        return change - logarithm(change, ratio)  # x - 1 - log x

    def guess(self, rows: Rows, values: Array) -> Guess:
        law, gentleness, low = search.tilted(
            rows,
            values,
            self.radius.high,
            lambda height, s: 1 / (height + s),
            lambda x: (x - 1) - search.logarithm(x),
            self.slope,
            lambda reached: -np.expm1(reached - self.radius.high),
        )
        return Guess(law, (gentleness, low))

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        center, above = raised(rows, values, center, guess)
        height = ((Interval.of(values) - center) / above).where(rows.held, 0.0)
        mean = (rows.law * height.log1p()).where(rows.held, 0.0).total()
        return (center + above * (mean - self.radius).expm1()).low


def raised(rows: Rows, values: Array, center: Array, guess: Guess) -> tuple[Array, Array]:
    """A center, and a number above zero that lifts every reachable value to it or more."""
    gentleness, low = guess.multiplier
    above = np.maximum(gentleness + (center - low), 0)
    lifted = (Interval.of(center) - search.lowest_of(rows, values)).high
    above = np.maximum(above, lifted)
    return center, np.where(above > 0, above, 1.0)


@dataclasses.dataclass(frozen=True)
class ChiSquare(Divergence):
    """sum (q - p)^2 / p <= radius: sigma >= s - sqrt((1 + radius) <p, ((s - V)+)^2>) for every s."""

    radius: Interval
    slope: float = np.inf

    def generator(self, change: Array, ratio: Array) -> Interval:
        return Interval.of(change).square()

    def guess(self, rows: Rows, values: Array) -> Guess:
        law, gentleness, low = search.tilted(
            rows,
            values,
            self.radius.high,
            lambda height, s: np.maximum(1 - height / s, 0),
            lambda x: (x - 1) ** 2,
            self.slope,
            np.zeros_like,
        )
        return Guess(law, (gentleness, low))

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        gentleness, low = guess.multiplier
        level = low + gentleness
        held = np.where(rows.held, values, -np.inf).max(axis=0)
        # The level is the center plus `above`, whatever rounding makes of that.
        center = np.where(level > held, center, low)
        above = np.where(level - center > 0, level - center, 1.0)
        height = ((Interval.of(values) - center) / above).where(rows.held, 0.0)
        capped = height.clip(-np.inf, 1)
        # (1 + radius) <p, ((1 - h)+)^2> as it stands, and less one: the first where it is small.
        second = (rows.law * (1 - capped).square()).where(rows.held, 0.0).total()
        shift = (rows.law * capped * (capped - 2)).where(rows.held, 0.0).total()
        gain = self.radius + shift + self.radius * shift
        near = center - above * gain / ((gain + 1).sqrt() + 1)
        far = center + above * (1 - ((self.radius + 1) * second).sqrt())
        return np.fmax(near.low, far.low)


@dataclasses.dataclass(frozen=True)
class Hellinger(Divergence):
    """1 - sum sqrt(p q) <= radius: sigma >= (1 - radius)^2 / <p, 1 / (V - c + a)> - a + c."""

    radius: Interval
    reach: str
    slope: float = 0.5

    def generator(self, change: Array, ratio: Array) -> Interval:
        return (change / (Interval.of(ratio).sqrt() + 1)).square() * 0.5  # (sqrt(x) - 1)^2 / 2

    def guess(self, rows: Rows, values: Array) -> Guess:
        law, gentleness, low = search.tilted(
            rows,
            values,
            self.radius.high,
            lambda height, s: 1 / (height + s) ** 2,
            lambda x: 0.5 * ((x - 1) / (np.sqrt(x) + 1)) ** 2,
            self.slope,
            lambda reached: 1 - ((1 - self.radius.high) / (1 - reached)) ** 2,
        )
        return Guess(law, (gentleness, low))

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        center, above = raised(rows, values, center, guess)
        height = ((Interval.of(values) - center) / above).where(rows.held, 0.0)
        # <p, 1 / (1 + h)> = 1 - share
        share = (rows.law * (height / (height + 1))).where(rows.held, 0.0).total()
        gain = share - self.radius * (2 - self.radius)
        return (center + above * (gain / (1 - share))).low
