"""Balls of weighted norms of an order between one and infinity, with proof."""

import dataclasses

import numpy as np
from jaxtyping import Float

from rmfg.rigorous import search
from rmfg.rigorous.claim import Rows, expected
from rmfg.rigorous.rounding import Array, Interval
from rmfg.rigorous.search import Guess
from rmfg.rigorous.sets import Ball
from rmfg.rigorous.transport import Star


@dataclasses.dataclass(frozen=True)
class Lp(Ball):
    """The norm of weights * (q - p), of an order between one and infinity.

    At any level and multiplier t > 0, sigma >= <p, V> + sum over slots of the least value of
    (q - p) (V - level) + t / k |w (q - p)|^k over q >= 0, less t / k radius^k.
    """

    radius: Interval
    order: float
    weights: Float[Array, " S"]
    reach: str

    def guess(self, rows: Rows, values: Array) -> Guess:
        if not self.order > 1:
            return Star(self.radius, self.weights).guess(rows, values)
        weights = self.weights[rows.slots]
        found = search.spread_mass(rows, values, self.radius.high, self.order, weights)
        law, level, multiplier = found
        return Guess(np.where(self.radius.high > 0, law, rows.mass), (level, multiplier))

    def distance(self, rows: Rows, law: Interval) -> Interval:
        change = (law - rows.law).magnitude() * self.weights[rows.slots]
        if not self.order > 1:
            return change.total()
        largest = np.where(change.high.max(axis=0) > 0, change.high.max(axis=0), 1)
        powers = (change / largest).power(self.order).total()
        return largest * _root_of(powers, Interval.of(1.0) / self.order)

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        if not self.order > 1:
            return Star(self.radius, self.weights).dual(rows, values, center, guess)
        weights = self.weights[rows.slots]
        order, (level, multiplier) = self.order, guess.multiplier
        inverse = Interval.of(1.0) / (Interval.of(order) - 1)
        pull = level - Interval.of(values)
        scale = multiplier * Interval.of(weights).power(order)
        size = pull.magnitude()
        free = -(size * _root_of(size / scale, inverse) / (inverse + 1))
        # Where the derivative at q = 0 is not negative, q = 0 is the least value.
        moved = scale * rows.law.power(order - 1)
        emptied = (pull.high <= 0) & (size.low >= moved.high)
        at_zero = pull * rows.law + moved * rows.law / order
        least = at_zero.where(emptied, free).where(rows.usable, 0.0)
        cost = multiplier * self.radius.power(order) / order
        return (expected(rows.law, values, center) + least.total() - cost).low


def _root_of(x: Interval, exponent: Interval) -> Interval:
    """Powers with an exponent that is itself enclosed."""
    ends = [x.power(float(end)) for end in (exponent.low, exponent.high)]
    return Interval(np.minimum(ends[0].low, ends[1].low), np.maximum(ends[0].high, ends[1].high))
