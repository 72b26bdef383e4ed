"""Balls of a phi-divergence around the nominal law, all by one search over a tilt.

Nature's answer tilts the nominal law: q proportional to p * tilt(z, s), where z >= 0 is the value's
height above the lowest reachable one, in units of the row's span, and s > 0 is the temperature of the
tilt. The divergence D(s) of that law falls from its largest value at s -> 0 to 0 at s -> infinity, so
one root of D(s) = radius answers the row. With m = <p, z> the dual function gives

    sigma >= <p, V> - span * reduction(s)        for every s > 0, with equality at the root,

so the claim is a lower bound whatever the search does; the law is mixed with p where rounding left
it outside. Near the nominal law D(s) is about <p, (z - m)^2> / (2 s^2) (without the 2 for chi-square),
hence log D is nearly linear in log s, and the search is a secant method there, 4 to 8 passes.

Sums are centered at m: a radius of 1e-20 or a probability of 1e-12 costs no digits.

Divergences whose slope at infinity is finite (reverse KL, Hellinger) let nature create mass where
p is zero. If a reachable state lies below the whole support and D(0) < radius, the tilt stops at
s = 0 and the rest of the budget buys mass on that state ("popping", Bayraksan & Love 2015).
"""

import abc
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.ambiguity.numerics import implicit_root, log_bracket, proportional, root
from rmfg.model.ambiguity.projection import mass_to_move
from rmfg.model.ambiguity.rowwise import RowwiseAmbiguity, WorstRows
from rmfg.model.ambiguity.sizes import Size, size_at
from rmfg.model.ambiguity.soft import ByTilt, Soft, SoftRows
from rmfg.model.rows import Rows, summed

# Probabilities below this are far less than rounding, wherever they are not multiplied by infinity.
NEGLIGIBLE = 1e-100


