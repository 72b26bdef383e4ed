"""Observables that several games share: masses of places, and means over the population.

They are Equinox modules rather than closures, as rewards are, so that another place compiles nothing
anew.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core.precision import Array
from rmfg.model.observable import Observable

SHARE = "share of the population"


class Mass(eqx.Module):
    """The function m -> m(place), or one mass for each place, of laws over states."""

    place: Int[Array, "..."]

    def __call__(self, mean_field: Float[Array, " S"]) -> Float[Array, "..."]:
        return mean_field[self.place]


class Mean(eqx.Module):
    """The function m -> the mean of some quantity, or of several quantities, over the population."""

    quantity: Float[Array, "..."]  # as m, after an axis of its own where there are several

    def __call__(self, mean_field: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.tensordot(self.quantity, mean_field, mean_field.ndim)


def share_at(place: int) -> Observable:
    """Return how large a share of the population is at a place."""
    return Observable(Mass(np.asarray(place)), SHARE)


def shares_at(places: tuple[int, ...], over: str) -> Observable:
    """Return how large a share of the population is at each place."""
    return Observable(Mass(np.asarray(places)), SHARE, over)


def mean_of(quantity: Float[Array, "..."], unit: str, over: str = "") -> Observable:
    """Return the mean of a quantity over the population, or of one for each of something."""
    return Observable(Mean(quantity), unit, over)
