"""How much probability must move until a row lies inside its set.

A row q is brought to the nominal law p along a path of laws on which u, the mass moved so far, is
the total-variation distance from q. With deviations d = q - p and a scale s of them, the law at u is

    p + clip(d, -A s, B s),    A and B such that each side has given up the mass u,

at q for u = 0 and at p in the end. The least u at which the set's own `excess` is not positive is an
upper bound of the distance from q to the set, whatever the scale. For the divergences sum p phi(q / p)
with s = p, and for norms with s = weights^(-k / (k - 1)), it is that distance: these are the
conditions of Karush, Kuhn and Tucker of the nearest law.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from rmfg.core.precision import Array

# Bisections of the logarithm of u: 16 decades shrink to a relative width of 4e-5.
STEPS = 20

# Rows that this share of the way to the nominal law brings inside are inside up to rounding.
ROUNDINGS = 16

Excess = Callable[[Float[Array, "K S A"]], Float[Array, "S A"]]


def mass_to_move(
    excess: Excess,
    nominal: Float[Array, "K S A"],
    law: Float[Array, "K S A"],
    scale: Float[Array, "K S A"],
    kept: Bool[Array, "..."],
) -> Float[Array, "S A"]:
    """The mass that brings `law` inside, where `excess` is not positive; NaN stays.

    `excess` says how far a law is outside, in any unit. `scale` says how far single probabilities move
    in comparison: a poor choice makes the answer larger than it must be, never wrong. What lies where
    no mass is `kept` moves first. One where not even the nominal law is inside.
    """
    off = jnp.sum(jnp.where(kept, 0, law), axis=0)
    scale = jnp.where(kept, scale, 0)
    return _mass_to_move(lambda moved: excess(jnp.where(kept, moved, 0)), nominal, law, scale, off)


def _mass_to_move(
    excess: Excess,
    nominal: Float[Array, "K S A"],
    law: Float[Array, "K S A"],
    scale: Float[Array, "K S A"],
    least: Float[Array, "S A"],
) -> Float[Array, "S A"]:
    """The mass that brings `law` inside, at least `least` where it is outside."""
    whole = jnp.sum(jnp.maximum(law - nominal, 0), axis=0)
    outside = excess(law)
    nearly = ROUNDINGS * float(jnp.finfo(law.dtype).eps)
    inside = (outside <= 0) & (least <= 0)
    rounded = inside | ((least <= 0) & (excess((1 - nearly) * law + nearly * nominal) <= 0))
    at_center = excess(nominal) <= 0
    open_rows = ~inside & at_center & (whole > 0)
    # A compiler may evaluate a condition twice, with another rounding: what rows get that are inside by
    # one of them and outside by the other must not depend on it.
    known = jnp.where(inside, 0, jnp.where(at_center, nearly * whole, 1))

    def search() -> Array:
        path = Path.between(nominal, law, scale)
        # A zero stays out of the logarithms below; such rows are not searched.
        high = jnp.log(jnp.where(open_rows, whole, 1))
        low = jnp.log(jnp.clip(least / jnp.exp(high), nearly / ROUNDINGS, 1)) + high
        start = jnp.exp(low)
        found = open_rows & (excess(path.at(start)) <= 0)

        def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = ends
            middle = 0.5 * (low + high)
            enough = excess(path.at(jnp.exp(middle))) <= 0
            return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

        high = jax.lax.fori_loop(0, STEPS, halve, (low, high))[1]
        moved = jnp.where(found, start, jnp.minimum(jnp.exp(high), whole))
        return jnp.where(open_rows, moved, known)

    moved = jax.lax.cond(jnp.any(open_rows & ~rounded), search, lambda: known)
    return jnp.where(jnp.isnan(outside) | jnp.isnan(whole), jnp.nan, moved)


class Side(NamedTuple):
    """One sign of the deviations, the largest multiples of the scale first, summed up."""

    mass: Float[Array, "K S A"]
    scale: Float[Array, "K S A"]

    @classmethod
    def of(cls, size: Array, scale: Array) -> "Side":
        keys = (-size / scale, size, scale)
        _, sizes, scales = jax.lax.sort([jnp.asarray(key) for key in keys], dimension=0, num_keys=1)
        return cls(jnp.cumsum(sizes, axis=0), jnp.cumsum(scales, axis=0))

    def multiple(self, moved: Array) -> Float[Array, "S A"]:
        """The multiple of the scale beyond which the side holds the mass `moved`."""
        return jnp.maximum(jnp.max((self.mass - moved) / self.scale, axis=0), 0)


class Path(NamedTuple):
    """The laws between a row and its nominal law."""

    nominal: Float[Array, "K S A"]
    law: Float[Array, "K S A"]
    scale: Float[Array, "K S A"]
    above: Side
    below: Side

    @classmethod
    def between(cls, nominal: Array, law: Array, scale: Array) -> "Path":
        # Deviations on no scale go first; a number that small does it without dividing by zero.
        scale = jnp.maximum(scale, 16 * jnp.finfo(law.dtype).tiny)
        change = law - nominal
        sides = (Side.of(jnp.maximum(sign * change, 0), scale) for sign in (1, -1))
        return cls(nominal, law, scale, *sides)

    def at(self, moved: Float[Array, "S A"]) -> Float[Array, "K S A"]:
        """The law at a total variation of `moved` from the row."""
        high = self.nominal + self.above.multiple(moved) * self.scale
        low = jnp.maximum(self.nominal - self.below.multiple(moved) * self.scale, 0)
        return jnp.clip(self.law, low, high)


def lawful(rows: Float[Array, "K S A"]) -> tuple[Float[Array, "S A"], Float[Array, "K S A"]]:
    """The mass that rows lack to be laws, up to the rounding of their sum, and the laws beside them."""
    slack = 8 * jnp.finfo(rows.dtype).eps * rows.shape[0]
    positive = jnp.maximum(rows, 0)
    total = jnp.sum(positive, axis=0)
    total = jnp.where((jnp.abs(total - 1) <= slack) | (total <= 0), 1, total)
    law = positive / total
    return jnp.where(jnp.sum(law, axis=0) > 0, between(rows, law, law), 1), law


def between(
    law: Float[Array, "K S A"], lower: Float[Array, "..."], upper: Float[Array, "..."]
) -> Float[Array, "S A"]:
    """The total variation to the nearest law between bounds, of which there is one."""
    above = jnp.sum(jnp.maximum(law - upper, 0), axis=0)
    return jnp.maximum(above, jnp.sum(jnp.maximum(lower - law, 0), axis=0))


def off_support(nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]) -> Float[Array, "S A"]:
    """The mass that a law has where the nominal law has none."""
    return jnp.sum(jnp.where(nominal > 0, 0, law), axis=0)
