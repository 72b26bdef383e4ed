"""How fast the soft response moves with the mean field: value, policy, and nature's kernel.

Each number is a `Constant`: proved from the game's constants and from what is proved of the ambiguity
set, or else estimated at sampled mean fields. Proofs are in docs/guarantees.md.
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
from rmfg.operators.bellman_newton import FixedPoint, solve_bellman
from rmfg.operators.response import absolute_tolerance
from rmfg.operators.robust_mdp import RobustMDP
from rmfg.rates.constant import Constant
from rmfg.rates.game_constants import GameConstants
from rmfg.rates.sampled_responses import TOLERANCE, SampledResponses

# The bound of nature's Dobrushin coefficient improves itself; it has settled long before.
ROUNDS = 50


@dataclasses.dataclass(frozen=True)
class ResponseConstants:
    """The constants of the soft response to a mean field, where nature answers too.

    `game` holds those of the game alone; `samples` are asked only where nothing can be proved.
    """

    problem: Problem
    temperature: float
    game: GameConstants
    samples: SampledResponses

    @functools.cached_property
    def fixed_kernel(self) -> Kernel | None:
        """Nature's kernel, if the order of the values is proved to be the same at all mean fields.

        The soft operator is monotone, so bounds of the reward bound the values from both sides. Where
        the intervals of states do not overlap, no mean field changes the order, and sets whose worst
        kernel depends on the order alone have one worst kernel (F12).
        """
        ambiguity, still = self.problem.ambiguity, self.game.reward.value == 0
        proved = self._set_stands_still and self.game.reward.proved
        if not (proved and (still or ambiguity.by_order)):
            return None
        lower = self._soft_value(self.game.lowest_reward)
        if not still:
            upper = self._soft_value(self.game.highest_reward)
            low, high = lower.point.value - lower.error, upper.point.value + upper.error
            order = np.argsort(low)
            if ambiguity.by_lowest_state:
                order = order[:2]
            if not all(high[s] < low[t] for s, t in itertools.pairwise(order)):
                return None
        return lower.point.worst_case.kernel

    @functools.cached_property
    def nature_dobrushin(self) -> Constant:
        """A bound of the Dobrushin coefficient of nature's kernel, at all mean fields.

        It holds for the soft values there, and for all values between two of them.
        """
        if self.fixed_kernel is not None:
            found = dobrushin(self.fixed_kernel)
            return Constant(found, True, "nature's kernel is the same at all mean fields")
        nominal, ambiguity, bound = self.game.dobrushin, self.problem.ambiguity, 1.0
        # The spread of values bounds the coefficient, which bounds the spread: each round is a proof.
        for _ in range(ROUNDS if ambiguity.frozen else 0):
            spread, size = self._value_spread(bound), self.problem.game.num_states
            bound = min(bound, ambiguity.dobrushin(nominal.value, spread, size))
        if bound < 1:
            proved = nominal.proved and self.game.reward.proved
            return Constant(bound, proved, "from the nominal kernel's and the set's size")
        if nominal.value >= 1:
            return Constant(1.0, True, "true of every kernel")
        found = self.samples.dobrushin()
        return Constant(found, found >= 1, self.samples.reason)

    @functools.cached_property
    def support(self) -> Constant:
        """The constant of nature's support function, at the soft values."""
        kernel, ambiguity = self.game.kernel, self.problem.ambiguity
        if self._set_stands_still:
            return Constant(0.0, True, "neither kernel nor set depend on the mean field")
        spread = self._value_spread(self.nature_dobrushin.value)
        factor = None
        if ambiguity.frozen:
            factor = ambiguity.support_lipschitz(spread, self.game.smallest)
        if factor is None:
            return Constant(self.samples.support(), False, self.samples.reason)
        if factor == 0:
            return Constant(0.0, True, "the set does not depend on the mean field")
        proved = kernel.proved and self.game.reward.proved and self.nature_dobrushin.proved
        found = factor * kernel.value * spread / 2
        return Constant(found, proved, "from the kernel and the spread of values")

    @functools.cached_property
    def value(self) -> Constant:
        """The constant of the soft value, whose changes are measured by half their spread (F15)."""
        discount = self.problem.game.discount
        parts = (self.game.reward, self.support, self.nature_dobrushin)
        found = self.game.reward.value + discount * self.support.value
        found /= 1 - discount * self.nature_dobrushin.value
        reason = "from reward, support and nature's Dobrushin coefficient"
        return Constant(found, all(part.proved for part in parts), reason)

    @property
    def policy(self) -> Constant:
        """The constant of the soft policy, in L1."""
        return dataclasses.replace(self.value, value=self.value.value / self.temperature)

    def population(self) -> tuple[Constant, Constant]:
        """Return constant and Dobrushin coefficient of the kernel that moves the population."""
        population, ambiguity = self.problem.population, self.problem.ambiguity
        if isinstance(population, Kernel):
            reason = "the population has a kernel of its own"
            return Constant(0.0, True, reason), Constant(dobrushin(population), True, reason)
        if population == "nominal" or ambiguity.singleton:
            return self.game.kernel, self.game.dobrushin
        if self.fixed_kernel is not None:
            return Constant(0.0, True, self.nature_dobrushin.reason), self.nature_dobrushin
        found = self._worst_kernel(ambiguity) if ambiguity.frozen else None
        if found is None:
            found = Constant(self.samples.worst_kernel(), False, self.samples.reason)
        return found, self.nature_dobrushin

    def _worst_kernel(self, ambiguity: Ambiguity) -> Constant | None:
        """The constant of nature's kernel, where the set has a theorem about it."""
        kernel, spread = self.game.kernel, self._value_spread(self.nature_dobrushin.value)
        found = ambiguity.kernel_lipschitz(kernel.value, self.value.value, spread)
        if found is None:
            return None
        if found == math.inf:
            reason = "nature's answer may jump from one corner of its set to another"
            return Constant(math.inf, True, reason)
        return Constant(found, self.value.proved and kernel.proved, "nature's answer is smooth")

    @property
    def _set_stands_still(self) -> bool:
        """Whether nature's set is proved to be the same at all mean fields."""
        kernel = self.game.kernel
        return kernel.value == 0 and kernel.proved and self.problem.ambiguity.frozen

    def _value_spread(self, nature_dobrushin: float) -> float:
        """A bound of the spread of soft values, from that of rewards (F15)."""
        return self.game.reward_spread / (1 - self.problem.game.discount * nature_dobrushin)

    def _soft_value(self, reward: Float[np.ndarray, "S A"]) -> FixedPoint:
        """The soft value with these rewards, where the mean field does not matter otherwise."""
        game = self.problem.game
        mdp = RobustMDP.at(game, self.problem.ambiguity, jnp.asarray(uniform_mean_field(game)))
        mdp = eqx.tree_at(lambda tree: tree.reward, mdp, jnp.asarray(reward))
        start, tolerance = np.zeros(game.num_states), absolute_tolerance(mdp, TOLERANCE)
        found = solve_bellman(mdp, start, tolerance, None, self.temperature)
        check_time()
        return found
