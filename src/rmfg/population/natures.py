"""Nature's rules: how she picks the kernel by which a finite population moves.

Her sets move with the empirical law, and so does her answer. What she plays against are values: of
the equilibrium, or those that she finds anew at the current law.
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
    """A rule by which nature picks the kernel at a mean field."""

    @abc.abstractmethod
    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        """Return the kernel at a frozen mean field, and the values against which it was picked."""


class NominalNature(Nature):
    """No doubt: the nominal kernel."""

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        return mdp.kernel, values


class FixedNature(Nature):
    """The same kernel at all mean fields."""

    kernel: Kernel

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        return self.kernel, values


class WorstNature(Nature):
    """The worst case at the mean field for values that stay as they are.

    With a potential, nature mixes among what ties as she does at the equilibrium that it is of.
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
    """A kernel inside the set: a uniform share of the worst one for values drawn at random."""

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        for_values, for_share = jax.random.split(key)
        drawn = jax.random.normal(for_values, values.shape, values.dtype)
        share = jax.random.uniform(for_share, mdp.reward.shape, values.dtype)
        # Sets are convex: what lies between two of their kernels is inside.
        return mixed([mdp.kernel, mdp.worst(drawn).kernel], jnp.stack([1 - share, share])), values


class AdversarialNature(Nature):
    """The worst case for the policy's own robust values, found anew at each mean field."""

    policy: Float[Array, "S A"]
    tolerance: Float[Array, ""]

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        def improved(values: Array) -> Array:
            return policy_average(mdp.q(values), self.policy)

        def far(pair: tuple[Array, Array]) -> Array:
            return jnp.max(jnp.abs(pair[1] - pair[0])) > self.tolerance

        # Values begin where they were at the last mean field, which is near.
        values, _ = jax.lax.while_loop(
            far, lambda pair: (pair[1], improved(pair[1])), (values, improved(values))
        )
        return mdp.worst(values).kernel, values
