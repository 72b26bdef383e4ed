"""Rows whose worst law spreads over many states: balls in a norm of order k, 1 < k < infinity.

With z the height of the values, nature's answer for multipliers (t, eta) is, state by state,

    q = (p + t psi(eta - z))+ ,    psi(y) = sign(y) |y / w^k|^(1 / (k - 1)),

eta settles the mass and t the norm. With lambda = t^-(k-1), any (t, eta) proves

    reduction <= sum (p - q)(z - eta) - lambda / k sum (w |q - p|)^k + lambda / k radius^k.

The well-known closed form <p, V> - radius * min_c norm(V - c) drops q >= 0 and is wrong by more than
the span of V on rows with small probabilities.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.ambiguity.numerics import implicit_root, log_bracket, proportional, root, within
from rmfg.model.ambiguity.rowwise import WorstRows
from rmfg.model.ambiguity.soft import SoftRows
from rmfg.model.rows import Rows, summed


def spread_mass(
    rows: Rows, radius: Float[Array, "S A"], order: float, weights: Float[Array, "..."]
) -> WorstRows:
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
    return WorstRows(jnp.where(idle, 0, reduction) * span, jnp.where(idle, rows.law, law))


def softly_spread_mass(
    rows: Rows, radius: Float[Array, "S A"], order: float, weights: Float[Array, "..."]
) -> SoftRows:
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
    return SoftRows(cost, law, price=jnp.where(idle, jnp.inf, length ** (1 - order)))


def _signed_power(base: Array, exponent: float) -> Array:
    if exponent == 1:
        return base
    size = jnp.where(base == 0, 1, jnp.abs(base))
    return jnp.where(base == 0, 0, jnp.sign(base) * size**exponent)
