"""What one agent can get at a mean field: the best response, and the worth of a given policy."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks
from rmfg.core.precision import Array, Number, boundary
from rmfg.model.actions import allowed_only, check_played
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.ambiguity.given import checked_ambiguity
from rmfg.model.game import MeanFieldGame, check_game, checked_game
from rmfg.model.game import checked_mean_field as law_of_kind
from rmfg.model.kernel import Kernel
from rmfg.operators.bellman import checked_values
from rmfg.operators.bellman_newton import solve_bellman
from rmfg.operators.robust_mdp import RobustMDP

# Rounding of (max reward - min reward) / (1 - discount) times this is the best that can be promised.
SMALLEST_TOLERANCE = 1e-13


class BestResponse(NamedTuple):
    """A robust optimal policy at a mean field, and what it is worth.

    `error` bounds the sup-norm distance of `value` from the optimal robust value. `q` is minus
    infinity for actions that a state does not have.
    """

    policy: Float[Array, "S A"]
    value: Float[Array, " S"]
    q: Float[Array, "S A"]
    kernel: Kernel
    error: Float[Array, ""]


@boundary
def best_response(
    game: MeanFieldGame,
    ambiguity: Ambiguity,
    mean_field: Array,
    *,
    tol: Number = 1e-10,
    start: Float[Array, " S"] | None = None,
) -> BestResponse:
    """Return the best response to nature and to a population that stands still.

    The value's error is at most `tol` times (max reward - min reward) / (1 - discount), or what
    rounding allows; `error` says what was reached. `start` is a first guess of the value.
    Method: safeguarded Newton, that is robust policy iteration (see `rmfg.operators.bellman_newton`).
    """
    checks.tolerance(tol, SMALLEST_TOLERANCE)
    checked_game(game)
    checked_ambiguity(ambiguity)
    mean_field = checked_mean_field(game, mean_field)
    zeros = np.zeros(game.num_states)
    begin = zeros if start is None else checked_values("start", game, start)
    mdp = RobustMDP.at(game, ambiguity, jnp.asarray(mean_field))
    ambiguity.check(mdp.kernel)
    point, error, _ = solve_bellman(mdp, begin, absolute_tolerance(mdp, tol))
    q = allowed_only(point.worst_case.q, game.actions)
    return BestResponse(point.policy, point.value, q, point.worst_case.kernel, jnp.asarray(error))


@boundary
def evaluate(
    game: MeanFieldGame,
    ambiguity: Ambiguity,
    policy: Float[Array, "S A"],
    mean_field: Array,
    *,
    tol: Number = 1e-10,
) -> Float[Array, " S"]:
    """Return the robust value (S,) of a policy: nature answers it in every state, forever.

    The error is at most `tol` times (max reward - min reward) / (1 - discount), up to rounding.
    """
    checks.tolerance(tol, SMALLEST_TOLERANCE)
    checked_game(game)
    checked_ambiguity(ambiguity)
    policy = checks.policy("policy", policy, game.num_states, game.num_actions)
    check_played("policy", policy, game.actions)
    mean_field = checked_mean_field(game, mean_field)
    mdp = RobustMDP.at(game, ambiguity, jnp.asarray(mean_field))
    ambiguity.check(mdp.kernel)
    begin = jnp.zeros(game.num_states)
    tolerance = absolute_tolerance(mdp, tol)
    return solve_bellman(mdp, begin, tolerance, jnp.asarray(policy)).point.value


def checked_mean_field(game: MeanFieldGame, mean_field: Any) -> Array:
    """Refuse a mean field of the wrong shape, or that is no law; check the game there."""
    law = law_of_kind(game, mean_field)
    check_game(game, law)
    return law


def value_scale(mdp: RobustMDP) -> float:
    """(max reward - min reward) / (1 - discount), the width of the range of all values."""
    reward = np.asarray(mdp.reward)
    return float(np.max(reward) - np.min(reward)) / (1 - float(mdp.discount))


def value_bound(mdp: RobustMDP) -> float:
    """Max |reward| / (1 - discount), the largest size of any value."""
    return float(np.max(np.abs(np.asarray(mdp.reward)))) / (1 - float(mdp.discount))


def absolute_tolerance(mdp: RobustMDP, tol: Number) -> float:
    """A relative tolerance in the unit of the values, never below their rounding."""
    rounding = 4 * float(np.finfo(mdp.reward.dtype).eps) * value_bound(mdp)
    return max(float(tol) * value_scale(mdp), rounding)
