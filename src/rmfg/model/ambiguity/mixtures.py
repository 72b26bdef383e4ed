"""Sets that nature answers in closed form: the nominal law, and contamination by any law."""

import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.ambiguity.projection import between
from rmfg.model.ambiguity.rowwise import GreedyAmbiguity, RowwiseAmbiguity, WorstRows
from rmfg.model.ambiguity.sizes import Size, checked_size, least, most, size_at
from rmfg.model.ambiguity.soft import ByPotential, Soft, SoftRows
from rmfg.model.ambiguity.support import checked_support, reach_of, reachable, support_may_move
from rmfg.model.rows import Reach, Rows


class Nominal(RowwiseAmbiguity):
    """Believe the simulator: the set holds the nominal law alone."""

    @property
    def reach(self) -> Reach:
        return "support"

    def worst_rows(self, rows: Rows, mean_field: Array | None) -> WorstRows:
        return WorstRows(jnp.zeros_like(rows.law[0]), rows.law)

    @property
    def soft(self) -> Soft:
        return ByPotential(self.reach, self._soft_rows)

    def _soft_rows(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftRows:
        return SoftRows(rows.mean(), rows.law)

    def mass_outside(
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


class Contamination(GreedyAmbiguity):
    """With probability `radius` the next state follows any law: (1 - radius) p + radius q.

    sigma = (1 - radius) <p, V> + radius min V. Believes in rare events of unknown kind.

    @inproceedings{wang2021, title={Online Robust Reinforcement Learning with Model Uncertainty},
      author={Wang, Yue and Zou, Shaofeng}, booktitle={NeurIPS}, year={2021}}
    """

    radius: Size
    support: str

    def __init__(self, radius: Size, *, support: str = "all"):
        self.radius = checked_size("radius", radius, 1.0, "It is a probability.")
        self.support = checked_support(support)

    @property
    def reach(self) -> Reach:
        return reach_of(self.support, "lowest")

    def worst_rows(self, rows: Rows, mean_field: Array | None) -> WorstRows:
        radius = size_at("radius", self.radius, mean_field, rows)
        reduction = radius * (rows.mean() - rows.lowest())
        return WorstRows(reduction, (1 - radius) * rows.law + radius * rows.lowest_slot())

    def soft_rows(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftRows:
        radius = size_at("radius", self.radius, mean_field, rows)
        cost = (1 - radius) * rows.mean() + radius * sink
        return SoftRows(cost, (1 - radius) * rows.law, radius)

    def mass_outside(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        radius = size_at("radius", self.radius, mean_field, nominal)
        upper = jnp.where(reachable(nominal, self.support), 1.0, 0.0)
        return between(law, (1 - radius) * nominal, upper)

    @property
    def by_lowest_state(self) -> bool:
        return self.support == "all"

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return support_may_move(self.support, smallest, 1 - least(self.radius))

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        shared = least(self.radius) if self.support == "all" else 0.0
        return 1 - (1 - most(self.radius)) * (1 - nominal) - shared
