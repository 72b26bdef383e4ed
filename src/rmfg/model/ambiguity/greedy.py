"""Sets in which nature moves mass to low values until a budget is used up: total variation, CVaR."""

import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.ambiguity.filling import (
    fill,
    move_mass,
    outside_variation,
    softly_fill,
    softly_move_mass,
)
from rmfg.model.ambiguity.projection import between
from rmfg.model.ambiguity.rowwise import GreedyAmbiguity, WorstRows
from rmfg.model.ambiguity.sizes import (
    Size,
    checked_size,
    least,
    most,
    size_at,
    taken_from_the_highest,
)
from rmfg.model.ambiguity.soft import SoftRows
from rmfg.model.ambiguity.support import checked_support, reach_of, support_may_move
from rmfg.model.rows import Reach, Rows, summed


class TotalVariation(GreedyAmbiguity):
    """Laws with 1/2 sum |q - p| <= radius: nature moves a mass `radius` as it likes.

    sigma = max over eta of <p, min(V, eta)> - radius (eta - min V). With support "all" the mass may
    land in any state, however far: choose "nominal" where jumps are physically impossible.

    @article{iyengar2005, title={Robust Dynamic Programming}, author={Iyengar, Garud N.},
      journal={Mathematics of Operations Research}, volume={30}, year={2005}}
    """

    radius: Size
    support: str

    def __init__(self, radius: Size, *, support: str = "all"):
        self.radius = checked_size("radius", radius, 1.0, "Total variation is at most 1.")
        self.support = checked_support(support)

    @property
    def reach(self) -> Reach:
        return reach_of(self.support, "lowest")

    def worst_rows(self, rows: Rows, mean_field: Array | None) -> WorstRows:
        return move_mass(rows, size_at("radius", self.radius, mean_field, rows))

    def soft_rows(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftRows:
        return softly_move_mass(rows, size_at("radius", self.radius, mean_field, rows), sink)

    def mass_outside(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        return outside_variation(
            nominal, law, size_at("radius", self.radius, mean_field, nominal), self.support
        )

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return support_may_move(self.support, smallest, 1.0)

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        return taken_from_the_highest(nominal, self.radius, self.support)


class CVaR(GreedyAmbiguity):
    """Laws with q <= p / (1 - level): the mean over the worst (1 - level) share of outcomes.

    sigma = max over eta of eta - <p, (eta - V)+> / (1 - level). Believes that the possible outcomes
    are known and that bad ones come more often, up to a factor 1 / (1 - level).

    @inproceedings{chow2015, title={Risk-Sensitive and Robust Decision-Making: a {CVaR} Optimization
      Approach}, author={Chow, Yinlam and Tamar, Aviv and Mannor, Shie and Pavone, Marco},
      booktitle={NeurIPS}, year={2015}}
    """

    level: Size

    def __init__(self, level: Size):
        below_one = 1 - float(jnp.finfo(jnp.float32).eps)
        self.level = checked_size("level", level, below_one, "At level 1 the factor is infinite.")

    @property
    def reach(self) -> Reach:
        return "support"

    def worst_rows(self, rows: Rows, mean_field: Array | None) -> WorstRows:
        level = size_at("level", self.level, mean_field, rows)
        return fill(rows, jnp.zeros_like(rows.law), rows.law / (1 - level))

    def soft_rows(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftRows:
        level = size_at("level", self.level, mean_field, rows)
        return softly_fill(rows.values, rows.law / (1 - level), summed(rows.law))

    def mass_outside(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        level = size_at("level", self.level, mean_field, nominal)
        return between(law, jnp.zeros(()), nominal / (1 - level))

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return 1 / (1 - most(self.level))

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        uneven = most(self.level) - least(self.level)
        return min((nominal + uneven) / (1 - least(self.level)), 1.0)
