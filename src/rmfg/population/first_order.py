"""A test function for finite populations: a value of own state and law, affine in the law.

    v(s, m) = V(s) + G(s, .) (m - m*)

V is the policy's robust value at the law m*, and G its first-order change: what an agent gets more
when the population starts from another law and moves on by itself. N agents get v(s, m) up to terms of
second order in m - m* and of first order in 1 / N. G solves the Stein equation

    G = B + discount * K G F  =  the sum over t of discount^t K^t B F^t,

where B is the derivative of the policy's Bellman operator in the law, K the agent's chain under
nature's answer, and F the derivative of the map by which the law moves. The bounds that rest on v are
true for every G (docs/finite_theory.md, F24 and F25); a bad G only makes them weak. Since v is affine
in the law, its expectation after a step of N agents is its value at the expected law, and needs no
sampling.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core.precision import Array
from rmfg.operators.robust_mdp import policy_average
from rmfg.population.dynamics import Dynamics, mdp_at, worst_from

# Derivatives are taken in S directions, which takes too long for more states: there G is zero.
MOST_STATES = 500
# A series whose terms have not become negligible after 2^50 of them does not converge.
DOUBLINGS = 50


class TestFunction(NamedTuple):
    """v(s, m) = value(s) + slope(s) @ (m - center)."""

    value: Float[Array, " S"]
    slope: Float[Array, "S S"]
    center: Float[Array, " S"]

    def at(self, distribution: Float[Array, " S"]) -> Float[Array, " S"]:
        """Return v(., m)."""
        return self.value + self.slope @ (distribution - self.center)


class Lookahead(NamedTuple):
    """What agent 1 can reach in one step, if v is what it gets afterwards.

    `q` are its robust action values, `laws` the laws of the next state that nature answers with, and
    `value` is v in this situation. Leading axes are those of situations.
    """

    q: Float[Array, "... A"]
    value: Float[Array, "..."]
    laws: Float[Array, "... A S"]


class Residuals(NamedTuple):
    """By how much v misses Bellman's equations in each situation.

    `optimal` is T v - v, `policy` is T^pi v - v, and `advantage` is q_v(a) - T^pi v for each action a.
    """

    optimal: Float[np.ndarray, "..."]
    policy: Float[np.ndarray, "..."]
    advantage: Float[np.ndarray, "... A"]


def residuals(
    q: Float[np.ndarray, "... A"],
    value: Float[np.ndarray, "..."],
    policy: Float[np.ndarray, "... A"],
) -> Residuals:
    """Return the residuals of v = `value`, whose action values are `q`."""
    best, mean = q.max(axis=-1), (policy * q).sum(axis=-1)
    return Residuals(best - value, mean - value, q - mean[..., None])


def first_order(
    dynamics: Dynamics, value: Float[Array, " S"], center: Float[Array, " S"]
) -> TestFunction:
    """Return the test function around a law; it has no slope where there are too many states."""
    value, center = jnp.asarray(value), jnp.asarray(center)
    size = center.size
    if size > MOST_STATES:
        return TestFunction(value, jnp.zeros((size, size)), center)
    bellman, chain, pushed = (np.asarray(part) for part in _derivatives(dynamics, value, center))
    slope = _stein(bellman, float(dynamics.problem.game.discount) * chain, pushed)
    return TestFunction(value, jnp.asarray(slope), center)


def _stein(
    source: Float[np.ndarray, "S S"],
    left: Float[np.ndarray, "S S"],
    right: Float[np.ndarray, "S S"],
) -> Float[np.ndarray, "S S"]:
    """Solve G = source + left @ G @ right by doubling its series (Smith 1968).

    Zero where the series diverges, and where the operator jumps at the law, so that a derivative is
    infinite: nature who may only go where the nominal law does finds new places there.
    """
    slope = source
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(DOUBLINGS):
            added = left @ slope @ right
            slope, left, right = slope + added, left @ left, right @ right
            largest = np.abs(slope).max()
            if not np.isfinite(largest):
                break
            if np.abs(added).max() <= np.finfo(float).eps * largest:
                return slope
    return np.zeros_like(source)


@eqx.filter_jit
def _derivatives(
    dynamics: Dynamics, value: Float[Array, " S"], center: Float[Array, " S"]
) -> tuple[Float[Array, "S S"], Float[Array, "S S"], Float[Array, "S S"]]:
    """B, K and F of the module's docstring."""
    problem, policy = dynamics.problem, jnp.asarray(dynamics.policy)

    def bellman(distribution: Array) -> Array:
        return policy_average(mdp_at(problem, policy, distribution).q(value), policy)

    chain = mdp_at(problem, policy, center).worst(value).kernel.matrix(policy)
    return jax.jacfwd(bellman)(center), chain, jax.jacfwd(dynamics.pushed)(center)


def lookahead(
    dynamics: Dynamics,
    test: TestFunction,
    state: Int[Array, ""],
    counts: Float[Array, " S"],
    num_agents: Float[Array, ""],
) -> Lookahead:
    """Return what agent 1 can reach from `state` while the others stand in `counts` (traceable)."""
    own = jax.nn.one_hot(state, counts.size, dtype=counts.dtype)
    distribution = (own + counts) / num_agents
    mdp = mdp_at(dynamics.problem, dynamics.policy, distribution)
    # After a step the law is that of the others, in expectation, and agent 1 wherever nature sends it.
    others = counts @ dynamics.chain(distribution) / num_agents
    values = test.at(others) + jnp.diag(test.slope) / num_agents
    q, laws = worst_from(mdp, state, values)
    return Lookahead(q, test.at(distribution)[state], laws)
