"""Balls in a norm: norm of (q - p) at most the radius, q a law.

p = 1 moves mass (total variation with half the radius, or, weighted, a transport with cost
w(x) + w(y)), p = infinity is an interval around the nominal law. In between, with z the height of
the values, nature's answer for multipliers (t, eta) is, state by state,

    q = (p + t psi(eta - z))+ ,    psi(y) = sign(y) |y / w^k|^(1 / (k - 1)),

eta settles the mass and t the norm. With lambda = t^-(k-1), any (t, eta) proves

    reduction <= sum (p - q)(z - eta) - lambda / k sum (w |q - p|)^k + lambda / k radius^k.

The well-known closed form <p, V> - radius * min_c norm(V - c) drops q >= 0 and is wrong by more than
the span of V on rows with small probabilities.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, is_concrete
from rmfg.model.ambiguity.base import RowAnswer, RowwiseAmbiguity, SoftAnswer, proportional, within
from rmfg.model.ambiguity.greedy import (
    bounds_around,
    fill_around,
    move_mass,
    outside_variation,
    softly_fill_between,
    softly_move_mass,
)
from rmfg.model.ambiguity.numerics import SHARE_OF_EXPONENTS, implicit_root, log_bracket, root
from rmfg.model.ambiguity.projection import between
from rmfg.model.ambiguity.sizes import (
    Size,
    checked_size,
    checked_support,
    least,
    most,
    size_at,
    support_may_move,
    taken_from_the_highest,
)
from rmfg.model.ambiguity.transport import softly_transport, transport
from rmfg.model.rows import Reach, Rows, summed

# Orders between which powers of ordinary numbers, and of their inverses, are ordinary numbers.
LOWEST_ORDER, HIGHEST_ORDER = 1.02, 50.0

# Powers of weights stay within this many decades, so that their products do not overflow.
LARGEST_POWER = 120.0


class Lp(RowwiseAmbiguity):
    """Laws with (sum over s of |w(s) (q(s) - p(s))|^order)^(1 / order) <= radius.

    `p` is the order, from 1 to infinity; `weights` (S,) are positive, one if not given. Note that
    L1 with radius r is total variation with radius r / 2. Spreads over many states for p > 1.
    Raises ValueError for an order below 1, or weights that are not positive.
    """

    radius: Size
    p: float
    weights: Array | None
    support: str

    def __init__(
        self, radius: Size, p: Number = 2, weights: Array | None = None, *, support: str = "all"
    ):
        self.radius = checked_size("radius", radius, jnp.inf, "")
        self.p, self.support = _checked_order(p), checked_support(support)
        self.weights = None if weights is None else _checked_weights(weights, self.p)

    @property
    def reach(self) -> Reach:
        if self.support == "nominal":
            return "support"
        return "lowest" if self.p == 1 and self.weights is None else "everywhere"

    @property
    def by_state(self) -> bool:
        return self.reach == "everywhere" or self.weights is not None

    def answer(self, rows: Rows, mean_field: Array | None) -> RowAnswer:
        radius = size_at("radius", self.radius, mean_field, rows)
        if self.p == 1 and self.weights is None:
            return move_mass(rows, jnp.minimum(radius / 2, 1))
        weights = self._weights(rows)
        if self.p == 1:
            return transport(rows, radius, self._star)
        if self.p == jnp.inf:
            return fill_around(rows, radius / weights, radius / weights)
        return spread_mass(rows, radius, self.p, weights)

    @property
    def ordinal(self) -> bool:
        return not self.curved and (self.p > 1 or self.weights is None)

    @property
    def curved(self) -> bool:
        return 1 < self.p < jnp.inf

    def soft_answer(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftAnswer:
        radius = size_at("radius", self.radius, mean_field, rows)
        if self.p == 1 and self.weights is None:
            return softly_move_mass(rows, jnp.minimum(radius / 2, 1), sink)
        weights = self._weights(rows)
        if self.p == 1:
            return softly_transport(rows, radius, self._star)
        if self.p == jnp.inf:
            margin = radius / weights
            return softly_fill_between(rows, *bounds_around(rows.law, rows.allowed, margin, margin))
        return softly_spread_mass(rows, radius, self.p, weights)

    @property
    def excess_is_mass(self) -> bool:
        return self.p == jnp.inf or (self.p == 1 and self.weights is None)

    def excess(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        radius = size_at("radius", self.radius, mean_field, nominal)
        if self.p == 1 and self.weights is None:
            return outside_variation(nominal, law, radius / 2, self.support)
        weights = jnp.ones(()) if self.weights is None else self._weights_of_states()
        if self.p == jnp.inf:
            allowed, margin = (nominal > 0) | (self.support == "all"), radius / weights
            return between(law, *bounds_around(nominal, allowed, margin, margin))
        # Scaled by the largest entry: a tiny change to a high power must not underflow.
        change = weights * jnp.abs(law - nominal)
        largest = jnp.max(change, axis=0)
        relative = proportional(change, largest)
        return largest * jnp.sum(relative**self.p, axis=0) ** (1 / self.p) - radius

    def scale(self, nominal: Float[Array, "K S A"]) -> Float[Array, "K S A"]:
        if self.weights is None:
            return jnp.ones_like(nominal)
        weights = self._weights_of_states()
        heavier = jnp.log(weights / jnp.min(weights))
        # At order one the heaviest go first: as steep as the numbers' range of exponents allows.
        steepest = SHARE_OF_EXPONENTS * jnp.log(jnp.finfo(nominal.dtype).max)
        steepest = 2 * steepest / jnp.maximum(jnp.max(heavier), 1e-3)
        exponent = steepest if self.p == 1 else jnp.minimum(self.p / (self.p - 1), steepest)
        return jnp.broadcast_to(jnp.exp(-exponent * heavier), nominal.shape)

    def _weights_of_states(self) -> Array:
        return jnp.asarray(self.weights)[:, None, None]

    def _weights(self, rows: Rows) -> Array:
        if self.weights is None:
            return jnp.ones(())
        # A gather beyond the end would silently take the last weight.
        checks.shaped("weights", self.weights, rows.law.shape[1:2], "(states,)")
        return jnp.asarray(self.weights)[rows.successors]

    def _star(self, source: Array, target: Array) -> Array:
        """Moving a unit from x to y changes two entries: the weights of both are paid."""
        weights = jnp.asarray(self.weights)
        return jnp.where(source == target, 0, weights[source] + weights[target])

    @property
    def by_order(self) -> bool:
        return self.p == math.inf or (self.p == 1 and self.weights is None)

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return support_may_move(self.support, smallest, 1.0)

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        if self.p == 1 and self.weights is None:
            radius = np.minimum(np.asarray(self.radius) / 2, 1)
            return taken_from_the_highest(nominal, radius, self.support)
        return min(nominal + 2 * self.farthest_law(num_states), 1.0)

    def farthest_law(self, num_states: int) -> float:
        lightest = 1.0 if self.weights is None else least(self.weights)
        return num_states ** (1 - 1 / self.p) * most(self.radius) / lightest / 2

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        return math.inf if self.p in (1, math.inf) else None


def spread_mass(
    rows: Rows, radius: Float[Array, "S A"], order: float, weights: Float[Array, "..."]
) -> RowAnswer:
    """Answer rows for 1 < order < infinity; `weights` are one, or given per slot."""
    lowest_value = rows.lowest()
    width = rows.highest() - lowest_value
    flat = ~(width > 0)
    span = jnp.where(flat, 1, width)
    height = (rows.values - lowest_value) / span
    scale = weights**order
    exponent = 1 / (order - 1)

    def shift(level: Array, length: Array) -> Array:
        """Q for the multipliers, all slots at once."""
        pull = level - height
        move = length * jnp.sign(pull) * (jnp.abs(pull) / scale) ** exponent
        return jnp.where(rows.allowed, jnp.maximum(rows.law + move, 0), rows.law)

    def norm(law: Array) -> Array:
        change = weights * jnp.abs(law - rows.law)
        largest = jnp.max(change, axis=0)
        return largest * jnp.sum(proportional(change, largest) ** order, axis=0) ** (1 / order)

    def level_for(length: Array) -> Array:
        """The level at which the law has mass one; the mass rises with the level."""
        zeros = jnp.zeros_like(radius)
        half = jnp.full_like(radius, 0.5)
        slack = 4 * float(jnp.finfo(radius.dtype).eps)

        def missing_mass(level: Array) -> Array:
            return 1 - jnp.sum(shift(level, length), axis=0)

        return root(missing_mass, zeros, zeros + 1, half, -1.0, active=~flat, tolerance=slack)

    # The nearest law on the lowest values alone: if it is inside the ball, it is the answer.
    lowest = rows.allowed & (height <= 0)
    share = jnp.where(lowest, scale ** (-exponent), 0)
    missing = 1 - jnp.sum(jnp.where(lowest, rows.law, 0), axis=0)
    face = jnp.where(lowest, rows.law + missing * share / jnp.sum(share, axis=0), 0)
    collapsed = norm(face) <= radius
    idle = flat | (radius <= 0)
    search = ~idle & ~collapsed

    def gap(log_length: Array) -> Array:
        length = jnp.exp(log_length)
        law = shift(level_for(length), length)
        tiny = jnp.finfo(law.dtype).tiny
        return jnp.log(jnp.maximum(radius, tiny)) - jnp.log(jnp.maximum(norm(law), tiny))

    low, high = log_bracket(radius)
    start = jnp.where(search, jnp.log(jnp.where(radius > 0, radius, 1)), 0.0)
    length = jnp.exp(root(gap, low, high, start, slope=-1.0, active=search, max_steps=80))
    level = level_for(length)
    law = shift(level, length)
    multiplier = length ** (1 - order)
    change = law - rows.law
    moved = jnp.sum(change * (level - height), axis=0)
    cost = jnp.sum((weights * jnp.abs(change)) ** order, axis=0)
    bound = moved + multiplier / order * (radius**order - cost)

    mean = jnp.sum(rows.law * height, axis=0)
    reduction = jnp.where(collapsed, mean, jnp.clip(bound, 0, mean))
    law = law / jnp.sum(law, axis=0)
    inside = jnp.minimum(1, proportional(radius, norm(law)))
    law = jnp.where(collapsed, face, inside * law + (1 - inside) * rows.law)
    return RowAnswer(jnp.where(idle, 0, reduction) * span, jnp.where(idle, rows.law, law))


def softly_spread_mass(
    rows: Rows, radius: Float[Array, "S A"], order: float, weights: Float[Array, "..."]
) -> SoftAnswer:
    """Answer rows softly for 1 < order < infinity: the length t of the shift is at most one."""
    scale = jnp.broadcast_to(weights**order, rows.law.shape)
    values = jnp.broadcast_to(rows.values, rows.law.shape)
    allowed, idle = rows.allowed, ~(radius > 0)
    low = jnp.min(jnp.where(allowed, values, jnp.inf), axis=0)
    high = jnp.max(jnp.where(allowed, values, -jnp.inf), axis=0)

    def shifted(level: Array, length: Array, law: Array, values: Array) -> Array:
        move = length * _signed_power((level - values) / scale, 1 / (order - 1))
        return jnp.where(allowed, jnp.maximum(law + move, 0), law)

    def answer(length: Array, law: Array, values: Array) -> Array:
        def missing(level: Array, given: tuple[Array, Array, Array]) -> Array:
            return summed(law) - summed(shifted(level, *given))

        ends = jax.lax.stop_gradient((low, high))
        given = (length, law, values)
        level = implicit_root(missing, given, *ends, 0.5 * (ends[0] + ends[1]), -1.0, high > low)
        # A row of one value has that value for its level.
        law = shifted(jnp.where(high > low, level, low), *given)
        return law / summed(law)

    def norm(law: Array, before: Array) -> Array:
        change = weights * jnp.abs(law - before)
        largest = jax.lax.stop_gradient(jnp.max(change, axis=0))
        relative = proportional(change, largest)
        total = summed(relative**order)
        return largest * jnp.where(total > 0, total, 1) ** (1 / order)

    def gap(log_length: Array, given: tuple[Array, Array, Array]) -> Array:
        law, values, radius = given
        tiny = jnp.finfo(law.dtype).tiny
        reached = norm(answer(jnp.exp(log_length), law, values), law)
        return jnp.log(jnp.maximum(radius, tiny)) - jnp.log(jnp.maximum(reached, tiny))

    ones = jnp.ones_like(radius)
    given = (rows.law, values, radius)
    too_far = ~idle & (norm(answer(ones, rows.law, values), rows.law) > radius)
    start = jnp.full_like(radius, -1.0)
    found = implicit_root(gap, given, log_bracket(radius)[0], 0 * ones, start, -1.0, too_far)
    length = jnp.where(idle, 0, jnp.exp(jnp.where(too_far, found, 0)))
    law = answer(length, rows.law, values)
    law = within(law, rows.law, norm(law, rows.law), radius)
    cost = summed(law * values) + summed((weights * jnp.abs(law - rows.law)) ** order) / order
    return SoftAnswer(cost, law, price=jnp.where(idle, jnp.inf, length ** (1 - order)))


def _signed_power(base: Array, exponent: float) -> Array:
    if exponent == 1:
        return base
    size = jnp.where(base == 0, 1, jnp.abs(base))
    return jnp.where(base == 0, 0, jnp.sign(base) * size**exponent)


def _checked_order(p: Number) -> float:
    infinite = isinstance(p, float) and p == math.inf
    order = math.inf if infinite else inputs.number("p", p)
    if not order >= 1:
        raise ValueError(f"`p` must be at least 1 (or infinity), but is {order:g}.")
    if not (order in (1, math.inf) or LOWEST_ORDER <= order <= HIGHEST_ORDER):
        raise ValueError(
            f"`p` must be 1, or lie in [{LOWEST_ORDER:g}, {HIGHEST_ORDER:g}], or be infinity, but is "
            f"{order:g}: powers of such an order are beyond float64. Take the nearest of them."
        )
    return order


def _checked_weights(weights: Array, order: float) -> Array:
    array = inputs.real("weights", weights)
    if array.ndim != 1:
        raise ValueError(
            f"`weights` must have shape (states,), but has shape {tuple(array.shape)}."
        )
    checks.finite("weights", array, ("s",))
    if is_concrete(array) and (np.asarray(array) <= 0).any():
        s = int(np.argmax(np.asarray(array) <= 0))
        raise ValueError(f"`weights` must be positive, but is {float(array[s]):g} at (s={s}).")
    power = 1 if order in (1, math.inf) else order * max(1.0, 1 / (order - 1))
    decades = LARGEST_POWER / power
    if is_concrete(array) and (np.abs(np.log10(np.asarray(array))) > decades).any():
        raise ValueError(
            f"`weights` must lie in [1e-{decades:.3g}, 1e{decades:.3g}] for p = {order:g}, but are "
            f"{float(np.min(array)):g} to {float(np.max(array)):g}. Weights and radius have one unit, "
            "which is free to choose."
        )
    return array
