"""The constants of the bound on epsilon_N: proved where they can be, else estimated at sampled laws."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core.dependence import Dependence, dependence
from rmfg.core.precision import Array
from rmfg.model.dobrushin import farthest
from rmfg.model.problem import Problem
from rmfg.operators.robust_mdp import RobustMDP
from rmfg.population.dynamics import Dynamics, dynamics
from rmfg.population.setting import Setting
from rmfg.rates.constant import Constant
from rmfg.rates.game_constants import GameConstants, game_constants

# How many laws to draw beside that of the equilibrium.
NUM_SAMPLES = 32


class BoundConstants(NamedTuple):
    """Lipschitz constants in the L1 norm of the law over states.

    Of the reward, of nature's support function at the equilibrium's values, and of the map by which an
    infinite population moves.
    """

    reward: Constant
    support: Constant
    movement: Constant


def bound_constants(given: Setting, equilibrium: Equilibrium, seed: int) -> BoundConstants:
    """Return the constants around an equilibrium, whose population `given` is."""
    game = given.game
    distributions = _sampled(given.distribution, seed)
    mean_fields = np.stack([game.mean_field_of(each, given.policy) for each in distributions])
    with jax.enable_x64(True):
        constants = game_constants(game, mean_fields)
        support = _support(given.problem, constants, equilibrium, mean_fields)
        movement = _movement(dynamics(given), distributions)
    return BoundConstants(constants.reward, support, movement)


def _support(
    problem: Problem,
    constants: GameConstants,
    equilibrium: Equilibrium,
    mean_fields: Float[np.ndarray, "N ..."],
) -> Constant:
    """The constant of nature's support function at the values on which the bound rests.

    Those are the policy's values and the best ones, which are higher by at most the exploitability.
    """
    value = np.asarray(equilibrium.value)
    kernel, ambiguity = constants.kernel, problem.ambiguity
    if kernel.value == 0 and kernel.proved and ambiguity.frozen:
        return Constant(0.0, True, "neither kernel nor set depend on the mean field")
    spread = float(np.ptp(value)) + float(equilibrium.certificate.exploitability)
    factor = ambiguity.support_lipschitz(spread, constants.smallest) if ambiguity.frozen else None
    if factor is not None:
        found = factor * kernel.value * spread / 2
        return Constant(found, kernel.proved, "from the kernel and the spread of values")

    def support(mean_field: Array) -> Array:
        return RobustMDP.at(problem.game, ambiguity, mean_field).worst(jnp.asarray(value)).value

    # Half the largest difference between two columns, since laws differ by vectors of sum zero.
    slopes = jax.vmap(jax.jacfwd(support))(jnp.asarray(mean_fields))
    flat = np.asarray(slopes).reshape(len(mean_fields), slopes.shape[1] * slopes.shape[2], -1)
    found = float(np.ptp(flat, axis=-1).max()) / 2
    return Constant(found, False, f"slopes at {len(mean_fields)} laws")


def _movement(moving: Dynamics, distributions: Float[np.ndarray, "N S"]) -> Constant:
    """The constant of the map by which an infinite population moves."""
    levels = dependence(moving.chain, jnp.asarray(distributions[0]))
    if all(level == Dependence.NONE for level in levels):
        found = farthest(np.asarray(moving.chain(jnp.asarray(distributions[0]))))
        reason = "the chain does not depend on the law: its Dobrushin coefficient"
        return Constant(found, True, reason)
    slopes = np.asarray(jax.vmap(jax.jacfwd(moving.pushed))(jnp.asarray(distributions)))
    # Column s of a derivative says where a little mass in state s goes.
    found = max(_half_column_diameter(slope) for slope in slopes)
    return Constant(found, False, f"slopes at {len(distributions)} laws")


def _half_column_diameter(slope: Float[np.ndarray, "S S"]) -> float:
    """Half the largest L1 distance between two columns."""
    columns = slope.T
    return max(float(np.abs(columns - column).sum(axis=1).max()) for column in columns) / 2


def _sampled(center: Float[np.ndarray, " S"], seed: int) -> Float[np.ndarray, "N S"]:
    """The equilibrium's law, and laws drawn around it, most of them close."""
    random = np.random.default_rng(seed)
    anywhere = random.dirichlet(np.ones(len(center)), NUM_SAMPLES)
    shares = random.uniform(size=(NUM_SAMPLES, 1)) ** 3
    return np.concatenate([center[None], center + shares * (anywhere - center)])
