"""How fast a game moves with its mean field: constants of reward and kernel, proved where they can be.

Norms are L1 on laws and the largest entry on rewards. Two laws differ by a vector of sum zero, which
is a mixture of differences of point masses; so an affine function moves by at most half the largest
difference between its values at two point masses, and there is no smaller constant. Whether a
function is constant or affine is read off its trace (`rmfg.core.dependence`). What is neither is
believed to a game that declares it (`rmfg.Lipschitz`), and otherwise estimated: the same number for the
derivative, at sampled laws, or the steepest difference between them.
"""

import dataclasses
import math
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

# Above so many numbers, derivatives are replaced by differences, and pairs of rows are not compared.
MOST_NUMBERS = 20_000_000
MOST_OPERATIONS = 1_000_000_000


@dataclasses.dataclass(frozen=True)
class Constant:
    """A number on which a guarantee rests: proved, or estimated from samples, and why."""

    value: float
    proved: bool
    reason: str

    def __str__(self) -> str:
        how = "proved" if self.proved else "estimated"
        return f"{self.value:.6g} ({'no bound' if math.isinf(self.value) else how}: {self.reason})"


class Steepness(NamedTuple):
    """What is known of a game's dependence on its mean field.

    `lowest` and `highest` bound the reward over all mean fields, `spread` is the largest difference
    of two rewards at one mean field; they are proved where `reward` is. `mixing` is the largest
    Dobrushin coefficient of the nominal kernel: how far apart two of its rows are, at most.
    """

    reward: Constant
    kernel: Constant
    mixing: Constant
    smallest: float
    lowest: Float[np.ndarray, "S A"]
    highest: Float[np.ndarray, "S A"]
    spread: float


def steepness_of(game: MeanFieldGame, laws: Float[np.ndarray, "N ..."]) -> Steepness:
    """Measure a game; the laws are used only where nothing can be proved."""
    uniform = uniform_mean_field(game)
    declared = game.lipschitz or Lipschitz()
    # No law is farther from the uniform one than a point mass.
    reach = 2 * (1 - float(uniform[uniform > 0].min()))

    reward, rewards = _constant("reward", game, game.reward, declared.reward, laws)
    middle = np.asarray(game.reward(uniform))
    if rewards is None:
        room = reward.value * reach
        bounds = middle - room, middle + room, float(np.ptp(middle)) + 2 * room
    else:
        spread = float(np.ptp(rewards.reshape(len(rewards), -1), axis=1).max())
        bounds = rewards.min(axis=0), rewards.max(axis=0), spread

    def law(mean_field: Array) -> Array:
        return game.kernel(mean_field).law

    def dense(mean_field: Array) -> Array:
        return as_dense(game.kernel(mean_field)).law

    # Slots that move with the mean field cannot be compared one by one.
    *slots, _ = dependence(game.kernel, jnp.asarray(uniform))
    rows = dense if any(slots) else law
    kernel, kernels = _constant("kernel", game, rows, declared.kernel, laws)
    mixing = _mixing(game, kernel, kernels, laws, reach)
    smallest = declared.smallest or 0.0
    if kernel.value == 0 and kernel.proved:
        positive = np.asarray(game.kernel(uniform).law)
        smallest = float(positive[positive > 0].min())
    return Steepness(reward, kernel, mixing, smallest, *bounds)


def _constant(
    name: str,
    game: MeanFieldGame,
    function: Callable[[Any], Array],
    declared: float | None,
    laws: Float[np.ndarray, "N ..."],
) -> tuple[Constant, np.ndarray | None]:
    """The constant, and the values at all point masses if they say everything."""
    uniform = uniform_mean_field(game)
    kind = max(dependence(function, jnp.asarray(uniform)))
    size = int(np.prod(np.shape(function(uniform)))) * uniform.size
    if kind == Dependence.NONE:
        reason = f"the {name} does not depend on the mean field"
        return Constant(0.0, True, reason), np.asarray(function(uniform))[None]
    if kind == Dependence.AFFINE and size <= MOST_NUMBERS:
        points = np.eye(uniform.size).reshape(-1, *uniform.shape)
        values = np.asarray(jax.jit(jax.vmap(function))(jnp.asarray(points)))
        return Constant(_widest(name, values), True, f"the {name} is affine"), values
    if declared is not None:
        return Constant(float(declared), True, "declared by the game"), None
    # Slopes see what is steep between two laws, differences see what jumps.
    values = [np.asarray(function(law)) for law in laws]
    found = [
        _distance(name, value - values[0]) / np.abs(law - laws[0]).sum()
        for law, value in zip(laws[1:], values[1:], strict=True)
    ]
    if size <= MOST_NUMBERS:
        slope = jax.jit(jax.jacfwd(function))
        found += [_widest(name, _columns(slope(jnp.asarray(law)), uniform.ndim)) for law in laws]
    return Constant(float(np.max(found)), False, f"the game at {len(laws)} laws"), None


def _columns(jacobian: Array, axes: int) -> Float[np.ndarray, "N ..."]:
    """The derivatives in the direction of each point mass, one after the other."""
    array = np.asarray(jacobian)
    return np.moveaxis(array.reshape(*array.shape[:-axes], -1), -1, 0)


def _widest(name: str, values: Float[np.ndarray, "N ..."]) -> float:
    """Half the largest distance between two of the values."""
    if name == "reward":
        return float(np.ptp(values, axis=0).max()) / 2
    if len(values) * values.size > MOST_OPERATIONS:
        return _distance(name, np.ptp(values, axis=0)) / 2  # never less
    return max(_distance(name, values - value) for value in values) / 2


def _distance(name: str, change: Float[np.ndarray, "..."]) -> float:
    """The size of a change: the largest entry of a reward, the largest L1 norm of a kernel's rows."""
    absolute = np.abs(change)
    return float((absolute if name == "reward" else absolute.sum(axis=-3)).max())


def _mixing(
    game: MeanFieldGame,
    kernel: Constant,
    kernels: np.ndarray | None,
    laws: Float[np.ndarray, "N ..."],
    reach: float,
) -> Constant:
    """The largest Dobrushin coefficient of the nominal kernel over all mean fields."""
    uniform = uniform_mean_field(game)
    middle = dobrushin(game.kernel(uniform))
    if kernels is not None and len(kernels) == 1:
        return Constant(middle, True, "one kernel at all mean fields")
    if kernels is not None and kernels.size * kernels[0].size <= MOST_OPERATIONS:
        # Affine kernels are mixtures of those at point masses, and distances of rows are convex.
        points = np.eye(uniform.size).reshape(-1, *uniform.shape)
        found = float(np.max([dobrushin(game.kernel(point)) for point in points]))
        return Constant(found, True, "the largest at a point mass of an affine kernel")
    # Each of the two rows moves by at most half of constant times distance in total variation.
    bound = middle + kernel.value * reach
    if bound < 1:
        return Constant(
            bound, kernel.proved, "the one at the uniform law, and the kernel's constant"
        )
    found = float(np.max([dobrushin(game.kernel(law)) for law in laws]))
    return Constant(found, found >= 1, f"the largest at {len(laws)} laws")
