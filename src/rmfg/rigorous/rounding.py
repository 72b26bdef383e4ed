"""Interval arithmetic on arrays: every result encloses the real number that it stands for.

IEEE 754 rounds each sum, difference, product, quotient and square root to a neighbor of the real
result, so the next number outward bounds it, also where results underflow or overflow. Only these
operations are used, entry by entry; sums are trees of them, so nothing depends on the order in
which a library adds. Exponentials are Taylor sums with a bounded remainder, and a logarithm is a
guess that its exponential proves: no accuracy of any library's functions is assumed.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Union

import numpy as np
from jaxtyping import Float

Array = Any  # an array of doubles, or a number of NumPy
Number = Union[float, Array, "Interval"]

# ln 2 is the first plus the second: the first has 32 bits, so that whole multiples are exact.
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = (1.9082149292705877e-10, 1.9082149292705880e-10)
LARGEST_EXPONENT = 709.0
TERMS = 18
# Beyond 18 terms of (exp(r) - 1) / r, 0 <= r < 0.7, there is less than r^18 / 19! * e^r < 2^-61.
REMAINDER = 2.0**-61
BLOCK = 4096


# A step of a little more than half a unit in the last place, which rounds to the next number at
# least (Rump, Zimmermann, Boldo & Melquiond, BIT 49, 2009), many times faster than `nextafter`.
STEP, SMALLEST = 2.0**-53 * (1 + 2.0**-52), 2.0**-1074


def down(x: Array) -> Array:
    """A number below the next one below: at most the real result that x was rounded from."""
    return x - (STEP * np.abs(x) + SMALLEST)


def up(x: Array) -> Array:
    """A number above the next one above: at least the real result that x was rounded from."""
    return x + (STEP * np.abs(x) + SMALLEST)


@dataclasses.dataclass(frozen=True, eq=False)
class Interval:
    """Real numbers between two arrays of doubles; NaN says that nothing is known."""

    low: Float[Array, "..."]
    high: Float[Array, "..."]

    __array_ufunc__ = None  # arrays on the left leave the operation to this class

    @classmethod
    def of(cls, x: Number) -> "Interval":
        if isinstance(x, Interval):
            return x
        array = np.asarray(x, np.float64)
        return cls(array, array)

    def __neg__(self) -> "Interval":
        return Interval(-self.high, -self.low)

    def __add__(self, other: Number) -> "Interval":
        other = Interval.of(other)
        return Interval(down(self.low + other.low), up(self.high + other.high))

    def __sub__(self, other: Number) -> "Interval":
        return self + -Interval.of(other)

    def __mul__(self, other: Number) -> "Interval":
        other = Interval.of(other)
        return _hull([a * b for a in (self.low, self.high) for b in (other.low, other.high)])

    def __truediv__(self, other: Number) -> "Interval":
        other = Interval.of(other)
        apart = (other.low > 0) | (other.high < 0)
        low, high = np.where(apart, other.low, 1), np.where(apart, other.high, 1)
        ends = [a / b for a in (self.low, self.high) for b in (low, high)]
        return _hull(ends).where(apart, np.nan)

    def __radd__(self, other: Number) -> "Interval":
        return self + other

    def __rsub__(self, other: Number) -> "Interval":
        return Interval.of(other) - self

    def __rmul__(self, other: Number) -> "Interval":
        return self * other

    def __rtruediv__(self, other: Number) -> "Interval":
        return Interval.of(other) / self

    def __getitem__(self, index: object) -> "Interval":
        return Interval(self.low[index], self.high[index])

    def where(self, condition: Array, other: Number) -> "Interval":
        """These numbers where the condition holds, the others elsewhere."""
        other = Interval.of(other)
        return Interval(
            np.where(condition, self.low, other.low), np.where(condition, self.high, other.high)
        )

    def clip(self, low: Number, high: Number = np.inf) -> "Interval":
        """The numbers, moved between two bounds."""
        least, most = Interval.of(low), Interval.of(high)
        return Interval(
            np.minimum(np.maximum(self.low, least.low), most.low),
            np.minimum(np.maximum(self.high, least.high), most.high),
        )

    def magnitude(self) -> "Interval":
        """The absolute values."""
        inner = np.maximum(np.maximum(self.low, -self.high), 0)
        return Interval(inner, np.maximum(-self.low, self.high))

    def square(self) -> "Interval":
        """The squares, never below zero."""
        size = self.magnitude()
        return (size * size).clip(0)

    def sqrt(self) -> "Interval":
        """Square roots of numbers that are known not to be negative."""
        positive = self.clip(0)
        return Interval(down(np.sqrt(positive.low)), up(np.sqrt(positive.high))).clip(0)

    def total(self) -> "Interval":
        """The sum along the first axis, as a tree."""
        low, high = self.low, self.high
        if not len(low):
            return Interval.of(np.zeros(low.shape[1:]))
        while len(low) > 1:
            half = len(low) // 2
            rest = slice(2 * half, None)
            low = np.concatenate([down(low[:half] + low[half : 2 * half]), low[rest]])
            high = np.concatenate([up(high[:half] + high[half : 2 * half]), high[rest]])
        return Interval(low[0], high[0])

    def largest(self, axis: int | None = None) -> "Interval":
        """The maximum along an axis."""
        return Interval(self.low.max(axis=axis), self.high.max(axis=axis))

    def expm1(self) -> "Interval":
        """exp(x) - 1."""
        return self._rising(_expm1)

    def log1p(self) -> "Interval":
        """log(1 + x), of numbers above -1."""
        return self._rising(_log1p)

    def power(self, exponent: float | int) -> "Interval":
        """Powers, with a positive exponent, of numbers that are known not to be negative."""
        positive = self.clip(0)
        if exponent == int(exponent) and exponent <= 64:
            result = positive
            for _ in range(int(exponent) - 1):
                result = (result * positive).clip(0)
            return result
        return positive._rising(lambda x: _power(x, exponent))

    def _rising(self, function: Callable[[Array], "Interval"]) -> "Interval":
        """The image under a rising function that is enclosed at single points."""
        lower = _in_blocks(function, self.low)
        upper = lower if self.low is self.high else _in_blocks(function, self.high)
        return Interval(lower.low, upper.high)


def _in_blocks(function: Callable[[Array], Interval], x: Array) -> Interval:
    """The function of many numbers, as many at a time as a processor's cache holds."""
    flat = np.ravel(x)
    parts = [function(flat[at : at + BLOCK]) for at in range(0, max(flat.size, 1), BLOCK)]
    ends = (np.concatenate([getattr(part, end) for part in parts]) for end in ("low", "high"))
    return Interval(*(end.reshape(np.shape(x)) for end in ends))


