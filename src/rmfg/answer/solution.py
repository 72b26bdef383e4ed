"""The data of an answer: what the log and the archive read, and `Equilibrium` offers."""

import dataclasses
from typing import Any

from jaxtyping import Float

from rmfg.answer.certificate import Certificate
from rmfg.core.precision import Array
from rmfg.core.status import Status
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame
from rmfg.model.kernel import Kernel
from rmfg.model.observable import check_finite, measured
from rmfg.model.problem import Population
from rmfg.rates.contraction import Contraction


@dataclasses.dataclass(frozen=True)
class Solution:
    """What `Equilibrium` holds; its docstring says what is what."""

    policy: Float[Array, "S A"]
    distribution: Float[Array, " S"]
    value: Float[Array, " S"]
    kernel: Kernel
    certificate: Certificate
    status: Status
    game: MeanFieldGame
    ambiguity: Ambiguity
    population: Population = "worst_case"
    solver: str = ""
    steps: int = 0
    seconds: float = 0.0
    guarantee: Contraction | None = None
    potential: Float[Array, " S"] | None = None
    as_saved: bool = False
    frozen_sizes: tuple[str, ...] = ()

    @property
    def mean_field(self) -> Float[Array, "..."]:
        """What the game reads of the population."""
        return self.game.mean_field_of(self.distribution, self.policy)

    @property
    def observables(self) -> dict[str, Any]:
        """What people watch in this game, at the answer: numbers, or arrays over links and the like.

        `game.observables` says their units. Raises ValueError where one is not finite.
        """
        values = measured(self.game.observables, self.mean_field)
        check_finite(self.game.observables, values)
        return values
