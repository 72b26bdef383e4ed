"""The Wasserstein ball: errors of the model are displacements over a ground metric."""

import jax.numpy as jnp
import numpy as np
import scipy.optimize
import scipy.sparse
from jaxtyping import Float

from rmfg.core import checks
from rmfg.core.precision import Array, Number, as_float, is_concrete
from rmfg.model.ambiguity.base import (
    RowAnswer,
    RowwiseAmbiguity,
    Size,
    SoftAnswer,
    checked_size,
    checked_support,
    size_at,
)
from rmfg.model.ambiguity.transport import Cost, softly_transport, transport
from rmfg.model.rows import Reach, Rows


class Wasserstein(RowwiseAmbiguity):
    """Laws within transport distance W_k(q, p) <= radius, for a ground metric on the states.

    `metric` (S, S) holds distances, in the unit of the radius; `order` k is 1 or more:
    W_k^k is the least mean of distance^k. Believes that errors are displacements: a small radius
    moves a little mass far or much mass to neighbors. Rows of sparse kernels are spread over all
    states unless `support` is "nominal".
    Raises ValueError where the metric is not square, negative, or not zero on the diagonal.
    """

    radius: Size
    metric: Array
    order: float
    support: str

    def __init__(self, radius: Size, metric: Array, order: Number = 1, *, support: str = "all"):
        self.radius = checked_size("radius", radius, jnp.inf, "")
        self.metric, self.order = _checked_metric(metric), float(order)
        if not 1 <= self.order < jnp.inf:
            raise ValueError(f"`order` must be at least 1 and finite, but is {self.order:g}.")
        self.support = checked_support(support)

    @property
    def reach(self) -> Reach:
        return "everywhere" if self.support == "all" else "support"

    @property
    def by_state(self) -> bool:
        return True

    @property
    def on_host(self) -> bool:
        return True

    @property
    def ordinal(self) -> bool:
        return False

    def answer(self, rows: Rows, mean_field: Array | None) -> RowAnswer:
        radius = size_at("radius", self.radius, mean_field, rows)
        return transport(rows, radius**self.order, self._cost(rows))

    def soft_answer(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftAnswer:
        radius = size_at("radius", self.radius, mean_field, rows)
        return softly_transport(rows, radius**self.order, self._cost(rows))

    def _cost(self, rows: Rows) -> Cost:
        # A gather beyond the end would silently take the last distance.
        shape = rows.law.shape[1:2] * 2
        cost = jnp.asarray(checks.shaped("metric", self.metric, shape, "(states, states)"))
        cost = cost**self.order
        return lambda source, target: cost[source, target]

    def excess(
        self,
        nominal: Float[Array, "K S A"],
        law: Float[Array, "K S A"],
        mean_field: Array | None,
    ) -> Float[Array, "S A"]:
        if not is_concrete(nominal, law):
            raise TypeError(
                "the Wasserstein distance of two kernels is a linear program per row and cannot be "
                "traced: call `violation` outside of compiled functions."
            )
        radius = np.asarray(size_at("radius", self.radius, mean_field, nominal))
        cost = np.asarray(self.metric) ** self.order
        distances = transport_costs(np.asarray(nominal), np.asarray(law), cost)
        return np.maximum(distances, 0) ** (1 / self.order) - radius


def transport_costs(
    before: Float[np.ndarray, "K S A"], after: Float[np.ndarray, "K S A"], cost: np.ndarray
) -> Float[np.ndarray, "S A"]:
    """The least cost of moving each row of `before` into that of `after`, by linear programs."""
    costs = np.zeros(before.shape[1:])
    # Where a detour never pays, mass that both laws hold can stay: only the difference moves.
    direct = all((cost <= via[:, None] + cost[k]).all() for k, via in enumerate(cost.T))
    for s, a in np.argwhere(~(before == after).all(axis=0)):
        source, target = before[:, s, a], after[:, s, a]
        if not np.isfinite(target).all():
            costs[s, a] = np.nan
            continue
        target = target * (source.sum() / target.sum())
        if direct:
            shared = np.minimum(source, target)
            source, target = source - shared, target - shared
        costs[s, a] = _transport_cost(source, target, cost)
    return costs


def _transport_cost(source: np.ndarray, target: np.ndarray, cost: np.ndarray) -> float:
    rows, columns = np.flatnonzero(source > 0), np.flatnonzero(target > 0)
    if not (rows.size and columns.size):
        return 0.0
    part = cost[np.ix_(rows, columns)]
    left = scipy.sparse.kron(scipy.sparse.eye_array(rows.size), np.ones((1, columns.size)))
    right = scipy.sparse.kron(np.ones((1, rows.size)), scipy.sparse.eye_array(columns.size))
    # In units of the moved mass, so that the solver's absolute tolerances are relative ones.
    mass = source.sum()
    laws = np.concatenate([source[rows], target[columns]]) / mass
    # One equation follows from the others; without it rounding cannot make the program infeasible.
    equations = scipy.sparse.vstack([left, right]).tocsr()[:-1]
    outcome = scipy.optimize.linprog(part.ravel(), A_eq=equations, b_eq=laws[:-1], method="highs")
    return float(outcome.fun) * mass if outcome.status == 0 else np.nan


def _checked_metric(metric: Array) -> Array:
    array = as_float(metric)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise ValueError(
            f"`metric` must have shape (states, states), but has shape {tuple(array.shape)}."
        )
    checks.within("metric", array, 0.0, jnp.inf, "Distances are not negative.")
    if is_concrete(array) and np.diagonal(np.asarray(array)).any():
        s = int(np.flatnonzero(np.diagonal(np.asarray(array)))[0])
        raise ValueError(
            f"`metric` must be zero on the diagonal, but is {array[s, s]:g} at (s={s})."
        )
    return array
