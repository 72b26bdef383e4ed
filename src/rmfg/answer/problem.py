"""The problem that an equilibrium answers, and what a candidate for it is."""

from typing import Literal, NamedTuple, TypeVar

import equinox as eqx
import numpy as np
from jaxtyping import Float

from rmfg.core import checks
from rmfg.core.precision import Array, as_float
from rmfg.model.ambiguity import Ambiguity, Nominal
from rmfg.model.game import MeanFieldGame
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
        if not isinstance(game, MeanFieldGame):
            raise TypeError(
                f"`game` must be a rmfg.MeanFieldGame, but is a {type(game).__name__}. "
                "Make one with rmfg.TabularGame or rmfg.zoo.make."
            )
        if not isinstance(ambiguity, Ambiguity | None):
            raise TypeError(
                f"`ambiguity` must be an ambiguity set such as rmfg.TotalVariation(0.1), but is "
                f"a {type(ambiguity).__name__}."
            )
        self.game, self.ambiguity = game, Nominal() if ambiguity is None else ambiguity
        if isinstance(population, str):
            checks.known("population", population, ("worst_case", "nominal"))
            self.population = population
        else:
            self.population = as_kernel(population)
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
        policy, distribution = as_float(self.policy), as_float(self.distribution)
        checks.shaped("policy", policy, (size, actions), "(states, actions)")
        checks.shaped("distribution", distribution, (size,), "(states,)")
        if not checks.has_nan(policy, distribution):
            checks.laws("policy", policy, ("s",))
            checks.laws("distribution", distribution, ())
        kernel = self.kernel
        if kernel is not None and (kernel.num_states, kernel.num_actions) != (size, actions):
            raise ValueError(
                f"`kernel` has (states, actions) = {(kernel.num_states, kernel.num_actions)}, but "
                f"the game has {(size, actions)}."
            )
        return self._replace(policy=policy, distribution=distribution)

    def normalized(self) -> tuple["Candidate", float]:
        """Return the candidate with rows that are laws to rounding, and how far that moved a row."""
        policy, by_policy = normalized(np.asarray(self.policy, np.float64), -1)
        distribution, by_law = normalized(np.asarray(self.distribution, np.float64), -1)
        kernel, by_kernel = self.kernel, 0.0
        if kernel is not None:
            kernel, by_kernel = normalized_kernel(kernel)
        moved = float(np.max([by_policy, by_law, by_kernel]))
        return Candidate(policy, distribution, kernel), moved


def normalized(laws: Float[np.ndarray, "..."], axis: int) -> tuple[Float[np.ndarray, "..."], float]:
    """Laws along an axis, divided by their sums, and the largest L1 distance that a law was moved.

    What is negative becomes zero. NaN stays, and no law is made of nothing.
    """
    kept = np.maximum(laws, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = kept / kept.sum(axis=axis, keepdims=True)
    return found, float(np.max(np.sum(np.abs(found - laws), axis=axis)))


def normalized_kernel(kernel: Kernel) -> tuple[Kernel, float]:
    """A kernel with rows that are laws to rounding, and the largest L1 distance of a row."""
    law, moved = normalized(np.asarray(kernel.law, np.float64), 0)
    return eqx.tree_at(lambda found: found.law, kernel, law), moved
