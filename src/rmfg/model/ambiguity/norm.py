"""Balls in a norm: norm of (q - p) at most the radius, q a law."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, is_concrete
from rmfg.model.ambiguity.balls import MOVE, Ball, Rule, rule_of
from rmfg.model.ambiguity.rowwise import RowwiseAmbiguity, WorstRows
from rmfg.model.ambiguity.sizes import (
    Size,
    checked_size,
    least,
    most,
    size_at,
    taken_from_the_highest,
)
from rmfg.model.ambiguity.soft import ByPotential, ByTilt, Soft, SoftRows
from rmfg.model.ambiguity.support import checked_support, reach_of, support_may_move
from rmfg.model.rows import Reach, Rows

# Orders between which powers of ordinary numbers, and of their inverses, are ordinary numbers.
LOWEST_ORDER, HIGHEST_ORDER = 1.02, 50.0

# Powers of weights stay within this many decades, so that their products do not overflow.
LARGEST_POWER = 120.0


class Lp(RowwiseAmbiguity):
    """Laws with (sum over s of |w(s) (q(s) - p(s))|^order)^(1 / order) <= radius.

    `p` is the order, from 1 to infinity; `weights` (S,) are positive, one if not given. Note that
    L1 with radius r is total variation with radius r / 2. Spreads over many states for p > 1.
    Raises ValueError for an order below 1, or weights that are not positive.

    @inproceedings{ho2018, title={Fast {Bellman} Updates for Robust {MDPs}}, author={Ho, Chin Pang and
      Petrik, Marek and Wiesemann, Wolfram}, booktitle={ICML}, year={2018}}
    """

    radius: Size
    p: float
    weights: Array | None
    support: str
    rule: Rule = eqx.field(static=True, init=False, repr=False)

    def __init__(
        self, radius: Size, p: Number = 2, weights: Array | None = None, *, support: str = "all"
    ):
        self.radius = checked_size("radius", radius, jnp.inf, "")
        self.p, self.support = _checked_order(p), checked_support(support)
        self.weights = None if weights is None else _checked_weights(weights, self.p)
        self.rule = rule_of(self.p, weights is not None)

    @property
    def reach(self) -> Reach:
        return reach_of(self.support, self.rule.beyond)

    @property
    def by_state(self) -> bool:
        return self.reach == "everywhere" or self.weights is not None

    def _ball(self, mean_field: Array | None, rows: Rows | Array) -> Ball:
        radius = size_at("radius", self.radius, mean_field, rows)
        return Ball(radius, self.p, self.weights, self.support)

    def worst_rows(self, rows: Rows, mean_field: Array | None) -> WorstRows:
        return self.rule.worst(self._ball(mean_field, rows), rows)

    @property
    def soft(self) -> Soft:
        kind = ByTilt if self.rule.curved else ByPotential
        return kind(self.reach, self._soft_rows)

    def _soft_rows(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftRows:
        return self.rule.soft(self._ball(mean_field, rows), rows, sink)

    def mass_outside(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        return self.rule.outside(self._ball(mean_field, nominal), nominal, law)

    @property
    def by_order(self) -> bool:
        return self.rule.by_order

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return support_may_move(self.support, smallest, 1.0)

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        if self.rule is MOVE:
            radius = np.minimum(np.asarray(self.radius) / 2, 1)
            return taken_from_the_highest(nominal, radius, self.support)
        return min(nominal + 2 * self.farthest_law(num_states), 1.0)

    def farthest_law(self, num_states: int) -> float:
        lightest = 1.0 if self.weights is None else least(self.weights)
        return num_states ** (1 - 1 / self.p) * most(self.radius) / lightest / 2

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        return None if self.rule.curved else math.inf  # from one corner of a polytope to another


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
