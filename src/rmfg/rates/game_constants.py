"""How fast a game moves with its mean field: constants of reward and kernel, proved where they can be.

Changes of the mean field are measured in L1, changes of the reward by its largest entry, changes of
the kernel by the largest L1 norm of a row. Two mean fields differ by a vector of sum zero, which is a
mixture of differences of point masses. Therefore an affine function moves by at most half the
largest difference between its values at two point masses, and no smaller constant is true.

Whether a function is constant or affine is read off its trace (`rmfg.core.dependence`). For any
other function the constant that the game declares (`rmfg.Lipschitz`) is believed. Without one it is
estimated at sampled mean fields: half the largest difference between two columns of the derivative, or
the steepest quotient between two of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.dependence import Dependence, dependence
from rmfg.core.precision import Array
from rmfg.model.dobrushin import dobrushin
from rmfg.model.game import Lipschitz, MeanFieldGame, uniform_mean_field
from rmfg.model.kernel import as_dense
from rmfg.rates.constant import Constant

# A table with more numbers does not fit into memory: quotients take the place of derivatives.
MOST_NUMBERS = 20_000_000
# Comparing all pairs of rows takes seconds up to here; beyond, a coarser bound is used.
MOST_OPERATIONS = 1_000_000_000


class GameConstants(NamedTuple):
    """What is known of how a game depends on its mean field.

    `reward` and `kernel` are Lipschitz constants, `dobrushin` bounds the Dobrushin coefficient of the
    nominal kernel at all mean fields, and `smallest` is a lower bound of its positive probabilities,
    zero where none is known. `lowest_reward` and `highest_reward` bound each entry of the reward at
    all mean fields, and `reward_spread` is the largest difference of two rewards at one mean field;
    these three are proved where `reward` is.
    """

    reward: Constant
    kernel: Constant
    dobrushin: Constant
    smallest: float
    lowest_reward: Float[np.ndarray, "S A"]
    highest_reward: Float[np.ndarray, "S A"]
    reward_spread: float


def game_constants(game: MeanFieldGame, mean_fields: Float[np.ndarray, "N ..."]) -> GameConstants:
    """Return the constants of a game; the mean fields are used only where nothing can be proved."""
    uniform = uniform_mean_field(game)
    declared = game.lipschitz or Lipschitz()
    # No mean field is farther from the uniform one than a point mass.
    radius = 2 * (1 - float(uniform[uniform > 0].min()))

    reward, rewards = _lipschitz("reward", game, game.reward, declared.reward, mean_fields)
    center = np.asarray(game.reward(uniform))
    if rewards is None:
        moved = reward.value * radius
        bounds = center - moved, center + moved, float(np.ptp(center)) + 2 * moved
    else:
        spread = float(np.ptp(rewards.reshape(len(rewards), -1), axis=1).max())
        bounds = rewards.min(axis=0), rewards.max(axis=0), spread

    def rows(mean_field: Array) -> Array:
        return game.kernel(mean_field).law

    def dense_rows(mean_field: Array) -> Array:
        return as_dense(game.kernel(mean_field)).law

    # Rows whose successors move with the mean field cannot be compared slot by slot.
    *slots, _ = dependence(game.kernel, jnp.asarray(uniform))
    compared = dense_rows if any(slots) else rows
    kernel, kernels = _lipschitz("kernel", game, compared, declared.kernel, mean_fields)
    coefficient = _dobrushin(game, kernel, kernels, mean_fields, radius)
    smallest = declared.smallest or 0.0
    if kernel.value == 0 and kernel.proved:
        probabilities = np.asarray(game.kernel(uniform).law)
        smallest = float(probabilities[probabilities > 0].min())
    return GameConstants(reward, kernel, coefficient, smallest, *bounds)


def _lipschitz(
    name: str,
    game: MeanFieldGame,
    function: Callable[[Any], Array],
    declared: float | None,
    mean_fields: Float[np.ndarray, "N ..."],
) -> tuple[Constant, np.ndarray | None]:
    """A function's constant, and its values at all point masses if it is constant or affine."""
    uniform = uniform_mean_field(game)
    kind = max(dependence(function, jnp.asarray(uniform)))
    size = int(np.prod(np.shape(function(uniform)))) * uniform.size
    if kind == Dependence.NONE:
        reason = f"the {name} does not depend on the mean field"
        return Constant(0.0, True, reason), np.asarray(function(uniform))[None]
    if kind == Dependence.AFFINE and size <= MOST_NUMBERS:
        points = np.eye(uniform.size).reshape(-1, *uniform.shape)
        values = np.asarray(jax.jit(jax.vmap(function))(jnp.asarray(points)))
        return Constant(_half_diameter(name, values), True, f"the {name} is affine"), values
    if declared is not None:
        return Constant(float(declared), True, "declared by the game"), None
    # Derivatives see what is steep between two mean fields, quotients see what jumps.
    values = [np.asarray(function(mean_field)) for mean_field in mean_fields]
    found = [
        _distance(name, value - values[0]) / np.abs(mean_field - mean_fields[0]).sum()
        for mean_field, value in zip(mean_fields[1:], values[1:], strict=True)
    ]
    if size <= MOST_NUMBERS:
        derivative = jax.jit(jax.jacfwd(function))
        found += [
            _half_diameter(name, _columns(derivative(jnp.asarray(mean_field)), uniform.ndim))
            for mean_field in mean_fields
        ]
    return Constant(float(np.max(found)), False, f"the game at {len(mean_fields)} laws"), None


