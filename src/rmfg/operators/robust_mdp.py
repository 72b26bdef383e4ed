"""What one agent faces when the population stands still: a robust Markov decision problem.

For a fixed mean field m the game is a robust MDP with the operators

    Q(V)(s, a)  = r(s, a) + discount * sigma(s, a; V)
    (T V)(s)    = max over a of Q(V)(s, a),     (T^pi V)(s) = sum over a of pi(a|s) Q(V)(s, a),

monotone, shifting by discount * c when V shifts by c, and contracting by `discount` in the sup
norm, because each support function sigma is. With a temperature tau the maximum becomes
tau log sum exp(Q / tau), whose argmax is the softmax policy; the same three laws hold.
Iyengar 2005; Nilim & El Ghaoui 2005.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.ambiguity import Ambiguity, Worst
from rmfg.model.game import MeanFieldGame
from rmfg.model.kernel import Kernel


class RobustMDP(eqx.Module):
    """A game with its mean field frozen, and nature's ambiguity set."""

    kernel: Kernel
    reward: Float[Array, "S A"]
    discount: Float[Array, ""]
    ambiguity: Ambiguity
    mean_field: Float[Array, "..."]

    @classmethod
    @eqx.filter_jit
    def at(cls, game: MeanFieldGame, ambiguity: Ambiguity, mean_field: Array) -> "RobustMDP":
        """Freeze a game at a mean field (traceable)."""
        field = jnp.asarray(mean_field)
        kernel, reward = game.kernel(field), game.reward(field)
        reward = jnp.asarray(reward, field.dtype)
        return cls(kernel, reward, jnp.asarray(game.discount, field.dtype), ambiguity, field)

    def worst(self, values: Float[Array, " S"]) -> Worst:
        """Return nature's answer to the values."""
        return self.ambiguity.worst(self.kernel, values, self.mean_field)

    def q(self, values: Float[Array, " S"]) -> Float[Array, "S A"]:
        """Return the robust action values Q(V)."""
        return self.reward + self.discount * self.worst(values).value


def greedy(q: Float[Array, "S A"]) -> Float[Array, "S A"]:
    """The policy that takes the first best action."""
    return jax.nn.one_hot(jnp.argmax(q, axis=1), q.shape[1], dtype=q.dtype)


def softmax(q: Float[Array, "S A"], temperature: float | Array) -> Float[Array, "S A"]:
    """The policy proportional to exp(q / temperature)."""
    return jax.nn.softmax(q / temperature, axis=1)


def soft_maximum(q: Float[Array, "S A"], temperature: float | Array) -> Float[Array, " S"]:
    """Temperature * log sum exp(q / temperature)."""
    return temperature * jax.nn.logsumexp(q / temperature, axis=1)


def policy_average(q: Float[Array, "S A"], policy: Float[Array, "S A"]) -> Float[Array, " S"]:
    """The mean of q under the policy; actions that are not played do not count, whatever their q."""
    return jnp.sum(jnp.where(policy == 0, 0, policy * q), axis=1)
