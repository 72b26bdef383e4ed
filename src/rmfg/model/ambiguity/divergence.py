"""Balls of a phi-divergence around the nominal law, all by one search over a tilt.

Nature's answer tilts the nominal law: q proportional to p * tilt(z, s), where z >= 0 is the value's
height above the lowest reachable one, in units of the row's span, and s > 0 is how gentle the tilt
is. The divergence D(s) of that law falls from its largest value at s -> 0 to 0 at s -> infinity, so
one root of D(s) = radius answers the row. With m = <p, z> the dual function gives

    sigma >= <p, V> - span * reduction(s)        for every s > 0, with equality at the root,

so the claim is a lower bound whatever the search does; the law is mixed with p where rounding left
it outside. Near the nominal law D(s) is about <p, (z - m)^2> / (2 s^2) (without the 2 for chi-square),
hence log D is nearly linear in log s, and the search is a secant method there, 4 to 8 passes.

Sums are centered at m: a radius of 1e-20 or a probability of 1e-12 costs no digits.

Divergences whose slope at infinity is finite (reverse KL, Hellinger) let nature create mass where
p is zero. If a reachable state lies below the whole support and D(0) < radius, the tilt stops at
s = 0 and the rest of the budget buys mass on that state ("popping", Bayraksan & Love 2015).

Ben-Tal, den Hertog, De Waegenaere, Melenberg & Rennen, Robust solutions of optimization problems
affected by uncertain probabilities, Management Science 59 (2013).
"""

import abc
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks
from rmfg.core.precision import Array, as_float, boundary
from rmfg.model.ambiguity.base import (
    RowAnswer,
    RowwiseAmbiguity,
    Size,
    checked_size,
    checked_support,
    proportional,
    size_at,
)
from rmfg.model.ambiguity.numerics import log_bracket, root
from rmfg.model.kernel import Kernel, aligned
from rmfg.model.rows import Reach, Rows


class Heights(NamedTuple):
    """Rows in units of their own span: heights lie in [0, 1] on the support, `mean` is <p, z>."""

    rows: Rows
    low: Float[Array, "..."]
    span: Float[Array, "S A"]  # one where the row is flat
    flat: Float[Array, "S A"]
    mean: Float[Array, "S A"]

    @classmethod
    def of(cls, rows: Rows) -> "Heights":
        low = rows.lowest()
        width = rows.highest() - low
        flat = ~(width > 0)
        span = jnp.where(flat, 1, width)
        mean = rows.total(lambda law, values, _: law * (values - low)) / span
        return cls(rows, low, span, flat, mean)

    def height(self, values: Array) -> Array:
        return (values - self.low) / self.span

    def lowest_mass(self) -> Float[Array, "S A"]:
        return self.rows.total(lambda law, values, _: jnp.where(values <= self.low, law, 0))


class Tilted(NamedTuple):
    """What the law tilted by s says: its divergence from p, and the dual function at s."""

    divergence: Float[Array, "S A"]
    reduction: Float[Array, "S A"]


