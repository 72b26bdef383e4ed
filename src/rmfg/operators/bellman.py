"""The robust Bellman operators at a mean field, as functions of a value function.

All are traceable, and return JAX arrays in the caller's precision for JAX arguments; with NumPy
arguments they compute in float64 and return NumPy arrays. `values` has shape (S,).
"""

import equinox as eqx
from jaxtyping import Float

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, boundary, is_concrete
from rmfg.model.actions import allowed_only, check_played
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.ambiguity.given import checked_ambiguity
from rmfg.model.game import MeanFieldGame, checked_game, checked_mean_field
from rmfg.operators.robust_mdp import RobustMDP, policy_average, soft_maximum


@boundary
def robust_q(
    game: MeanFieldGame, ambiguity: Ambiguity, mean_field: Array, values: Float[Array, " S"]
) -> Float[Array, "S A"]:
    """Return r(s, a) + discount * worst expected value of the next state, (S, A).

    Minus infinity for actions that a state does not have.
    """
    checked_game(game)
    checked_ambiguity(ambiguity)
    mean_field = checked_mean_field(game, mean_field)
    values = checked_values("values", game, values)
    return allowed_only(_q(game, ambiguity, mean_field, values), game.actions)


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
    checked_game(game)
    policy = checks.policy("policy", policy, game.num_states, game.num_actions)
    check_played("policy", policy, game.actions)
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
    if is_concrete(temperature):
        temperature = float(checks.positive("temperature", temperature))
    return soft_maximum(robust_q(game, ambiguity, mean_field, values), temperature)


def checked_values(name: str, game: MeanFieldGame, values: object) -> Array:
    """Refuse anything but a finite number for every state."""
    array = inputs.real(name, values)
    checks.shaped(name, array, (game.num_states,), "(states,)")
    return checks.finite(name, array, ("s",))


@eqx.filter_jit
def _q(game: MeanFieldGame, ambiguity: Ambiguity, mean_field: Array, values: Array) -> Array:
    return RobustMDP.at(game, ambiguity, mean_field).q(values)
