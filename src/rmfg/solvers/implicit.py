r"""Equilibria as differentiable functions of what the game is made of.

At a regular equilibrium the smoothed equations F(x; theta) = 0, centered at the equilibrium itself,
have a nonsingular slope J, and x - J^-1 F(x; theta) with x and J held constant has the value x and
the derivative -J^-1 dF/dtheta of the implicit function theorem. The center resists a change in
proportion to the temperature T; two temperatures T and T / 2 extrapolate that away, up to T^2.

@book{dontchev2014, title={Implicit Functions and Solution Mappings}, author={Dontchev, Asen L. and
  Rockafellar, R. Tyrrell}, publisher={Springer}, year={2014}}
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.core.precision import Array
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.ambiguity.given import checked_ambiguity
from rmfg.model.game import MeanFieldGame, checked_game
from rmfg.model.problem import Problem
from rmfg.solvers.smoothing import Center, Smoothing, residual

# In units of the range of values: errors are about its square, and rounding over it.
TEMPERATURE = 1e-5
# e^-60 is nothing, and an action that is not played stays unplayed.
LOWEST_LOG = -60.0


class Implicit(NamedTuple):
    """An equilibrium whose numbers carry derivatives."""

    value: Float[Array, " S"]
    distribution: Float[Array, " S"]
    policy: Float[Array, "S A"]


def implicit(game: MeanFieldGame, ambiguity: Ambiguity, equilibrium: Equilibrium) -> Implicit:
    """Return a solved equilibrium as a function of the game and the ambiguity set it belongs to.

    For use inside of `jax.grad`, `jax.jvp` and the like, under `jax.enable_x64`: build game and set
    from traced parameters, at whose values `equilibrium` was solved. The numbers returned are the
    equilibrium's; their derivatives are those of the equilibrium, by the implicit function theorem.
    They exist where the equilibrium is regular: the same actions and the same laws of nature stay
    in use nearby.

        def mean_value(radius):
            point = rmfg.implicit(game, rmfg.TotalVariation(radius), equilibrium)
            return point.value @ point.distribution

    Raises ValueError where the sizes of game and equilibrium differ.
    """
    checked_game(game)
    checked_ambiguity(ambiguity)
    what = "an answer of `rmfg.solve`, solved at the values of the parameters"
    inputs.instance("equilibrium", equilibrium, Equilibrium, what)
    sizes = (game.num_states, game.num_actions)
    if sizes != np.shape(equilibrium.policy):
        raise ValueError(
            f"`equilibrium` has (states, actions) = {np.shape(equilibrium.policy)}, but the game has "
            f"{sizes}. Solve this game first."
        )
    problem = Problem(game, ambiguity, equilibrium.population)
    point = _differentiable(problem, *_held(equilibrium))
    size = game.num_states
    # Mass is conserved: what rounding leaves of its derivative is taken out.
    field = (point.mean_field / jnp.sum(point.mean_field)).reshape(game.mean_field_shape)
    distribution = field if field.ndim == 1 else field.sum(axis=1)
    return Implicit(
        _held_at(equilibrium.value, point.value[:size]),
        _held_at(equilibrium.distribution, distribution),
        _held_at(equilibrium.policy, point.policy),
    )


def _held_at(number: Array, carrier: Array) -> Array:
    """The number with the derivatives of what is nearly equal to it."""
    return jnp.asarray(number) + (carrier - jax.lax.stop_gradient(carrier))


class _Point(NamedTuple):
    value: Float[Array, " S"]
    mean_field: Float[Array, " M"]
    policy: Float[Array, "S A"]


def _held(equilibrium: Equilibrium) -> tuple[Array, Smoothing]:
    """The point, and the smoothing of which it is the solution."""
    policy, distribution = np.asarray(equilibrium.policy), np.asarray(equilibrium.distribution)
    logarithms = np.log(np.maximum(policy, np.exp(LOWEST_LOG)))
    potential = equilibrium.potential
    potential = np.zeros(distribution.size) if potential is None else np.asarray(potential)
    unit = np.array(equilibrium.certificate.scale)
    center = Center(
        logarithms, potential, distribution, np.ones_like(policy), np.zeros_like(policy)
    )
    smoothing = Smoothing(center, np.log(np.array(TEMPERATURE)), np.array(TEMPERATURE), unit)
    field = np.asarray(equilibrium.mean_field).ravel()
    return np.concatenate([np.asarray(equilibrium.value) / unit, field]), smoothing


@eqx.filter_jit
def _differentiable(problem: Problem, point: Array, smoothing: Smoothing) -> _Point:
    coarse = _one_step(problem, point, smoothing)
    half = smoothing._replace(
        log_temperature=smoothing.log_temperature - np.log(2.0), restart=smoothing.restart / 2
    )
    fine = _one_step(problem, point, half)
    size = problem.game.num_states

    def extrapolated(fine: Array, coarse: Array) -> Array:
        # Both have the same value: only their derivatives differ.
        return 2 * fine - coarse

    x, policy = jax.tree.map(extrapolated, fine, coarse)
    return _Point(x[:size] * smoothing.unit, x[size:], policy)


def _one_step(problem: Problem, point: Array, smoothing: Smoothing) -> tuple[Array, Array]:
    """The point and its policy with the derivatives that one Newton step carries."""
    fixed = jax.tree.map(
        lambda leaf: jax.lax.stop_gradient(leaf) if eqx.is_inexact_array(leaf) else leaf, problem
    )

    # What the answer's own potential leads to: a center that curved sets need in full.
    # Functions may close over the parameters, where `fixed` cannot hold them: it is done here.
    play = jax.lax.stop_gradient(residual(fixed, point, smoothing)[1])
    near = smoothing.center._replace(
        potential=play.potential, weight=play.weight, offset=play.offset
    )
    smoothing = smoothing._replace(center=near)

    def equations(x: Array) -> Array:
        return residual(fixed, x, smoothing)[0]

    slope = jax.lax.stop_gradient(jax.jacfwd(equations)(point))
    found = residual(problem, point, smoothing)[0]
    moved = point - jnp.linalg.solve(slope, found - jax.lax.stop_gradient(found))
    policy = residual(problem, moved, smoothing)[1].policy
    return moved, policy