class Divergence(RowwiseAmbiguity):
    """A ball { q : D(q, p) <= radius } of a divergence that tilts."""

    radius: eqx.AbstractVar[Size]

    @abc.abstractmethod
    def tilt(self, height: Array, gentleness: Array) -> Array:
        """Return the factor, up to scale, by which nature changes a probability."""

    @abc.abstractmethod
    def tilted(self, heights: Heights, gentleness: Array, radius: Array) -> Tilted:
        """Return divergence and dual function of the tilted law."""

    @abc.abstractmethod
    def largest(self, lowest_mass: Array) -> Array:
        """Return the divergence of p conditioned on its lowest values, which have this mass."""

    @abc.abstractmethod
    def created(self, divergence: Array, radius: Array) -> Array:
        """Return the mass created on a state below the support when the tilt leaves budget."""

    @abc.abstractmethod
    def distance(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        """Return the divergence of `law` from `nominal`."""

    def answer(self, rows: Rows, mean_field: Array | None) -> RowAnswer:
        radius = size_at("radius", self.radius, mean_field, rows)
        heights = Heights.of(rows)
        lowest_mass = heights.lowest_mass()
        idle = heights.flat | (radius <= 0)
        collapsed = ~idle & (lowest_mass > 0) & (radius >= self.largest(lowest_mass))
        popped = jnp.zeros_like(idle)
        if self.reach == "lowest":  # else the lowest reachable value lies in the support
            edge = self.tilted(heights, jnp.zeros_like(heights.mean), radius)
            popped = ~idle & (lowest_mass <= 0) & (edge.divergence < radius)

        def gap(log_gentleness: Array) -> Array:
            divergence = self.tilted(heights, jnp.exp(log_gentleness), radius).divergence
            tiny = jnp.finfo(divergence.dtype).tiny
            return jnp.log(jnp.maximum(divergence, tiny)) - jnp.log(jnp.maximum(radius, tiny))

        def variance_of(law: Array, values: Array, _: Array) -> Array:
            return law * (heights.height(values) - heights.mean) ** 2

        variance = rows.total(variance_of)
        guess = 0.5 * jnp.log(proportional(variance, 2 * radius))
        search = ~idle & ~collapsed & ~popped
        low, high = log_bracket(radius)
        start = jnp.where(search & jnp.isfinite(guess), jnp.clip(guess, low + 1, high - 1), 0)
        found = jnp.exp(root(gap, low, high, start, slope=-2.0, active=search))

        gentleness = jnp.where(popped, 0, found)
        outcome = self.tilted(heights, gentleness, radius)
        reduction = jnp.where(collapsed, heights.mean, outcome.reduction)
        reduction = jnp.where(idle, 0, jnp.clip(reduction, 0, heights.mean)) * heights.span
        law = self._law(heights, gentleness, outcome.divergence, radius, collapsed, popped)
        return RowAnswer(reduction, jnp.where(idle, rows.law, law))

    def excess(
        self,
        nominal: Float[Array, "K S A"],
        law: Float[Array, "K S A"],
        mean_field: Array | None,
    ) -> Float[Array, "S A"]:
        return self.distance(nominal, law) - size_at("radius", self.radius, mean_field, nominal)

    def _law(
        self,
        heights: Heights,
        gentleness: Array,
        divergence: Array,
        radius: Array,
        collapsed: Array,
        popped: Array,
    ) -> Float[Array, "K S A"]:
        rows = heights.rows
        height = heights.height(rows.values)
        on_support = rows.law > 0
        factor = self.tilt(jnp.where(on_support, height, 1), gentleness)
        factor = jnp.where(collapsed, height <= 0, factor)
        weights = jnp.where(on_support, rows.law * factor, 0)
        law = weights / jnp.sum(weights, axis=0)
        # Divergences are convex: this mixture is inside where rounding put the tilted law outside.
        reached = self.distance(rows.law, law)
        share = jnp.where(collapsed | popped, 1, jnp.minimum(1, proportional(radius, reached)))
        mass = jnp.where(popped, self.created(divergence, radius), 0)
        return (1 - mass) * (share * law + (1 - share) * rows.law) + mass * rows.lowest_slot()


class KullbackLeibler(Divergence):
    """Laws with KL(q, p) = sum q log(q / p) <= radius; nature stays on the nominal support.

    sigma = sup over s > 0 of -s log <p, exp(-V / s)> - s radius; q proportional to p exp(-V / s).
    A deterministic row gets no robustness, and a next state never seen is excluded for good.
    Nilim & El Ghaoui, Robust control of Markov decision processes, Operations Research 53 (2005).
    """

    radius: Size

    def __init__(self, radius: Size):
        self.radius = checked_size("radius", radius, jnp.inf, "")

    @property
    def reach(self) -> Reach:
        return "support"

    def tilt(self, height: Array, gentleness: Array) -> Array:
        return jnp.exp(-height / gentleness)

    def tilted(self, heights: Heights, gentleness: Array, radius: Array) -> Tilted:
        gentleness = jnp.maximum(gentleness, jnp.exp(log_bracket(radius)[0]))
        divergence, free_energy = exponential_tilt(heights, gentleness)
        return Tilted(divergence, free_energy + gentleness * radius)

    def largest(self, lowest_mass: Array) -> Array:
        return -jnp.log(lowest_mass)

    def created(self, divergence: Array, radius: Array) -> Array:
        return jnp.zeros_like(radius)

    def distance(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        return relative_entropy(law, nominal)


class ReverseKullbackLeibler(Divergence):
    """Laws with KL(p, q) = sum p log(p / q) <= radius: what likelihood-based estimation gives.

    sigma = max over s >= 0 of exp(<p, log(z + s)> - radius) - s + min V, with z = V - min V;
    q proportional to p / (z + s). Nature may create mass on states that p does not reach, but can
    never rule out a state that p does reach.
    """

    radius: Size
    support: str

    def __init__(self, radius: Size, *, support: str = "all"):
        self.radius = checked_size("radius", radius, jnp.inf, "")
        self.support = checked_support(support)

    @property
    def reach(self) -> Reach:
        return "lowest" if self.support == "all" else "support"

    def tilt(self, height: Array, gentleness: Array) -> Array:
        return 1 / (height + gentleness)

    def tilted(self, heights: Heights, gentleness: Array, radius: Array) -> Tilted:
        scale = gentleness + heights.mean

        def parts(law: Array, values: Array, _: Array) -> tuple[Array, Array]:
            shift, height = (
                heights.height(values) - heights.mean,
                heights.height(values) + gentleness,
            )
            near = jnp.log1p(shift / scale)
            logarithm = jnp.where(shift > -0.5 * scale, near, jnp.log(height / scale))
            return law * _where_mass(law, shift / height), law * _where_mass(law, logarithm)

        inverse, logarithm = heights.rows.total(parts)
        divergence = jnp.log1p(-inverse) + logarithm
        return Tilted(divergence, -scale * jnp.expm1(logarithm - radius))

    def largest(self, lowest_mass: Array) -> Array:
        return jnp.where(lowest_mass < 1, jnp.inf, 0)

    def created(self, divergence: Array, radius: Array) -> Array:
        return -jnp.expm1(divergence - radius)

    def distance(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        return relative_entropy(nominal, law)


class ChiSquare(Divergence):
    """Laws with sum (q - p)^2 / p <= radius; nature stays on the nominal support.

    sigma = max over s of s - sqrt((1 + radius) <p, ((s - V)+)^2>); q proportional to p (s - V)+.
    Where no state is dropped, sigma = mean - sqrt(radius) * standard deviation.
    """

    radius: Size

    def __init__(self, radius: Size):
        self.radius = checked_size("radius", radius, jnp.inf, "")

    @property
    def reach(self) -> Reach:
        return "support"

    def tilt(self, height: Array, gentleness: Array) -> Array:
        return jnp.maximum(1 - height / gentleness, 0)

    def tilted(self, heights: Heights, gentleness: Array, radius: Array) -> Tilted:
        gentleness = jnp.maximum(gentleness, jnp.exp(log_bracket(radius)[0]))
        center = jnp.maximum(gentleness - heights.mean, 0)

        def parts(law: Array, values: Array, _: Array) -> tuple[Array, Array]:
            height = heights.height(values)
            clipped = jnp.maximum(gentleness - height, 0) - center
            inside = (height < gentleness) & (heights.mean < gentleness)
            shift = jnp.where(inside, heights.mean - height, clipped)
            return law * shift, law * shift**2

        shift, square = heights.rows.total(parts)
        weight = center + shift
        variance = jnp.maximum(square - shift**2, 0)
        second = variance + weight**2
        gain = radius * second + variance + shift * (2 * center + shift)
        reduction = gain / (jnp.sqrt((1 + radius) * second) + center)
        return Tilted(variance / weight**2, jnp.maximum(heights.mean - gentleness, 0) + reduction)

    def largest(self, lowest_mass: Array) -> Array:
        return 1 / lowest_mass - 1

    def created(self, divergence: Array, radius: Array) -> Array:
        return jnp.zeros_like(radius)

    def distance(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        ratio = (law - nominal) ** 2 / jnp.where(nominal > 0, nominal, 1)
        return jnp.sum(jnp.where(nominal > 0, ratio, _infinite_where(law > 0)), axis=0)


class Hellinger(Divergence):
    """Laws with 1 - sum sqrt(p q) <= radius, between 0 and 1.

    sigma = max over s >= 0 of (1 - radius)^2 / <p, 1 / (z + s)> - s + min V, with z = V - min V;
    q proportional to p / (z + s)^2. Nature may create mass where p has none, within bounds.
    """

    radius: Size
    support: str

    def __init__(self, radius: Size, *, support: str = "all"):
        self.radius = checked_size("radius", radius, 1.0, "The distance is at most 1.")
        self.support = checked_support(support)

    @property
    def reach(self) -> Reach:
        return "lowest" if self.support == "all" else "support"

    def tilt(self, height: Array, gentleness: Array) -> Array:
        return 1 / (height + gentleness) ** 2

    def tilted(self, heights: Heights, gentleness: Array, radius: Array) -> Tilted:
        scale = gentleness + heights.mean

        def parts(law: Array, values: Array, _: Array) -> tuple[Array, Array]:
            shift, height = (
                heights.height(values) - heights.mean,
                heights.height(values) + gentleness,
            )
            inverse = _where_mass(law, shift / height)
            return law * inverse, law * inverse**2

        inverse, square = heights.rows.total(parts)
        affinity = 1 - inverse
        variance = jnp.maximum(square - inverse**2, 0)
        norm = jnp.sqrt(variance + affinity**2)
        reduction = scale * (radius * (2 - radius) - inverse) / affinity
        return Tilted(variance / (norm * (norm + affinity)), reduction)

    def largest(self, lowest_mass: Array) -> Array:
        return 1 - jnp.sqrt(lowest_mass)

    def created(self, divergence: Array, radius: Array) -> Array:
        return 1 - ((1 - radius) / (1 - divergence)) ** 2

    def distance(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        root_difference = jnp.sqrt(jnp.maximum(law, 0)) - jnp.sqrt(nominal)
        return 0.5 * jnp.sum(root_difference**2, axis=0)


class EntropyPenalty(RowwiseAmbiguity):
    """Nature may pick any law on the nominal support, but pays strength * KL(q, p) for it.

    sigma = min over q of <q, V> + strength KL(q, p) = -strength log <p, exp(-V / strength)>.
    Smooth: nature's answer q proportional to p exp(-V / strength) is unique. The strength has the
    unit of the values: the larger, the more the nominal law is trusted. Hansen & Sargent 2001.
    """

    strength: Size

    def __init__(self, strength: Size):
        self.strength = checked_size("strength", strength, jnp.inf, "")
        if not callable(self.strength):
            smallest = float(np.finfo(np.float64).tiny)
            way_out = "Where lies cost nature nothing, use CVaR or scenarios."
            checks.within("strength", as_float(self.strength), smallest, jnp.inf, way_out)

    @property
    def reach(self) -> Reach:
        return "support"

    def answer(self, rows: Rows, mean_field: Array | None) -> RowAnswer:
        heights = Heights.of(rows)
        gentleness = size_at("strength", self.strength, mean_field, rows) / heights.span
        _, free_energy = exponential_tilt(heights, gentleness)
        reduction = jnp.where(heights.flat, 0, jnp.clip(free_energy, 0, heights.mean))
        height = jnp.where(rows.law > 0, heights.height(rows.values), 0)
        weights = rows.law * jnp.exp(-height / gentleness)
        law = jnp.where(heights.flat, rows.law, weights / jnp.sum(weights, axis=0))
        return RowAnswer(reduction * heights.span, law)

    def excess(
        self,
        nominal: Float[Array, "K S A"],
        law: Float[Array, "K S A"],
        mean_field: Array | None,
    ) -> Float[Array, "S A"]:
        return jnp.sum(jnp.where(nominal > 0, 0, law), axis=0)

    @boundary
    def penalty(
        self, kernel: Kernel, nominal: Kernel, mean_field: Array | None = None
    ) -> Float[Array, "S A"]:
        before, after = aligned(nominal, kernel)
        strength = size_at("strength", self.strength, mean_field, before)
        return strength * relative_entropy(after, before)


def exponential_tilt(heights: Heights, gentleness: Array) -> tuple[Array, Array]:
    """KL divergence of the law proportional to p exp(-z / s), and m + s log <p, exp(-z / s)>."""
    # Sums are centered at the mean while exponents are small, at the lowest value after that.
    center = jnp.where(gentleness > 1, heights.mean, 0)

    def parts(law: Array, values: Array, _: Array) -> tuple[Array, Array, Array]:
        exponent = jnp.where(law > 0, (heights.height(values) - center) / gentleness, 0)
        weight = law * jnp.exp(-exponent)
        return law * jnp.expm1(-exponent), weight, weight * exponent

    minus_one, total, moment = heights.rows.total(parts)
    positive = jnp.where(total > 0, total, 1)
    log_total = jnp.where(minus_one > -0.5, jnp.log1p(minus_one), jnp.log(positive))
    divergence = -moment / positive - log_total
    return divergence, heights.mean - center + gentleness * log_total


def relative_entropy(
    law: Float[Array, "K S A"], other: Float[Array, "K S A"]
) -> Float[Array, "S A"]:
    """Sum law log(law / other), as a sum of terms that are never negative."""
    both = (law > 0) & (other > 0)
    safe = jnp.where(both, other, 1)
    change = jnp.where(both, law - other, 0) / safe
    near = (1 + change) * jnp.log1p(change) - change  # a change of 1e-6 keeps ten digits
    far = jnp.where(both, law / safe, 1)
    far = far * jnp.log(far) - far + 1
    terms = jnp.where(both, safe * jnp.where(jnp.abs(change) < 0.5, near, far), other)
    return jnp.sum(jnp.where((law > 0) & (other <= 0), jnp.inf, terms), axis=0)


def _where_mass(law: Array, term: Array) -> Array:
    """The term where the law has mass; elsewhere zero, also where the term is not finite."""
    return jnp.where(law > 0, term, 0)


def _infinite_where(condition: Array) -> Array:
    return jnp.where(condition, jnp.inf, 0)
