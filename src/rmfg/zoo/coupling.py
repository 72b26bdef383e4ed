"""Rewards r(s, a, m) = base(s, a) + f(s, m) that several games share.

They are Equinox modules rather than closures: their numbers are then arguments of compiled code,
so that a new weight does not compile anew and large arrays are not baked in as constants.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.game import Lipschitz


class CrowdAversion(eqx.Module):
    """f(s, m) = -weight log(max(m(s), floor)): monotone and potential for weight >= 0.

    The floor caps what an empty state pays at weight log(1 / floor) and makes f Lipschitz with
    constant weight / (2 floor): only m(s) counts, and no mass changes by more than half the
    distance of two laws. Where all masses exceed the floor, f does not depend on it.
    """

    base: Float[Array, "S A"]
    weight: Float[Array, ""]
    floor: Float[Array, ""]

    def __init__(self, base: Float[Array, "S A"], weight: float, floor: float):
        self.base, self.weight, self.floor = base, np.asarray(weight), np.asarray(floor)

    @property
    def lipschitz(self) -> Lipschitz:
        """How fast the reward changes with m, in a game whose kernel does not."""
        return Lipschitz(reward=float(self.weight / self.floor) / 2)

    def __call__(self, mean_field: Float[Array, " S"]) -> Float[Array, "S A"]:
        return self.base - self.weight * jnp.log(jnp.maximum(mean_field, self.floor))[:, None]


class OwnDensity(eqx.Module):
    """f(s, m) = weight m(s): monotone for weight <= 0, potential for every weight."""

    base: Float[Array, "S A"]
    weight: Float[Array, ""]

    def __init__(self, base: Float[Array, "S A"], weight: float):
        self.base, self.weight = base, np.asarray(weight)

    def __call__(self, mean_field: Float[Array, " S"]) -> Float[Array, "S A"]:
        return self.base + self.weight * mean_field[:, None]


class Pairwise(eqx.Module):
    """f(s, m) = sum over t of matrix(s, t) m(t).

    Monotone where the symmetric part of the matrix is negative semidefinite on vectors of sum
    zero; potential where the matrix is symmetric.
    """

    base: Float[Array, "S A"]
    matrix: Float[Array, "S S"]

    def __call__(self, mean_field: Float[Array, " S"]) -> Float[Array, "S A"]:
        return self.base + (self.matrix @ mean_field)[:, None]
