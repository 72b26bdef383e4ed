"""Newton's method for the smoothed equations, at a temperature or across a path of temperatures.

With a `border` (a row of N + 1 numbers) the logarithm of the temperature is one more unknown, and
the step is kept orthogonal to the border: the corrector of pseudo-arclength continuation, which
does not mind where the path turns around (Allgower & Georg 2003). Laws stay in the simplex, and no
mass shrinks to less than a hundredth in a step. Stops on the equations: at the tolerance, or where
rounding leaves no progress below `ROUNDING`. Runs on the host around one compiled function.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.problem import Problem
from rmfg.solvers.slope import Slope, linearize
from rmfg.solvers.smoothing import Smoothing

# A residual of the equations, in units, that is small enough where no smaller one can be had.
ROUNDING = 3e-10
# Newton's method that does not halve the residual after its first steps is not converging.
FREE_STEPS = 3
HOPELESS = 1e3
LONGEST_STRETCH = 10.0
SHRINKAGE = 1e-2
# A step is made shorter by at most a thousand where the game is not finite at its end.
HALVINGS = 10
SWEEPS = 100


class Corrected(NamedTuple):
    """A point that solves the smoothed equations, with their slope there."""

    point: Float[np.ndarray, " N"]
    smoothing: Smoothing
    slope: Slope
    steps: int


def correct(
    problem: Problem,
    point: Float[Array, " N"],
    smoothing: Smoothing,
    tolerance: float,
    max_steps: int,
    border: Float[np.ndarray, " M"] | None = None,
    known: Sequence[Float[np.ndarray, " N"]] = (),
) -> Corrected | None:
    """Return the solution that Newton's method finds from the point, or None where it finds none.

    Solutions that are `known` are deflated: the residual is multiplied by 1 + 1 / distance^2 to each,
    which leaves Newton's direction alone and changes its length (Farrell, Birkisson & Funke 2015).
    """
    point, before = np.asarray(point), np.inf
    last: tuple[np.ndarray, Smoothing] | None = None
    for step in range(max_steps):
        slope, point, smoothing = finite_slope(problem, last, point, smoothing)
        last = point, smoothing
        size = float(np.max(np.abs(slope.residual)))
        stuck = size > 0.3 * before
        if size <= tolerance or (size <= ROUNDING and stuck):
            return Corrected(point, smoothing, slope, step)
        hopeless = step >= FREE_STEPS and size > 0.5 * before and not known
        if not size <= HOPELESS or hopeless:
            return None
        try:
            change = slope.solve(-slope.residual, border)
        except (np.linalg.LinAlgError, RuntimeError):  # SciPy's word for singular
            return None
        if not np.isfinite(change).all():
            return None
        change = change * _deflated_length(point, change[:-1], known)
        point, before = moved(problem, point, change[:-1]), size
        warmer = np.asarray(smoothing.log_temperature) + change[-1]
        smoothing = smoothing._replace(log_temperature=warmer)
    return None


def finite_slope(
    problem: Problem,
    last: tuple[Float[np.ndarray, " N"], Smoothing] | None,
    point: Float[np.ndarray, " N"],
    smoothing: Smoothing,
) -> tuple[Slope, Float[np.ndarray, " N"], Smoothing]:
    """The slope at a point, or at one nearer to the last one where the game is not finite there."""
    slope = linearize(problem, point, smoothing)
    if last is None:
        return slope, point, smoothing
    before, center = last
    for _ in range(HALVINGS):
        if np.isfinite(slope.residual).all():
            break
        point = 0.5 * (before + point)
        heat = 0.5 * (np.asarray(center.log_temperature) + np.asarray(smoothing.log_temperature))
        smoothing = smoothing._replace(log_temperature=heat)
        slope = linearize(problem, point, smoothing)
    return slope, point, smoothing


def _deflated_length(
    point: Float[np.ndarray, " N"],
    change: Float[np.ndarray, " N"],
    known: Sequence[Float[np.ndarray, " N"]],
) -> float:
    """The factor by which deflation stretches a Newton step."""
    growth = 0.0
    for solution in known:
        away = point - solution
        square = max(float(away @ away), np.finfo(np.float64).tiny)
        growth -= 2 * float(away @ change) / (square * (1 + square))
    length = 1 / (1 - growth) if growth != 1 else 1.0
    return float(np.clip(length, -LONGEST_STRETCH, LONGEST_STRETCH))


def moved(
    problem: Problem, point: Float[np.ndarray, " N"], change: Float[np.ndarray, " N"]
) -> Float[np.ndarray, " N"]:
    """The point after a change, its mean field kept in the simplex.

    No mass falls below `SHRINKAGE` times what it was: rewards such as the logarithm of a mass are far
    from linear near zero, and a mass of zero would never come back.
    """
    size = problem.game.num_states
    mass = np.maximum(point[size:] + change[size:], SHRINKAGE * point[size:])
    return np.concatenate([point[:size] + change[:size], mass / mass.sum()])


def relaxed(
    problem: Problem, point: Float[np.ndarray, " N"], smoothing: Smoothing
) -> Float[np.ndarray, " N"]:
    """Return the point after damped Picard sweeps on the smoothed equations."""
    slope = linearize(problem, point, smoothing)
    for _ in range(SWEEPS):
        if not np.isfinite(slope.residual).all():
            break
        ahead = moved(problem, point, 0.5 * slope.residual)
        slope, point, _ = finite_slope(problem, (point, smoothing), ahead, smoothing)
    return point
