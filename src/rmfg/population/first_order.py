"""A test function for finite populations: a value of own state and law, affine in the law.

    v(s, m) = V(s) + G(s, .) (m - m*)

With V the policy's robust value at the mean field m* and G the first-order change of what an agent gets
when the population starts from another law and moves on by itself, v is what N agents get up to
terms of second order in m - m* and of first order in 1 / N. G solves

    G = B + discount * K G F  =  the sum over t of discount^t K^t B F^t,

B the derivative of the policy's Bellman operator in the law, K the agent's chain under nature's
answer, F that of the map by which the law moves. Whatever G is, the statements that rest on v are true
(see the documentation): a bad G only makes them weak. Since v is affine, its expectation after a
step of N agents is its value at the expected law, without sampling.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core.precision import Array
from rmfg.model.actions import substituted
from rmfg.operators.robust_mdp import RobustMDP, policy_average
from rmfg.population.dynamics import Dynamics, leaving

# Derivatives are taken along S directions: beyond so many states G is left at zero.
MOST_STATES = 500
DOUBLINGS = 50


class TestFunction(NamedTuple):
    """v(s, m) = value(s) + slope(s) @ (m - center)."""

    value: Float[Array, " S"]
    slope: Float[Array, "S S"]
    center: Float[Array, " S"]

    def at(self, law: Float[Array, " S"]) -> Float[Array, " S"]:
        """Return v(., m)."""
        return self.value + self.slope @ (law - self.center)


class Prospects(NamedTuple):
    """What agent 1 has before it in a situation, if v is what comes after.

    `q` are its action values, `now` is v itself, `laws` are nature's answers.
    """

    q: Float[Array, "... A"]
    now: Float[Array, "..."]
    laws: Float[Array, "... A S"]


def first_order(
    dynamics: Dynamics, value: Float[Array, " S"], center: Float[Array, " S"]
) -> TestFunction:
    """Return the test function around a law, or V alone where the game is too large for a slope."""
    value, center = jnp.asarray(value), jnp.asarray(center)
    size = center.size
    if size > MOST_STATES:
        return TestFunction(value, jnp.zeros((size, size)), center)
    bellman, chain, moved = (np.asarray(part) for part in _derivatives(dynamics, value, center))
    slope = _stein(bellman, float(dynamics.problem.game.discount) * chain, moved)
    return TestFunction(value, jnp.asarray(slope), center)


def _stein(
    source: Float[np.ndarray, "S S"],
    left: Float[np.ndarray, "S S"],
    right: Float[np.ndarray, "S S"],
) -> Float[np.ndarray, "S S"]:
    """Solve G = source + left @ G @ right by doubling the terms of its series; zero if it diverges."""
    slope = source
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(DOUBLINGS):
            added = left @ slope @ right
            slope, left, right = slope + added, left @ left, right @ right
            if np.abs(added).max() <= np.finfo(float).eps * np.abs(slope).max():
                return slope
    return np.zeros_like(source)


@eqx.filter_jit
def _derivatives(
    dynamics: Dynamics, value: Float[Array, " S"], center: Float[Array, " S"]
) -> tuple[Float[Array, "S S"], Float[Array, "S S"], Float[Array, "S S"]]:
    """B, K and F of the module's docstring."""
    problem, policy = dynamics.problem, jnp.asarray(dynamics.policy)
    game = problem.game

    def mdp_at(law: Array) -> RobustMDP:
        return RobustMDP.at(game, problem.ambiguity, game.mean_field_of(law, policy))

    def bellman(law: Array) -> Array:
        return policy_average(mdp_at(law).q(value), policy)

    def pushed(law: Array) -> Array:
        return law @ dynamics.chain(law)

    nature = mdp_at(center).worst(value).kernel.matrix(policy)
    return jax.jacfwd(bellman)(center), nature, jax.jacfwd(pushed)(center)


def prospects(
    dynamics: Dynamics,
    test: TestFunction,
    state: Int[Array, ""],
    counts: Float[Array, " S"],
    num_agents: Float[Array, ""],
) -> Prospects:
    """Return what is before agent 1 in `state` while the others stand in `counts`."""
    problem, policy = dynamics.problem, jnp.asarray(dynamics.policy)
    game = problem.game
    own = jax.nn.one_hot(state, counts.size, dtype=counts.dtype)
    law = (own + counts) / num_agents
    mdp = RobustMDP.at(game, problem.ambiguity, game.mean_field_of(law, policy))
    # After a step: the others' expected law, and agent 1 wherever nature sends it.
    spread = counts @ dynamics.chain(law) / num_agents
    worst = mdp.worst(test.at(spread) + jnp.diag(test.slope) / num_agents)
    q, kernel = mdp.q_before(worst.value), substituted(worst.kernel, game.actions)
    return Prospects(q[state], test.at(law)[state], leaving(kernel, state))
