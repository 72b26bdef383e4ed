"""What one agent faces when the population stands still: a robust Markov decision problem.

For a fixed mean field m the game is a robust MDP with the operators

    Q(V)(s, a)  = r(s, a) + discount * sigma(s, a; V)
    (T V)(s)    = max over a of Q(V)(s, a),     (T^pi V)(s) = sum over a of pi(a|s) Q(V)(s, a),

monotone, shifting by discount * c when V shifts by c, and contracting by `discount` in the sup
norm, because each support function sigma is. With a temperature tau the maximum becomes
tau log sum exp(Q / tau), whose argmax is the softmax policy; the same three laws hold.
Where a state does not have all actions, Q of those it lacks is a copy of another's (see
`rmfg.model.actions`), and policies and sums of exponentials leave them out.
Iyengar 2005; Nilim & El Ghaoui 2005.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from rmfg.core.checks import ROW_SUM_SLACK
from rmfg.core.precision import Array
from rmfg.model.actions import allowed_only, substituted
from rmfg.model.ambiguity.base import Ambiguity, Worst
from rmfg.model.game import MeanFieldGame
from rmfg.model.kernel import Kernel


class RobustMDP(eqx.Module):
    """A game with its mean field frozen, and nature's ambiguity set."""

    kernel: Kernel
    reward: Float[Array, "S A"]
    discount: Float[Array, ""]
    ambiguity: Ambiguity
    mean_field: Float[Array, "..."]
    actions: Bool[Array, "S A"] | None = None

    @classmethod
    @eqx.filter_jit
    def at(cls, game: MeanFieldGame, ambiguity: Ambiguity, mean_field: Array) -> "RobustMDP":
        """Freeze a game at a mean field (traceable)."""
        field = jnp.asarray(mean_field)
        kernel, reward = game.kernel(field), game.reward(field)
        reward = jnp.asarray(reward, field.dtype)
        discount = jnp.asarray(game.discount, field.dtype)
        actions = None if game.actions is None else jnp.asarray(game.actions)
        return cls(kernel, reward, discount, ambiguity, field, actions)

    def worst(self, values: Float[Array, " S"]) -> Worst:
        """Return nature's answer to the values."""
        return self.ambiguity.worst(self.kernel, values, self.mean_field)

    def q(self, values: Float[Array, " S"]) -> Float[Array, "S A"]:
        """Return the robust action values Q(V)."""
        return self.q_before(self.worst(values).value)

    def q_before(self, following: Float[Array, "S A"]) -> Float[Array, "S A"]:
        """Return the action values when this is what the next state is worth."""
        return substituted(self.reward + self.discount * following, self.actions)

    @property
    def sound(self) -> Bool[Array, ""]:
        """Whether rewards are numbers and rows are laws at this mean field (traceable)."""
        law = jnp.asarray(self.kernel.law)
        slack = law.shape[0] * jnp.finfo(law.dtype).eps + ROW_SUM_SLACK
        laws = jnp.all(law >= 0) & jnp.all(jnp.abs(jnp.sum(law, axis=0) - 1) <= slack)
        return laws & jnp.all(jnp.isfinite(self.reward))


class NonFiniteError(ValueError):
    """Raised inside of solvers where the game has no finite rewards, or no laws, at a mean field."""


@eqx.filter_jit
def _sound(mdp: RobustMDP) -> Bool[Array, ""]:
    return mdp.sound


def finite_at(game: MeanFieldGame, ambiguity: Ambiguity, mean_field: Array) -> RobustMDP:
    """Freeze a game at a mean field where it is finite, else raise NonFiniteError (on the host)."""
    mdp = RobustMDP.at(game, ambiguity, mean_field)
    if not bool(_sound(mdp)):
        raise NonFiniteError("the game is not finite at a mean field that the solver visited")
    return mdp


def greedy(q: Float[Array, "S A"], actions: Array | None = None) -> Float[Array, "S A"]:
    """The policy that takes the first best action that there is."""
    best = jnp.argmax(allowed_only(q, actions), axis=1)
    return jax.nn.one_hot(best, q.shape[1], dtype=q.dtype)


def softmax(
    q: Float[Array, "S A"], temperature: float | Array, actions: Array | None = None
) -> Float[Array, "S A"]:
    """The policy proportional to exp(q / temperature)."""
    return jax.nn.softmax(_heights(q, temperature, actions)[0], axis=1)


def soft_maximum(
    q: Float[Array, "S A"], temperature: float | Array, actions: Array | None = None
) -> Float[Array, " S"]:
    """Temperature * log sum exp(q / temperature)."""
    heights, best = _heights(q, temperature, actions)
    return best[:, 0] + temperature * jax.nn.logsumexp(heights, axis=1)


def _heights(
    q: Array, temperature: float | Array, actions: Array | None
) -> tuple[Float[Array, "S A"], Float[Array, "S 1"]]:
    """How far actions are below the best one in units of the temperature, and what that is worth.

    Differences first: a quotient that overflows is then minus infinity, and never their difference.
    """
    best = jax.lax.stop_gradient(jnp.max(q, axis=1, keepdims=True))
    return allowed_only((q - best) / temperature, actions), best


def policy_average(q: Float[Array, "S A"], policy: Float[Array, "S A"]) -> Float[Array, " S"]:
    """The mean of q under the policy; actions that are not played do not count, whatever their q."""
    return jnp.sum(jnp.where(policy == 0, 0, policy * q), axis=1)
