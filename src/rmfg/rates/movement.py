"""How fast policy and population move with the mean field, when nature answers at a temperature.

Everything is a `Constant`: proved from the game's constants and from what is proved of the set, or
estimated by probes. Proofs are in the documentation (guarantees).
"""

import dataclasses
import functools
import itertools
import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.deadline import check_time
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.dobrushin import dobrushin
from rmfg.model.game import uniform_mean_field
from rmfg.model.kernel import Kernel
from rmfg.model.problem import Problem
from rmfg.operators.newton import FixedPoint, solve_bellman
from rmfg.operators.response import absolute_tolerance
from rmfg.operators.robust_mdp import RobustMDP
from rmfg.rates.probing import TOLERANCE, Probes
from rmfg.rates.steepness import Constant, Steepness

ROUNDS = 50


@dataclasses.dataclass(frozen=True)
class Movement:
    """The constants of the soft response to a mean field."""

    problem: Problem
    temperature: float
    game: Steepness
    probes: Probes

    @functools.cached_property
    def fixed_answer(self) -> Kernel | None:
        """Nature's kernel, if it is the same at all mean fields because values cannot change places.

        Bounds of the reward bound the values from both sides, since the soft operator is monotone.
        Where the intervals of states do not overlap, the order is the same at all mean fields, and
        greedy sets have one worst kernel.
        """
        ambiguity, still = self.problem.ambiguity, self.game.reward.value == 0
        frozen = self._stands_still(ambiguity) and self.game.reward.proved
        if not (frozen and (still or ambiguity.by_order)):
            return None
        lower = self._soft_value(self.game.lowest)
        if not still:
            upper = self._soft_value(self.game.highest)
            low, high = lower.point.value - lower.error, upper.point.value + upper.error
            order = np.argsort(low)
            if ambiguity.by_lowest_state:
                order = order[:2]
            if not all(high[s] < low[t] for s, t in itertools.pairwise(order)):
                return None
        return lower.point.answer.kernel

    @functools.cached_property
    def mixing(self) -> Constant:
        """Bound the Dobrushin coefficient of nature's kernel at all mean fields and values between."""
        if self.fixed_answer is not None:
            found = dobrushin(self.fixed_answer)
            return Constant(found, True, "nature's kernel is the same at all mean fields")
        nominal, ambiguity, bound = self.game.mixing, self.problem.ambiguity, 1.0
        # The spread of values bounds the coefficient, which bounds the spread: each round is a proof.
        for _ in range(ROUNDS if ambiguity.frozen else 0):
            spread, size = self._spread(bound), self.problem.game.num_states
            bound = min(bound, ambiguity.dobrushin(nominal.value, spread, size))
        if bound < 1:
            proved = nominal.proved and self.game.reward.proved
            return Constant(bound, proved, "from the nominal kernel's and the set's size")
        if nominal.value >= 1:
            return Constant(1.0, True, "true of every kernel")
        found = self.probes.mixing()
        return Constant(found, found >= 1, self.probes.reason)

    @functools.cached_property
    def support(self) -> Constant:
        """How fast nature's support function moves with the mean field, at the values there."""
        kernel, ambiguity = self.game.kernel, self.problem.ambiguity
        if self._stands_still(ambiguity):
            return Constant(0.0, True, "neither kernel nor set depend on the mean field")
        spread = self._spread(self.mixing.value)
        factor = None
        if ambiguity.frozen:
            factor = ambiguity.support_lipschitz(spread, self.game.smallest)
        if factor is None:
            return Constant(self.probes.support(), False, self.probes.reason)
        if factor == 0:
            return Constant(0.0, True, "the set does not depend on the mean field")
        proved = kernel.proved and self.game.reward.proved and self.mixing.proved
        found = factor * kernel.value * spread / 2
        return Constant(found, proved, "from the kernel and the spread of values")

    @functools.cached_property
    def value(self) -> Constant:
        """How fast the soft value moves with the mean field, in half the spread."""
        discount, parts = self.problem.game.discount, (self.game.reward, self.support, self.mixing)
        found = self.game.reward.value + discount * self.support.value
        found /= 1 - discount * self.mixing.value
        return Constant(
            found, all(part.proved for part in parts), "from reward, support and mixing"
        )

    @property
    def policy(self) -> Constant:
        """How fast the soft policy moves with the mean field."""
        return dataclasses.replace(self.value, value=self.value.value / self.temperature)

    def population(self) -> tuple[Constant, Constant]:
        """How fast the kernel of the population moves with the mean field, and how little it mixes."""
        population, ambiguity = self.problem.population, self.problem.ambiguity
        if isinstance(population, Kernel):
            reason = "the population has a kernel of its own"
            return Constant(0.0, True, reason), Constant(dobrushin(population), True, reason)
        if population == "nominal" or ambiguity.singleton:
            return self.game.kernel, self.game.mixing
        if self.fixed_answer is not None:
            return Constant(0.0, True, self.mixing.reason), self.mixing
        found = self._followed(ambiguity) if ambiguity.frozen else None
        if found is None:
            found = Constant(self.probes.worst_kernel(), False, self.probes.reason)
        return found, self.mixing

    def _followed(self, ambiguity: Ambiguity) -> Constant | None:
        """How fast nature's kernel moves, where that is proved of the set."""
        kernel, spread = self.game.kernel, self._spread(self.mixing.value)
        found = ambiguity.kernel_lipschitz(kernel.value, self.value.value, spread)
        if found is None:
            return None
        if found == math.inf:
            reason = "nature's answer may jump from one corner of its set to another"
            return Constant(math.inf, True, reason)
        return Constant(found, self.value.proved and kernel.proved, "nature's answer is smooth")

    def _stands_still(self, ambiguity: Ambiguity) -> bool:
        kernel = self.game.kernel
        return kernel.value == 0 and kernel.proved and ambiguity.frozen

    def _spread(self, mixing: float) -> float:
        """Bound the spread of soft values by that of rewards."""
        return self.game.spread / (1 - self.problem.game.discount * mixing)

    def _soft_value(self, reward: Float[np.ndarray, "S A"]) -> FixedPoint:
        game = self.problem.game
        mdp = RobustMDP.at(game, self.problem.ambiguity, jnp.asarray(uniform_mean_field(game)))
        mdp = eqx.tree_at(lambda tree: tree.reward, mdp, jnp.asarray(reward))
        start, tolerance = np.zeros(game.num_states), absolute_tolerance(mdp, TOLERANCE)
        found = solve_bellman(mdp, start, tolerance, None, self.temperature)
        check_time()
        return found
