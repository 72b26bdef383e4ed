"""Laws between bounds, with proof."""

import abc
import dataclasses
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from rmfg.rigorous import search
from rmfg.rigorous.claim import Rows, UnprovedError
from rmfg.rigorous.rounding import Array, Interval
from rmfg.rigorous.search import Guess
from rmfg.rigorous.sets import Set


class Box(Set):
    """Laws between bounds.

    At any level, sigma >= level + sum lower (V - level)+ - upper (level - V)+.
    """

    @abc.abstractmethod
    def bounds(self, rows: Rows) -> tuple[Interval, Interval]:
        """Enclose the bounds (K, S, A), of which it is known that a law fits between them."""

    def guess(self, rows: Rows, values: Array) -> Guess:
        lower, upper = (bound.low for bound in self.bounds(rows))
        room = np.maximum(upper - lower, 0)
        added, level = search.filled(values, room, np.maximum(1 - lower.sum(axis=0), 0))
        return Guess(lower + added, level)

    def inside(self, rows: Rows, guess: Guess) -> Interval:
        lower, upper = self.bounds(rows)
        room = (upper - lower).clip(0)
        law = guess.law / guess.law.sum(axis=0)
        safe = np.where(room.low > 0, room.low, 1)
        part = np.where(room.low > 0, np.clip((law - lower.low) / safe, 0, 1), 0)
        # The shares of the rooms that are used are moved up, or down, to fill what is missing.
        missing, used = (1 - lower.total()).clip(0), (part * room).total().clip(0)
        rest = ((missing - used) / (room.total() - used)).clip(0, 1)
        rest = Interval(np.nan_to_num(rest.low, nan=0.0), np.nan_to_num(rest.high, nan=1.0))
        less = (missing / used).clip(0, 1)
        less = Interval(np.nan_to_num(less.low, nan=0.0), np.nan_to_num(less.high, nan=1.0))
        more = part + rest * (1 - Interval.of(part))
        fewer = part * less
        short, long = used.high <= missing.low, used.low >= missing.high
        low = np.where(short, more.low, np.where(long, fewer.low, np.minimum(more.low, fewer.low)))
        high = np.where(
            short, more.high, np.where(long, fewer.high, np.maximum(more.high, fewer.high))
        )
        return (lower + Interval(low, high).clip(0, 1) * room).clip(0, 1)

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        lower, upper = self.bounds(rows)
        level = np.asarray(guess.multiplier)
        height = Interval.of(values) - level
        return (level + (lower * height.clip(0) - upper * (-height).clip(0)).total()).low


@dataclasses.dataclass(frozen=True)
class CVaR(Box):
    """q <= p / (1 - level)."""

    level: Interval

    def bounds(self, rows: Rows) -> tuple[Interval, Interval]:
        return Interval.of(np.zeros(rows.mass.shape)), rows.law / (1 - self.level)


@dataclasses.dataclass(frozen=True)
class Around(Box):
    """p - below <= q <= p + above; margins (S, A), or one for each slot."""

    below: Interval
    above: Interval
    reach: str
    weights: Float[Array, " S"] | None = None  # margins are divided by those of the states

    def bounds(self, rows: Rows) -> tuple[Interval, Interval]:
        below, above = self.below, self.above
        if self.weights is not None:
            weights = self.weights[rows.slots]
            below, above = below / weights, above / weights
        upper = (rows.law + above).clip(0, 1).where(rows.usable, 0.0)
        return (rows.law - below).clip(0), upper


@dataclasses.dataclass(frozen=True)
class Within(Box):
    """Fixed bounds, whatever p is."""

    lower: Float[Array, "K S A"]
    upper: Float[Array, "K S A"]
    reach: str = "everywhere"

    def bounds(self, rows: Rows) -> tuple[Interval, Interval]:
        shape = rows.mass.shape
        lower, upper = np.broadcast_to(self.lower, shape), np.broadcast_to(self.upper, shape)
        doubtful = ~((Interval.of(lower).total().high <= 1) & (Interval.of(upper).total().low >= 1))
        for s, a in np.argwhere(doubtful):
            sums = [sum(map(Fraction, bound[:, s, a].tolist())) for bound in (lower, upper)]
            if not sums[0] <= 1 <= sums[1]:
                raise UnprovedError(
                    f"in real arithmetic no law lies between the bounds at (s={s}, a={a}): they sum "
                    f"to {float(sums[0]):.17g} and {float(sums[1]):.17g}"
                )
        return Interval.of(lower), Interval.of(upper)
