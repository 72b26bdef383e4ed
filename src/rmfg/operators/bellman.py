"""The robust Bellman operators at a mean field, as functions of a value function.

All are traceable, and return JAX arrays in the caller's precision for JAX arguments; with NumPy
arguments they compute in float64 and return NumPy arrays. `values` has shape (S,).
"""

import equinox as eqx
from jaxtyping import Float

from rmfg.core import checks
from rmfg.core.precision import Array, as_float, boundary
from rmfg.model.ambiguity import Ambiguity
from rmfg.model.game import MeanFieldGame
from rmfg.operators.robust_mdp import RobustMDP, policy_average, soft_maximum


@boundary
def robust_q(
    game: MeanFieldGame, ambiguity: Ambiguity, mean_field: Array, values: Float[Array, " S"]
) -> Float[Array, "S A"]:
    """Return r(s, a) + discount * worst expected value of the next state, (S, A)."""
    mean_field, values = as_float(mean_field), as_float(values)
    checks.shaped("mean_field", mean_field, game.mean_field_shape, f"the {game.mean_field} law")
    checks.shaped("values", values, (game.num_states,), "(states,)")
    return _q(game, ambiguity, mean_field, values)


@boundary
def optimal_operator(
    game: MeanFieldGame, ambiguity: Ambiguity, mean_field: Array, values: Float[Array, " S"]
) -> Float[Array, " S"]:
    """Return (T V)(s), the best action's robust value, (S,)."""
    return robust_q(game, ambiguity, mean_field, values).max(axis=1)


@boundary
def policy_operator(
    game: MeanFieldGame,
    ambiguity: Ambiguity,
    policy: Float[Array, "S A"],
    mean_field: Array,
    values: Float[Array, " S"],
) -> Float[Array, " S"]:
    """Return (T^pi V)(s), the policy's mean of the robust action values, (S,)."""
    policy = as_float(policy)
    checks.policy("policy", policy, game.num_states, game.num_actions)
    return policy_average(robust_q(game, ambiguity, mean_field, values), policy)


@boundary
def soft_operator(
    game: MeanFieldGame,
    ambiguity: Ambiguity,
    temperature: float | Array,
    mean_field: Array,
    values: Float[Array, " S"],
) -> Float[Array, " S"]:
    """Return temperature * log sum over a of exp(Q(V)(s, a) / temperature), (S,).

    At most temperature * log A above the optimal operator, with a unique policy softmax(Q / tau).
    """
    return soft_maximum(robust_q(game, ambiguity, mean_field, values), temperature)


@eqx.filter_jit
def _q(game: MeanFieldGame, ambiguity: Ambiguity, mean_field: Array, values: Array) -> Array:
    return RobustMDP.at(game, ambiguity, mean_field).q(values)
