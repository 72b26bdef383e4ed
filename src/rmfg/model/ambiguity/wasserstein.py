"""The Wasserstein ball: errors of the model are displacements over a ground metric."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, boundary, is_concrete
from rmfg.model.ambiguity.rowwise import RowwiseAmbiguity, WorstRows, distance_of, violation_of
from rmfg.model.ambiguity.shipping import unaffordable_mass
from rmfg.model.ambiguity.sizes import (
    Size,
    checked_size,
    most,
    size_at,
    traced_size_at,
)
from rmfg.model.ambiguity.soft import ByPotential, Soft, SoftRows
from rmfg.model.ambiguity.support import checked_support, reach_of, reachable, support_may_move
from rmfg.model.ambiguity.transport import Cost, softly_transport, transport
from rmfg.model.kernel import Kernel
from rmfg.model.rows import Reach, Rows

# Of the decades of costs: products with prices and values stay finite.
LARGEST_COST = 100.0


class Wasserstein(RowwiseAmbiguity):
    """Laws within transport distance W_k(q, p) <= radius, for a ground metric on the states.

    `metric` (S, S) holds distances, in the unit of the radius, infinite where nothing can move;
    `order` k is 1 or more:
    W_k^k is the least mean of distance^k. Believes that errors are displacements: a small radius
    moves a little mass far or much mass to neighbors. Rows of sparse kernels are spread over all
    states unless `support` is "nominal".
    Raises ValueError where the metric is not square, negative, or not zero on the diagonal.

    @article{esfahani2018, title={Data-Driven Distributionally Robust Optimization Using the
      {Wasserstein} Metric}, author={Mohajerin Esfahani, Peyman and Kuhn, Daniel},
      journal={Mathematical Programming}, volume={171}, year={2018}}
    """

    radius: Size
    metric: Array
    order: float
    support: str

    def __init__(self, radius: Size, metric: Array, order: Number = 1, *, support: str = "all"):
        self.radius = checked_size("radius", radius, jnp.inf, "")
        self.order = inputs.number("order", order, 1.0)
        self.metric = _checked_metric(metric, self.order)
        self.support = checked_support(support)

    @property
    def reach(self) -> Reach:
        return reach_of(self.support, "everywhere")

    @property
    def by_state(self) -> bool:
        return True

    def worst_rows(self, rows: Rows, mean_field: Array | None) -> WorstRows:
        radius = size_at("radius", self.radius, mean_field, rows)
        return transport(rows, radius**self.order, self._cost(rows))

    @property
    def soft(self) -> Soft:
        return ByPotential(self.reach, self._soft_rows)

    def _soft_rows(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftRows:
        radius = size_at("radius", self.radius, mean_field, rows)
        return softly_transport(rows, radius**self.order, self._cost(rows))

    def _cost(self, rows: Rows) -> Cost:
        # A gather beyond the end would silently take the last distance.
        shape = rows.law.shape[1:2] * 2
        cost = jnp.asarray(checks.shaped("metric", self.metric, shape, "(states, states)"))
        cost = cost**self.order
        return lambda source, target: cost[source, target]

    def _costs(self) -> Float[np.ndarray, "S S"]:
        return np.asarray(self.metric) ** self.order

    def mass_outside(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        if not is_concrete(nominal, law):
            raise TypeError(
                "the Wasserstein distance of two kernels is a linear program per row and cannot be "
                "traced: call `violation` outside of compiled functions."
            )
        radius = np.asarray(traced_size_at("radius", self.radius, mean_field, nominal))
        before, after = np.asarray(nominal), np.asarray(law)
        allowed = np.asarray(reachable(nominal, self.support))
        return unaffordable_mass(before, after, self._costs(), radius**self.order, allowed)

    @boundary
    def violation(
        self, kernel: Kernel, nominal: Kernel, mean_field: Array | None = None
    ) -> Float[Array, "S A"]:
        return distance_of(violation_of, self, kernel, nominal, mean_field)

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return support_may_move(self.support, smallest, 1.0)

    def farthest_law(self, num_states: int) -> float:
        apart = np.asarray(self.metric)[~np.eye(num_states, dtype=bool)]
        nearest = float(apart.min(initial=math.inf))
        return (most(self.radius) / nearest) ** self.order if nearest > 0 else 1.0

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        return math.inf  # from one corner of a polytope to another


def _checked_metric(metric: Array, order: float) -> Array:
    array = inputs.real("metric", metric)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise ValueError(
            f"`metric` must have shape (states, states), but has shape {tuple(array.shape)}."
        )
    if not is_concrete(array):
        return array
    numbers = np.asarray(array)
    bad = ~(numbers >= 0)
    if bad.any():
        index = np.argwhere(bad)[0]
        raise ValueError(
            f"`metric` must not be negative or NaN, but is {numbers[tuple(index)]:g} at "
            f"{checks.place(index, ('from', 'to'))}. Infinity says that nothing moves there."
        )
    largest = float(np.max(numbers, where=np.isfinite(numbers), initial=0))
    if order * math.log10(max(largest, 1)) > LARGEST_COST:
        raise ValueError(
            f"`metric` must have powers up to 1e{LARGEST_COST:g}, but is {largest:g} somewhere, and "
            f"`order` {order:g}. Choose a larger unit, or infinity where nothing moves."
        )
    if np.diagonal(numbers).any():
        s = int(np.flatnonzero(np.diagonal(numbers))[0])
        raise ValueError(
            f"`metric` must be zero on the diagonal, but is {array[s, s]:g} at (s={s})."
        )
    return array
