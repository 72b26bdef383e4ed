"""Sets that nature answers in closed form: the nominal law, and contamination by any law."""

import math

import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.ambiguity.base import RowAnswer, RowwiseAmbiguity, SoftAnswer
from rmfg.model.ambiguity.projection import between
from rmfg.model.ambiguity.sizes import (
    Size,
    checked_size,
    checked_support,
    least,
    most,
    size_at,
    support_may_move,
)
from rmfg.model.rows import Reach, Rows


class Nominal(RowwiseAmbiguity):
    """Believe the simulator: the set holds the nominal law alone."""

    @property
    def reach(self) -> Reach:
        return "support"

    def answer(self, rows: Rows, mean_field: Array | None) -> RowAnswer:
        return RowAnswer(jnp.zeros_like(rows.law[0]), rows.law)

    def soft_answer(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftAnswer:
        return SoftAnswer(rows.mean(), rows.law)

    @property
    def excess_is_mass(self) -> bool:
        return True

    def excess(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        return between(law, nominal, nominal)

    @property
    def singleton(self) -> bool:
        return True

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return 1.0

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        return nominal

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        return nominal


class Contamination(RowwiseAmbiguity):
    """With probability `radius` the next state follows any law: (1 - radius) p + radius q.

    sigma = (1 - radius) <p, V> + radius min V. Believes in rare events of unknown kind.
    Wang & Zou, Online robust reinforcement learning with model uncertainty, NeurIPS 2021.
    """

    radius: Size
    support: str

    def __init__(self, radius: Size, *, support: str = "all"):
        self.radius = checked_size("radius", radius, 1.0, "It is a probability.")
        self.support = checked_support(support)

    @property
    def reach(self) -> Reach:
        return "lowest" if self.support == "all" else "support"

    def answer(self, rows: Rows, mean_field: Array | None) -> RowAnswer:
        radius = size_at("radius", self.radius, mean_field, rows)
        reduction = radius * (rows.mean() - rows.lowest())
        return RowAnswer(reduction, (1 - radius) * rows.law + radius * rows.lowest_slot())

    def soft_answer(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftAnswer:
        radius = size_at("radius", self.radius, mean_field, rows)
        cost = (1 - radius) * rows.mean() + radius * sink
        return SoftAnswer(cost, (1 - radius) * rows.law, radius)

    @property
    def excess_is_mass(self) -> bool:
        return True

    def excess(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        radius = size_at("radius", self.radius, mean_field, nominal)
        reachable = jnp.where((nominal > 0) | (self.support == "all"), 1.0, 0.0)
        return between(law, (1 - radius) * nominal, reachable)

    @property
    def by_order(self) -> bool:
        return True

    @property
    def by_lowest_state(self) -> bool:
        return self.support == "all"

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return support_may_move(self.support, smallest, 1 - least(self.radius))

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        shared = least(self.radius) if self.support == "all" else 0.0
        return 1 - (1 - most(self.radius)) * (1 - nominal) - shared

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        return math.inf  # from one corner of a polytope to another