def _columns(jacobian: Array, axes: int) -> Float[np.ndarray, "N ..."]:
    """The derivatives in the direction of each point mass, one after the other."""
    array = np.asarray(jacobian)
    return np.moveaxis(array.reshape(*array.shape[:-axes], -1), -1, 0)


def _half_diameter(name: str, values: Float[np.ndarray, "N ..."]) -> float:
    """Half the largest distance between two of the values; larger where there are too many pairs."""
    if name == "reward":
        return float(np.ptp(values, axis=0).max()) / 2
    if len(values) * values.size > MOST_OPERATIONS:
        return _distance(name, np.ptp(values, axis=0)) / 2  # never less
    return max(_distance(name, values - value) for value in values) / 2


def _distance(name: str, change: Float[np.ndarray, "..."]) -> float:
    """The size of a change: the largest entry of a reward, the largest L1 norm of a kernel's rows."""
    absolute = np.abs(change)
    return float((absolute if name == "reward" else absolute.sum(axis=-3)).max())


def _dobrushin(
    game: MeanFieldGame,
    kernel: Constant,
    kernels: np.ndarray | None,
    mean_fields: Float[np.ndarray, "N ..."],
    radius: float,
) -> Constant:
    """The largest Dobrushin coefficient of the nominal kernel over all mean fields."""
    uniform = uniform_mean_field(game)
    at_uniform = dobrushin(game.kernel(uniform))
    if kernels is not None and len(kernels) == 1:
        return Constant(at_uniform, True, "one kernel at all mean fields")
    if kernels is not None and kernels.size * kernels[0].size <= MOST_OPERATIONS:
        # Affine kernels are mixtures of those at point masses, and distances of rows are convex.
        points = np.eye(uniform.size).reshape(-1, *uniform.shape)
        found = float(np.max([dobrushin(game.kernel(point)) for point in points]))
        return Constant(found, True, "the largest at a point mass of an affine kernel")
    # Each of the two rows moves by at most half of constant times distance in total variation.
    bound = at_uniform + kernel.value * radius
    if bound < 1:
        return Constant(
            bound, kernel.proved, "the one at the uniform law, and the kernel's constant"
        )
    found = float(np.max([dobrushin(game.kernel(mean_field)) for mean_field in mean_fields]))
    return Constant(found, found >= 1, f"the largest at {len(mean_fields)} laws")
