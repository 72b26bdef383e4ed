"""Nature's rules: how she picks the kernel by which a finite population moves.

Her ambiguity set depends on the mean field, so she picks a kernel anew at each empirical law. Most
rules pick the worst one for a value function: that of an equilibrium, or one found at this law.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.ambiguity.soft import ProximalStep
from rmfg.model.kernel import Kernel, mixed
from rmfg.model.leaking import Leaking
from rmfg.operators.robust_mdp import RobustMDP, policy_average


class Nature(eqx.Module):
    """A rule by which nature picks a kernel from her set at a mean field."""

    @abc.abstractmethod
    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        """Return the kernel at the mean field of `mdp`, and the values to start from in the next."""


class NominalNature(Nature):
    """Nature plays the nominal kernel."""

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        return mdp.kernel, values


class FixedNature(Nature):
    """Nature plays the same kernel at all mean fields."""

    kernel: Kernel

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        return self.kernel, values


class WorstNature(Nature):
    """Nature plays the worst case for values that do not change, at each mean field.

    Where several kernels are equally bad she needs a rule to choose. An equilibrium brings one along:
    its potential (S,) weighs them as nature does there, at a small temperature.
    """

    potential: Float[Array, " S"] | None
    temperature: Float[Array, ""]

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        if self.potential is None:
            return mdp.worst(values).kernel, values
        heights = values - jnp.min(values)
        step = ProximalStep(heights, self.potential, self.temperature)
        soft = mdp.ambiguity.soften(mdp.kernel, step, mdp.mean_field)
        return soft.kernel, values


class RandomNature(Nature):
    """Nature plays a random kernel of her set, drawn anew in each step.

    It lies between the nominal kernel and the worst one for values drawn from a normal law, at a share
    that is drawn uniformly for each pair of state and action.
    """

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        for_values, for_share = jax.random.split(key)
        drawn = jax.random.normal(for_values, values.shape, values.dtype)
        share = jax.random.uniform(for_share, mdp.reward.shape, values.dtype)
        # Sets are convex: a kernel between two of theirs is inside.
        return mixed([mdp.kernel, mdp.worst(drawn).kernel], jnp.stack([1 - share, share])), values


class AdversarialNature(Nature):
    """Nature plays the worst case for the policy's robust values at the current mean field.

    She finds these values by iterating the policy's Bellman operator until they change by no more than
    `tolerance`, which is in the unit of values.
    """

    policy: Float[Array, "S A"]
    tolerance: Float[Array, ""]

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        def improved(values: Array) -> Array:
            return policy_average(mdp.q(values), self.policy)

        def far(pair: tuple[Array, Array]) -> Array:
            return jnp.max(jnp.abs(pair[1] - pair[0])) > self.tolerance

        # Begin at the values of the last mean field, which is near.
        values, _ = jax.lax.while_loop(
            far, lambda pair: (pair[1], improved(pair[1])), (values, improved(values))
        )
        return mdp.worst(values).kernel, values