def _hull(ends: list[Array]) -> Interval:
    least = np.minimum(np.minimum(ends[0], ends[1]), np.minimum(ends[2], ends[3]))
    most = np.maximum(np.maximum(ends[0], ends[1]), np.maximum(ends[2], ends[3]))
    return Interval(down(least), up(most))


def _growth(x: Array) -> Interval:
    """exp(|x|) - 1, for |x| up to the largest exponent."""
    size = np.where(np.isnan(x), 0, np.minimum(np.abs(x), LARGEST_EXPONENT))
    # Rounded toward zero with a margin, so that what is left is not negative.
    halvings = np.floor(size * (1 - 2.0**-40) / math.log(2))
    left = Interval.of(size) - halvings * LN2_HIGH - halvings * Interval(*map(np.float64, LN2_LOW))
    low, high = np.maximum(left.low, 0), np.maximum(left.high, 0)
    series_low = series_high = np.zeros_like(low)
    for term in range(TERMS, 0, -1):
        coefficient = Interval.of(1.0) / float(math.factorial(term))
        series_low = down(down(series_low * low) + coefficient.low)
        series_high = up(up(series_high * high) + coefficient.high)
    part = Interval(down(series_low * low), up(up(series_high + REMAINDER) * high)).clip(0)
    scale = np.ldexp(1.0, halvings.astype(int))
    return ((Interval.of(scale) - 1).clip(0) + part * scale).clip(0)


def _expm1(x: Array) -> Interval:
    grown = _growth(x)
    shrunk = -(grown / (grown + 1))
    low = np.where(x < -LARGEST_EXPONENT, -1, np.where(x >= 0, grown.low, shrunk.low))
    high = np.where(x > LARGEST_EXPONENT, np.inf, np.where(x >= 0, grown.high, shrunk.high))
    result = Interval(np.maximum(low, -1), high)
    return result.where(x != 0, 0.0).where(~np.isnan(x), np.nan)


def _exp(x: Array) -> Interval:
    grown = _growth(x) + 1
    shrunk = 1 / grown
    low = np.where(x < -LARGEST_EXPONENT, 0, np.where(x >= 0, grown.low, shrunk.low))
    high = np.where(x > LARGEST_EXPONENT, np.inf, np.where(x >= 0, grown.high, shrunk.high))
    return Interval(low, high).where(~np.isnan(x), np.nan)


def _log1p(x: Array) -> Interval:
    with np.errstate(divide="ignore", invalid="ignore"):
        guess = np.log1p(x)
    guess = np.where(np.isfinite(guess), guess, 0)
    # log(1 + x) = guess + log(1 + error), and error / (1 + error) <= log(1 + error) <= error.
    grown = _growth(guess)
    falling = x + (Interval.of(x) + 1) * grown
    error = ((x - grown) / (grown + 1)).where(guess > 0, falling)
    low = np.where(error.low > -1, (error / (error + 1)).low, -np.inf)
    result = guess + Interval(low, error.high)
    result = result.where((x > -1) & (x < np.inf), Interval.of(np.nan))
    return result.where(x != 0, 0.0)


def exp(x: Interval) -> Interval:
    """Exponentials."""
    return x._rising(_exp)


def log(x: Interval) -> Interval:
    """Logarithms of positive numbers."""
    return x._rising(_log)


def _log(x: Array) -> Interval:
    fraction, exponent = np.frexp(x)
    small = fraction < math.sqrt(0.5)
    fraction, exponent = np.where(small, 2 * fraction, fraction), exponent - small
    whole = exponent * LN2_HIGH + exponent * Interval(*map(np.float64, LN2_LOW))
    near = _log1p(np.where(fraction > 0, fraction - 1, 0))  # the difference is exact
    return (whole + near).where(x > 0, np.nan).where((x != 0), Interval.of(-np.inf))


def _power(x: Array, exponent: float | int) -> Interval:
    result = exp(_log(np.where(x > 0, x, 1)) * exponent)
    return result.where(x > 0, 0.0).where(~np.isnan(x), np.nan)


def check_arithmetic() -> None:
    """Refuse a machine, or a state of it, that does not round to nearest or flushes small numbers.

    Raises RuntimeError.
    """
    ones, tiny = np.ones(64), np.full(64, 2.0**-1022)
    half = 2.0**-53
    nearest = (ones + half == 1) & (ones + 3 * half == 1 + 4 * half) & (-ones - half == -1)
    gradual = (tiny * 0.5 > 0) & (tiny * 1.5 - tiny == tiny * 0.5) & (up(0 * ones) > 0)
    if not (nearest.all() and gradual.all()):
        raise RuntimeError(
            "This process does not follow IEEE 754: it does not round to nearest, or it flushes "
            "small numbers to zero (some libraries set this when they load). Nothing can be proved."
        )
