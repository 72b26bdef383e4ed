"""Balls of the chi-square divergence and of the Hellinger distance."""

import math

import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.ambiguity.numerics import log_bracket
from rmfg.model.ambiguity.sizes import Size, checked_size, most
from rmfg.model.ambiguity.support import checked_support, reach_of
from rmfg.model.ambiguity.tilt import Divergence, ScaledRows, Tilted, where_mass
from rmfg.model.rows import Reach, summed


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

    def tilt(self, height: Array, temperature: Array) -> Array:
        return jnp.maximum(1 - height / temperature, 0)

    def tilted(self, scaled: ScaledRows, temperature: Array, radius: Array) -> Tilted:
        temperature = jnp.maximum(temperature, jnp.exp(log_bracket(radius)[0]))
        center = jnp.maximum(temperature - scaled.mean, 0)

        def parts(law: Array, values: Array, _: Array) -> tuple[Array, Array]:
            height = scaled.height(values)
            clipped = jnp.maximum(temperature - height, 0) - center
            inside = (height < temperature) & (scaled.mean < temperature)
            shift = jnp.where(inside, scaled.mean - height, clipped)
            return law * shift, law * shift**2

        shift, square = scaled.rows.total(parts)
        weight = center + shift
        variance = jnp.maximum(square - shift**2, 0)
        second = variance + weight**2
        gain = radius * second + variance + shift * (2 * center + shift)
        reduction = gain / (jnp.sqrt((1 + radius) * second) + center)
        return Tilted(variance / weight**2, jnp.maximum(scaled.mean - temperature, 0) + reduction)

    @property
    def unit(self) -> float:
        return 0.5

    def generator(self, ratio: Array) -> Array:
        return (ratio - 1) ** 2

    def price(self, total: Array, temperature: Array) -> Array:
        return temperature * total

    def largest(self, lowest_mass: Array) -> Array:
        return 1 / lowest_mass - 1

    def created(self, divergence: Array, radius: Array) -> Array:
        return jnp.zeros_like(radius)

    def distance(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        ratio = (law - nominal) ** 2 / jnp.where(nominal > 0, nominal, 1)
        return jnp.sum(jnp.where(nominal > 0, ratio, _infinite_where(law > 0)), axis=0)

    def farthest_law(self, num_states: int) -> float:
        return math.sqrt(most(self.radius)) / 2


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
        return reach_of(self.support, "lowest")

    def tilt(self, height: Array, temperature: Array) -> Array:
        return 1 / (height + temperature) ** 2

    def tilted(self, scaled: ScaledRows, temperature: Array, radius: Array) -> Tilted:
        scale = temperature + scaled.mean

        def parts(law: Array, values: Array, _: Array) -> tuple[Array, Array]:
            shift, height = (
                scaled.height(values) - scaled.mean,
                scaled.height(values) + temperature,
            )
            inverse = where_mass(law, shift / height)
            return law * inverse, law * inverse**2

        inverse, square = scaled.rows.total(parts)
        affinity = 1 - inverse
        variance = jnp.maximum(square - inverse**2, 0)
        norm = jnp.sqrt(variance + affinity**2)
        reduction = scale * (radius * (2 - radius) - inverse) / affinity
        return Tilted(variance / (norm * (norm + affinity)), reduction)

    @property
    def unit(self) -> float:
        return 2.0

    def generator(self, ratio: Array) -> Array:
        return 0.5 * (jnp.sqrt(ratio) - 1) ** 2

    @property
    def slope(self) -> float:
        return 0.5

    def price(self, total: Array, temperature: Array) -> Array:
        return 1 / jnp.sqrt(total)

    def edge_ratio(self, law: Array, height: Array, radius: Array) -> Array:
        affinity = summed(law / height)
        return (jnp.maximum((1 - radius) / affinity, 1) / height) ** 2

    def largest(self, lowest_mass: Array) -> Array:
        return 1 - jnp.sqrt(lowest_mass)

    def created(self, divergence: Array, radius: Array) -> Array:
        return 1 - ((1 - radius) / (1 - divergence)) ** 2

    def distance(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        root_difference = jnp.sqrt(jnp.maximum(law, 0)) - jnp.sqrt(nominal)
        return 0.5 * jnp.sum(root_difference**2, axis=0)

    def farthest_law(self, num_states: int) -> float:
        return math.sqrt(most(self.radius) * (2 - most(self.radius)))


def _infinite_where(condition: Array) -> Array:
    return jnp.where(condition, jnp.inf, 0)
