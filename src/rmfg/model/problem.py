"""The problem that an equilibrium answers, and what a candidate for it is."""

from typing import Literal, NamedTuple, TypeVar

import equinox as eqx
import numpy as np
from jaxtyping import Float

from rmfg.core import checks, inputs
from rmfg.core.precision import Array
from rmfg.model.actions import check_played
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.ambiguity.given import checked_ambiguity
from rmfg.model.ambiguity.mixtures import Nominal
from rmfg.model.game import MeanFieldGame, checked_game
from rmfg.model.kernel import Kernel, as_kernel
from rmfg.model.leaking import Leaking

Moving = TypeVar("Moving", bound=Kernel | Leaking)

Population = Literal["worst_case", "nominal"] | Kernel
"""What moves the population: nature's worst case, the nominal kernel, or a kernel of its own."""


class Problem(eqx.Module):
    """A game, nature's ambiguity set, and the kernel by which the population really moves.

    Raises ValueError where `population` is neither "worst_case", "nominal" nor a kernel.
    """

    game: MeanFieldGame
    ambiguity: Ambiguity
    population: Population

    def __init__(
        self,
        game: MeanFieldGame,
        ambiguity: Ambiguity | None = None,
        population: Population | Array = "worst_case",
    ):
        checked_game(game)
        if ambiguity is not None:
            checked_ambiguity(ambiguity)
        self.game, self.ambiguity = game, Nominal() if ambiguity is None else ambiguity
        if isinstance(population, str):
            inputs.word("population", population, ("worst_case", "nominal"))
            self.population = population
        else:
            self.population = as_kernel(population, "population")
            found = (self.population.num_states, self.population.num_actions)
            if found != (game.num_states, game.num_actions):
                raise ValueError(
                    f"`population` is a kernel with (states, actions) = {found}, but the game has "
                    f"{(game.num_states, game.num_actions)}."
                )

    def mover(self, nominal: Kernel, nature: Moving) -> Kernel | Moving:
        """Return the kernel by which the population moves."""
        if isinstance(self.population, Kernel):
            return self.population
        return nature if self.population == "worst_case" else nominal


class Candidate(NamedTuple):
    """A claimed equilibrium. Without a kernel, nature's answer to the optimal value is taken."""

    policy: Float[Array, "S A"]
    distribution: Float[Array, " S"]
    kernel: Kernel | None = None

    def checked(self, game: MeanFieldGame) -> "Candidate":
        """Refuse wrong shapes and rows that are no laws. NaN passes: the certificate refutes it."""
        size, actions = game.num_states, game.num_actions
        policy = inputs.real("policy", self.policy)
        distribution = inputs.real("distribution", self.distribution)
        checks.shaped("policy", policy, (size, actions), "(states, actions)")
        checks.shaped("distribution", distribution, (size,), "(states,)")
        if not checks.has_nan(policy, distribution):
            # How far normalizing moves them is measured later: here they stay as they are.
            checks.policy("policy", self.policy, size, actions)
            checks.distribution("distribution", self.distribution, size)
            check_played("policy", policy, game.actions)
        kernel = self.kernel
        if kernel is not None and (kernel.num_states, kernel.num_actions) != (size, actions):
            raise ValueError(
                f"`kernel` has (states, actions) = {(kernel.num_states, kernel.num_actions)}, but "
                f"the game has {(size, actions)}."
            )
        return self._replace(policy=policy, distribution=distribution)

    def normalized(self) -> tuple["Candidate", float]:
        """Return the candidate with rows that are laws to rounding, and how far that moved a row."""
        policy, distribution = (np.asarray(part, np.float64) for part in self[:2])
        plain = Candidate(checks.normalized(policy), checks.normalized(distribution))
        moved = [moved_by(policy, plain.policy), moved_by(distribution, plain.distribution)]
        if self.kernel is not None:
            kernel = self.kernel.normalized()
            plain = plain._replace(kernel=kernel)
            moved.append(moved_by(self.kernel.probabilities, kernel.probabilities))
        return plain, float(np.max(moved))


def moved_by(before: Float[Array, "..."], after: Float[Array, "..."]) -> float:
    """The largest L1 distance between rows along the last axis."""
    return float(np.max(np.sum(np.abs(np.asarray(after) - np.asarray(before)), axis=-1)))
