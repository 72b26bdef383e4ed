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

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks
from rmfg.core.precision import Array, Number, as_float, is_concrete
from rmfg.model.ambiguity.base import (
    RowAnswer,
    RowwiseAmbiguity,
    Size,
    checked_size,
    checked_support,
    proportional,
    size_at,
)
from rmfg.model.ambiguity.greedy import fill_around, move_mass
from rmfg.model.ambiguity.numerics import log_bracket, root
from rmfg.model.ambiguity.transport import transport
from rmfg.model.rows import Reach, Rows


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
        order = float(p)
        if not order >= 1:
            raise ValueError(f"`p` must be at least 1 (or infinity), but is {order:g}.")
        self.p, self.support = order, checked_support(support)
        self.weights = None if weights is None else _checked_weights(weights)

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

    def excess(
        self,
        nominal: Float[Array, "K S A"],
        law: Float[Array, "K S A"],
        mean_field: Array | None,
    ) -> Float[Array, "S A"]:
        radius = size_at("radius", self.radius, mean_field, nominal)
        change = jnp.abs(law - nominal)
        if self.weights is not None:
            change = change * jnp.asarray(self.weights)[:, None, None]
        if self.p == jnp.inf:
            return jnp.max(change, axis=0) - radius
        # Scaled by the largest entry: a tiny change to a high power must not underflow.
        largest = jnp.max(change, axis=0)
        relative = proportional(change, largest)
        return largest * jnp.sum(relative**self.p, axis=0) ** (1 / self.p) - radius

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


def _checked_weights(weights: Array) -> Array:
    array = as_float(weights)
    if array.ndim != 1:
        raise ValueError(
            f"`weights` must have shape (states,), but has shape {tuple(array.shape)}."
        )
    checks.finite("weights", array, ("s",))
    if is_concrete(array) and (np.asarray(array) <= 0).any():
        s = int(np.argmax(np.asarray(array) <= 0))
        raise ValueError(f"`weights` must be positive, but is {float(array[s]):g} at (s={s}).")
    return array
