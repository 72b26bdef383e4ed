"""Rows filled greedily: mass is taken from high values or put on low ones until a budget is used up.

The value at which that happens, found by `cut`, is the multiplier. The reduction is the dual function
at this multiplier, so a wrong one could only make the claim weaker, never false.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from rmfg.core.precision import Array
from rmfg.model.ambiguity.numerics import cut, implicit_root, proportional
from rmfg.model.ambiguity.projection import between, off_support
from rmfg.model.ambiguity.rowwise import WorstRows
from rmfg.model.ambiguity.soft import SoftRows
from rmfg.model.rows import Rows, summed


def outside_variation(
    nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], radius: Array, support: str
) -> Float[Array, "S A"]:
    """The total variation to the nearest law whose own from the nominal law is at most the radius."""
    outside = between(law, nominal, nominal) - radius
    return outside if support == "all" else jnp.maximum(outside, off_support(nominal, law))


def move_mass(rows: Rows, radius: Float[Array, "S A"]) -> WorstRows:
    """Move the mass `radius` from the highest values to the lowest one."""
    lowest = rows.lowest()
    level = cut(rows.values, rows.law, radius)

    def parts(law: Array, values: Array, _: Array) -> tuple[Array, Array, Array]:
        gain = law * jnp.maximum(values - level, 0)
        return gain, jnp.where(values > level, law, 0), jnp.where(values == level, law, 0)

    gain, above, at_level = rows.total(parts)
    taken = jnp.clip(radius - above, 0, at_level)
    keep = 1 - proportional(taken, at_level)
    kept = jnp.where(rows.values > level, 0, jnp.where(rows.values == level, keep, 1)) * rows.law
    law = kept + (above + taken) * rows.lowest_slot()
    return WorstRows(gain + radius * (level - lowest), law)


def softly_move_mass(
    rows: Rows, radius: Float[Array, "S A"], sink: Float[Array, "..."]
) -> SoftRows:
    """Take the mass `radius` softly from the highest values, and leave it to the sink."""
    taken = softly_fill(-rows.values, rows.law, radius)
    return SoftRows(
        rows.mean() + taken.cost + radius * sink, rows.law - taken.law, summed(taken.law)
    )


def fill(rows: Rows, lower: Float[Array, "K S A"], upper: Float[Array, "K S A"]) -> WorstRows:
    """Start from `lower` and fill up to `upper`, the lowest values first, to a mass of one."""
    room = upper - lower
    missing = 1 - summed(lower)
    # Filling from below leaves what the total room exceeds the missing mass by, from the top.
    level = cut(rows.values, room, jnp.maximum(summed(room) - missing, 0))

    def parts(law: Array, values: Array, _: Array, low: Array, high: Array) -> tuple[Array, ...]:
        loss = (law - low) * jnp.maximum(values - level, 0)
        loss += (high - law) * jnp.maximum(level - values, 0)
        below = jnp.where(values < level, high - low, 0)
        return loss, below, jnp.where(values == level, high - low, 0)

    reduction, below, at_level = rows.total(parts, lower, upper)
    share = proportional(jnp.clip(missing - below, 0, at_level), at_level)
    filled = jnp.where(rows.values < level, 1, jnp.where(rows.values == level, share, 0))
    return WorstRows(reduction, lower + filled * room)


def fill_around(rows: Rows, below: Float[Array, "..."], above: Float[Array, "..."]) -> WorstRows:
    """Fill the lowest values first between p - below and p + above."""
    return fill(rows, *bounds_around(rows.law, rows.allowed, below, above))


def bounds_around(
    nominal: Float[Array, "K S A"],
    allowed: Bool[Array, "..."],
    below: Float[Array, "..."],
    above: Float[Array, "..."],
) -> tuple[Float[Array, "K S A"], Float[Array, "K S A"]]:
    """The interval p - below <= q <= p + above, within what nature may reach."""
    lower = jnp.maximum(nominal - below, 0)
    return lower, jnp.where(allowed, jnp.minimum(nominal + above, 1), 0)


def softly_fill_between(
    rows: Rows, lower: Float[Array, "K S A"], upper: Float[Array, "K S A"]
) -> SoftRows:
    """Start from `lower` and fill up softly to `upper`, the lowest values first."""
    filled = softly_fill(rows.values, upper - lower, 1 - summed(lower))
    return SoftRows(filled.cost + summed(lower * rows.values), lower + filled.law)


def softly_fill(
    values: Float[Array, "K ..."], room: Float[Array, "K S A"], mass: Float[Array, "S A"]
) -> SoftRows:
    r"""Distribute `mass` over slots with limited room, the lowest values first, with soft edges.

    The law is room / (1 + exp(values - level)), with the level at which its mass is right. It minimizes
    <f, values> plus the binary entropies room * [u log u + (1 - u) log(1 - u)] of u = f / room.
    """
    held, total = room > 0, summed(room)
    low = jnp.min(jnp.where(held, values, jnp.inf), axis=0)
    high = jnp.max(jnp.where(held, values, -jnp.inf), axis=0)
    partly = (mass > 0) & (mass < total)
    share = jnp.where(partly, mass / jnp.where(partly, total, 1), 0.5)
    offset = jnp.log(share) - jnp.log1p(-share)

    def excess(level: Array, given: tuple[Array, Array, Array]) -> Array:
        values, room, share = given
        filled = summed(room * jax.nn.sigmoid(level - values))
        part = filled / jnp.where(partly, summed(room), 1)
        # Both logarithms, so that neither a nearly empty nor a nearly full row loses digits.
        tiny = jnp.finfo(part.dtype).tiny
        missing = jnp.log(share) - jnp.log(jnp.maximum(part, tiny))
        left = jnp.log1p(-jnp.minimum(part, 1 - jnp.finfo(part.dtype).epsneg)) - jnp.log1p(-share)
        return jnp.where(share < 0.5, missing, left)

    frozen = jax.lax.stop_gradient((low + offset, high + offset))
    low_end, high_end = (jnp.where(partly, end, 0) for end in frozen)
    margin = 4 * jnp.finfo(mass.dtype).eps * (1 + jnp.maximum(jnp.abs(low_end), jnp.abs(high_end)))
    level = implicit_root(
        excess,
        (values, room, share),
        low_end - margin,
        high_end + margin,
        0.5 * (low_end + high_end),
        -1.0,
        partly,
    )
    height = values - jnp.where(partly, level, 0)
    part = jnp.where(partly, jax.nn.sigmoid(-height), jnp.where(mass > 0, 1, 0))
    law = room * part
    law = law * jnp.where(partly, mass / jnp.where(partly, summed(law), 1), 1)
    # Rounding must not fill more than there is room for: what is left would be negative. What is cut
    # off goes where room is left.
    law = jnp.minimum(law, room)
    left, missing = room - law, jnp.maximum(mass - summed(law), 0)
    law = law + left * jnp.where(partly, missing / jnp.where(partly, summed(left), 1), 0)
    # level * mass - sum room * softplus(level - values), without the cancellation.
    cost = summed(jnp.where(held & partly, _soft_edge(law, room, values, height), law * values))
    return SoftRows(cost, law)


def _soft_edge(law: Array, room: Array, values: Array, height: Array) -> Array:
    """F * value + room * (u log u + (1 - u) log(1 - u)), u = sigmoid(-height)."""
    rest = room * jax.nn.sigmoid(height)
    entropy = law * jax.nn.log_sigmoid(-height) + rest * jax.nn.log_sigmoid(height)
    return law * values + entropy