class ScaledRows(NamedTuple):
    """Rows in units of their own span: heights lie in [0, 1] on the support, `mean` is <p, z>."""

    rows: Rows
    low: Float[Array, "..."]
    span: Float[Array, "S A"]  # one where the row is flat
    flat: Float[Array, "S A"]
    mean: Float[Array, "S A"]

    @classmethod
    def of(cls, rows: Rows) -> "ScaledRows":
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
    """A ball { q : D(q, p) <= radius } of a divergence that tilts.

    @article{bental2013, title={Robust Solutions of Optimization Problems Affected by Uncertain
      Probabilities}, author={Ben-Tal, Aharon and den Hertog, Dick and De Waegenaere, Anja and
      Melenberg, Bertrand and Rennen, Gijs}, journal={Management Science}, volume={59}, year={2013}}
    """

    radius: eqx.AbstractVar[Size]

    @abc.abstractmethod
    def tilt(self, height: Array, temperature: Array) -> Array:
        """Return the factor, up to scale, by which nature changes a probability."""

    @abc.abstractmethod
    def tilted(self, scaled: ScaledRows, temperature: Array, radius: Array) -> Tilted:
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

    @abc.abstractmethod
    def generator(self, ratio: Array) -> Array:
        """Return the divergence's function of q / p: convex, zero and flat at one."""

    @abc.abstractmethod
    def price(self, total: Array, temperature: Array) -> Array:
        """Return the multiplier of the divergence that the tilt of mass `total` belongs to."""

    @property
    @abc.abstractmethod
    def unit(self) -> float:
        """What the divergence is multiplied by in that multiplier."""

    @property
    def slope(self) -> float:
        """The generator's slope at infinity, which created mass costs."""
        return jnp.inf

    def edge_ratio(self, law: Array, height: Array, radius: Array) -> Array:
        """Return q / p where the tilt stops at temperature zero and the sink takes the rest.

        Only sets whose nature can create mass replace this method.
        """
        return jnp.full_like(law, jnp.inf)

    @property
    def soft(self) -> Soft:
        return ByTilt(self.reach, self._soft_rows)

    def _soft_rows(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftRows:
        """The multiplier is kept at least one: h is the divergence itself, in its unit."""
        radius = size_at("radius", self.radius, mean_field, rows)
        law, held, idle = rows.law, rows.law > 0, ~(radius > 0)
        base = rows.lowest_held()
        if self.reach == "lowest":
            base = jnp.minimum(base, sink)
        height = jnp.where(held, rows.values - base, 1)

        def tilted(log_temperature: Array, given: tuple[Array, Array]) -> tuple[Array, ...]:
            law, height = given
            temperature = jnp.exp(log_temperature)
            factor = jnp.where(held, self.tilt(height, temperature), 0)
            total = summed(law * factor)
            total = jnp.where(total > 0, total, 1)
            ratio = jnp.where(held, factor / total, 1)
            divergence = summed(law * self.generator(ratio))
            return ratio, divergence, self.price(total, temperature)

        def gap(log_temperature: Array, given: tuple[Array, Array, Array]) -> Array:
            _, divergence, price = tilted(log_temperature, given[:2])
            tiny = jnp.finfo(divergence.dtype).tiny
            distance = jnp.log(jnp.maximum(divergence, tiny)) - jnp.log(jnp.maximum(given[2], tiny))
            return jnp.maximum(distance, -jnp.log(jnp.maximum(price, tiny)))

        low, high = log_bracket(radius)
        found = implicit_root(
            gap, (law, height, radius), low, high, jnp.zeros_like(radius), -1.0, ~idle
        )
        ratio, divergence, price = tilted(found, (law, height))
        leak = jnp.zeros_like(radius)
        if self.reach == "lowest":
            apart = jnp.all((height > 0) | ~held, axis=0)
            at_edge = self.edge_ratio(law, jnp.where(apart, height, 1), radius)
            mass = summed(law * at_edge)
            popped = ~idle & apart & (mass < 1)
            edge_total = summed(law * self.tilt(jnp.where(apart, height, 1), jnp.zeros(()))) / mass
            price = jnp.where(popped, self.price(edge_total, jnp.zeros(())), price)
            ratio = jnp.where(popped, at_edge, ratio)
            leak = jnp.where(popped, 1 - mass, 0)
            divergence = summed(law * self.generator(ratio)) + self.slope * leak
        ratio = jnp.where(idle, 1, ratio)
        cost = summed(law * ratio * rows.values) + leak * jnp.where(leak > 0, sink, 0)
        price = jnp.where(idle, jnp.inf, jnp.maximum(price, 1))
        return SoftRows(cost + jnp.where(idle, 0, self.unit * divergence), law * ratio, leak, price)

    def worst_rows(self, rows: Rows, mean_field: Array | None) -> WorstRows:
        radius = size_at("radius", self.radius, mean_field, rows)
        nominal, creates = rows.law, self.slope < jnp.inf
        # To create mass where a law has next to none costs what it costs where it has none at all, and
        # no multiplier of a size that can be squared says so.
        unseen = creates & (nominal < NEGLIGIBLE)
        seen = jnp.where(unseen, 0, nominal)
        rows = Rows(seen, rows.values, rows.allowed, rows.successors, rows.held)
        scaled = ScaledRows.of(rows)
        lowest_mass = scaled.lowest_mass()
        idle = scaled.flat | (radius <= 0)
        collapsed = ~idle & (lowest_mass > 0) & (radius >= self.largest(lowest_mass))
        popped = jnp.zeros_like(idle)
        if creates:
            edge = self.tilted(scaled, jnp.zeros_like(scaled.mean), radius)
            popped = ~idle & (lowest_mass <= 0) & (edge.divergence < radius)

        def gap(log_temperature: Array) -> Array:
            divergence = self.tilted(scaled, jnp.exp(log_temperature), radius).divergence
            tiny = jnp.finfo(divergence.dtype).tiny
            return jnp.log(jnp.maximum(divergence, tiny)) - jnp.log(jnp.maximum(radius, tiny))

        def variance_of(law: Array, values: Array, _: Array) -> Array:
            return law * (scaled.height(values) - scaled.mean) ** 2

        variance = rows.total(variance_of)
        guess = 0.5 * jnp.log(proportional(variance, 2 * radius))
        search = ~idle & ~collapsed & ~popped
        low, high = log_bracket(radius)
        start = jnp.where(search & jnp.isfinite(guess), jnp.clip(guess, low + 1, high - 1), 0)
        found = jnp.exp(root(gap, low, high, start, slope=-2.0, active=search))

        temperature = jnp.where(popped, 0, found)
        outcome = self.tilted(scaled, temperature, radius)
        reduction = jnp.where(collapsed, scaled.mean, outcome.reduction)
        reduction = jnp.where(idle, 0, jnp.clip(reduction, 0, scaled.mean)) * scaled.span
        law = self._law(scaled, temperature, outcome.divergence, radius, collapsed, popped)
        law = law + jnp.where(unseen, nominal, 0)
        return WorstRows(reduction, jnp.where(idle, nominal, law))

    def mass_outside(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        radius = size_at("radius", self.radius, mean_field, nominal)
        # Where nature is kept on the support, what lies off it moves first, on no scale.
        kept = (nominal > 0) | (self.reach != "support")
        return mass_to_move(
            lambda moved: self.distance(nominal, moved) - radius, nominal, law, nominal, kept
        )

    def _law(
        self,
        scaled: ScaledRows,
        temperature: Array,
        divergence: Array,
        radius: Array,
        collapsed: Array,
        popped: Array,
    ) -> Float[Array, "K S A"]:
        rows = scaled.rows
        height = scaled.height(rows.values)
        on_support = rows.law > 0
        factor = self.tilt(jnp.where(on_support, height, 1), temperature)
        factor = jnp.where(collapsed, height <= 0, factor)
        weights = jnp.where(on_support, rows.law * factor, 0)
        law = weights / jnp.sum(weights, axis=0)
        # Divergences are convex: this mixture is inside where rounding put the tilted law outside.
        reached = self.distance(rows.law, law)
        share = jnp.where(collapsed | popped, 1, jnp.minimum(1, proportional(radius, reached)))
        mass = jnp.where(popped, self.created(divergence, radius), 0)
        return (1 - mass) * (share * law + (1 - share) * rows.law) + mass * rows.lowest_slot()

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return 1 / smallest if smallest > 0 else None


def where_mass(law: Array, term: Array) -> Array:
    """The term where the law has mass; elsewhere zero, also where the term is not finite."""
    return jnp.where(law > 0, term, 0)
