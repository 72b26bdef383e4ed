"""The path of smoothed equilibria from a hot start to a low temperature: continuation."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.game import uniform_policy
from rmfg.model.problem import Problem
from rmfg.solvers.base import distribution_of, respond
from rmfg.solvers.corrector import Corrected, correct, moved, relaxed
from rmfg.solvers.options import PathOptions
from rmfg.solvers.slope import linearize
from rmfg.solvers.smoothing import Center, Play, Smoothing, unit_of

# The share of the population that is born anew in every step.
RESTART = 1e-4


class Heading(NamedTuple):
    """Where the path goes from here: its unit tangent, the next step's length, steps so far."""

    tangent: Float[np.ndarray, " M"]
    length: float
    steps: int


class PathState(eqx.Module):
    """A solution of the smoothed equations on the path; without a heading the path has ended."""

    point: Float[Array, " N"]
    play: Play
    smoothing: Smoothing
    heading: Heading | None


def path_start(
    problem: Problem,
    guess: Float[Array, "..."],
    temperature: Array,
    restart: Array,
    options: PathOptions,
) -> PathState:
    """Return the beginning of the path at a guess of the mean field, or its end where there is none."""
    game = problem.game
    size = game.num_states
    distribution = np.asarray(distribution_of(jnp.asarray(guess)))
    unit = unit_of(problem, np.asarray(guess))
    center = Center.uniform(game, distribution)
    hot = np.log(max(options.hot, float(temperature)))
    smoothing = Smoothing(center, np.array(hot), np.asarray(restart), np.array(unit))
    level = np.asarray(game.reward(guess)).mean() / ((1 - float(game.discount)) * unit)
    point = np.concatenate([np.full(size, level), np.asarray(guess).ravel()])
    for _ in range(options.max_rescues):
        found = correct(problem, point, smoothing, options.tolerance, options.first_corrections)
        if found:
            down = np.zeros(point.size + 1)
            down[-1] = -1.0
            return _state(found, Heading(_tangent(found, down), options.first_length, 0))
        point = relaxed(problem, point, smoothing)
    return PathState(point, linearize(problem, point, smoothing).play, smoothing, None)


def path_step(
    problem: Problem, state: PathState, heading: Heading, end: float, options: PathOptions
) -> PathState:
    """One step along the path; its length follows how hard the correction was."""
    tangent, length, steps = heading
    here = float(state.smoothing.log_temperature)
    if tangent[-1] < 0:
        length = min(length, (end - here) / tangent[-1])
    point = moved(problem, np.asarray(state.point), length * tangent[:-1])
    there = state.smoothing._replace(log_temperature=np.array(here + length * tangent[-1]))
    found = correct(problem, point, there, options.tolerance, options.corrections, tangent)
    following = None if found is None else _tangent(found, tangent)
    ended = steps >= options.max_steps
    if found is None or following is None or following @ tangent < options.straight:
        shorter = Heading(tangent, length / 3, steps + 1)
        ended = ended or length / 3 < options.shortest
        return PathState(state.point, state.play, state.smoothing, None if ended else shorter)
    ended = ended or float(found.smoothing.log_temperature) <= end + 1e-9
    growth = 1.0
    if found.steps <= options.easy:
        growth = options.growth
    elif found.steps >= options.hard:
        growth = options.shrinkage
    onward = Heading(following, min(heading.length * growth, options.longest), steps + 1)
    return _state(found, None if ended else onward)


def starting_point(
    problem: Problem, distribution: Float[np.ndarray, " S"], temperature: float
) -> tuple[Float[np.ndarray, " N"], Smoothing, Play]:
    """A population with its soft response, uniform center, and what is played there."""
    game = problem.game
    size = game.num_states
    field = np.asarray(game.mean_field_of(distribution, uniform_policy(game)))
    unit = unit_of(problem, field)
    response = respond(
        problem, jnp.asarray(field), jnp.zeros(size), jnp.asarray(temperature * unit)
    )
    center = Center.uniform(game, distribution)
    log_temperature = np.log(np.array(temperature))
    smoothing = Smoothing(center, log_temperature, np.array(RESTART), np.array(unit))
    field = np.asarray(game.mean_field_of(distribution, np.asarray(response.policy)))
    value = np.asarray(response.value)
    point = np.concatenate([value / unit, field.ravel()])
    return point, smoothing, linearize(problem, point, smoothing).play


def _state(found: Corrected, heading: Heading | None) -> PathState:
    return PathState(found.point, found.slope.play, found.smoothing, heading)


def _tangent(found: Corrected, before: Float[np.ndarray, " M"]) -> Float[np.ndarray, " M"]:
    """The path's unit tangent, in the direction that it was followed before."""
    direction = found.slope.solve(np.zeros(before.size - 1), before, along=1.0)
    return direction / np.linalg.norm(direction)
