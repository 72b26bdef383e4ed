"""The smoothed equations linearized at a point, and their linear systems solved.

In small games the slope is one dense matrix, by forward differentiation in all directions.
Beyond, it is only applied (one directional derivative each), and GMRES solves with a preconditioner.
Where rows are sparse and so are their factors, as on grids and lines, that is the slope itself, up
to what many states share (see `rmfg.solvers.blocks`). Elsewhere it is

    P = [ discount * K - I             0               ]
        [ dF_m / dV     (1 - restart) * K^T - I        ]

the chain K of policy and kernel by two sparse factorizations, with the reaction of the population to
values by another directional derivative. What P leaves out is how rewards and kernel move with the
population. Where they do through few numbers, such as the flows on the links of a network, that is a
perturbation of low rank, and GMRES needs hardly more steps than there are such numbers.
"""

import abc
import contextlib
import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Float

from rmfg.core.deadline import check_time
from rmfg.core.precision import Array
from rmfg.model.leaking import kept
from rmfg.model.problem import Problem
from rmfg.solvers.blocks import blocks, has_blocks
from rmfg.solvers.smoothing import Play, Smoothing, residual

# Unknowns up to which one matrix is made. On 104 states (four rooms) the matrix takes 0.3 to 3 s and
# GMRES 0.05 to 0.6 s; without a preconditioner, for laws over pairs, GMRES is slower for long.
FACTORIZE_UP_TO = {"state": 120, "state-action": 1500}
KRYLOV = {"rtol": 1e-6, "atol": 0.0, "restart": 250, "maxiter": 2}


class Slope(abc.ABC):
    """The residual at a point, what is played there, and linear systems of the derivatives."""

    residual: Float[np.ndarray, " N"]
    play: Play

    @abc.abstractmethod
    def solve(
        self,
        right: Float[np.ndarray, " N"],
        border: Float[np.ndarray, " M"] | None = None,
        along: float = 0.0,
    ) -> Float[np.ndarray, " M"]:
        """Return the change of point and log temperature that changes the residual by `right`.

        Without a border the temperature stays; with one, border @ change = `along`.
        """


def linearize(problem: Problem, point: Float[Array, " N"], smoothing: Smoothing) -> Slope:
    """Evaluate the equations and their slope, as a matrix or as an operator.

    Where the equations are not finite there is no slope. Raises TimeIsUp.
    """
    check_time()
    if np.size(point) <= FACTORIZE_UP_TO[problem.game.mean_field]:
        found, slopes, play = _all_slopes(problem, point, smoothing)
        slopes = np.asarray(slopes)
        return DenseSlope(np.asarray(found), play, slopes[:, :-1], slopes[:, -1])
    found, play, directional = _linear_map(problem, point, smoothing)
    if not np.isfinite(found).all():
        size = np.size(point)
        return DenseSlope(
            np.asarray(found), play, np.full((size, 0), np.nan), np.full(size, np.nan)
        )
    still = np.zeros(np.size(point))
    warming = np.asarray(_applied(directional, still, np.ones(())))

    def apply(change: np.ndarray) -> np.ndarray:
        check_time()
        return np.asarray(_applied(directional, change, np.zeros(())))

    nearly = _preconditioner(problem, np.asarray(point), smoothing, play, apply)
    return KrylovSlope(np.asarray(found), play, apply, nearly, warming)


@dataclasses.dataclass(frozen=True)
class DenseSlope(Slope):
    """The slope as one matrix."""

    residual: Float[np.ndarray, " N"]
    play: Play
    matrix: Float[np.ndarray, "N N"]
    warming: Float[np.ndarray, " N"]

    def solve(
        self,
        right: Float[np.ndarray, " N"],
        border: Float[np.ndarray, " M"] | None = None,
        along: float = 0.0,
    ) -> Float[np.ndarray, " M"]:
        if border is None:
            return np.append(np.linalg.solve(self.matrix, right), 0.0)
        # The bordered matrix is regular also where the path turns around.
        matrix = np.block([[self.matrix, self.warming[:, None]], [border[None]]])
        return np.linalg.solve(matrix, np.append(right, along))


@dataclasses.dataclass(frozen=True)
class KrylovSlope(Slope):
    """The slope as an operator, with a preconditioner."""

    residual: Float[np.ndarray, " N"]
    play: Play
    apply: Callable[[np.ndarray], np.ndarray]
    precondition: Callable[[np.ndarray], np.ndarray]
    warming: Float[np.ndarray, " N"]

    def solve(
        self,
        right: Float[np.ndarray, " N"],
        border: Float[np.ndarray, " M"] | None = None,
        along: float = 0.0,
    ) -> Float[np.ndarray, " M"]:
        change = self._solved(right)
        if border is None:
            return np.append(change, 0.0)
        warming = self._solved(self.warming)
        warmer = (along - border[:-1] @ change) / (border[-1] - border[:-1] @ warming)
        return np.append(change - warmer * warming, warmer)

    def _solved(self, right: np.ndarray) -> np.ndarray:
        if not right.any():
            return right
        operator, nearly = (_operator(f, right.size) for f in (self.apply, self.precondition))
        # An inexact solution costs Newton steps, never digits: the residual is what is driven to zero.
        return scipy.sparse.linalg.gmres(operator, right, M=nearly, **KRYLOV)[0]


def _operator(
    apply: Callable[[np.ndarray], np.ndarray], size: int
) -> scipy.sparse.linalg.LinearOperator:
    shape, dtype = (size, size), np.float64
    make = scipy.sparse.linalg.LinearOperator
    return make(shape, matvec=apply, dtype=dtype)  # pyright: ignore[reportCallIssue]


def _preconditioner(
    problem: Problem,
    point: Float[np.ndarray, " N"],
    smoothing: Smoothing,
    play: Play,
    apply: Callable[[np.ndarray], np.ndarray],
) -> Callable[[np.ndarray], np.ndarray]:
    """Solve with the slope's own blocks, or with P of the module's docstring."""
    game, size = problem.game, problem.game.num_states
    if game.mean_field != "state":
        return lambda right: -right
    if has_blocks(problem, point, play):
        with contextlib.suppress(RuntimeError):  # SciPy's word for singular
            return scipy.sparse.linalg.splu(blocks(problem, point, smoothing, play)).solve
    policy, stays = np.asarray(play.policy), kept(play.kernel)
    nature = stays.chain(policy)
    mover = problem.mover(game.kernel(point[size:]), stays).chain(policy)
    identity = scipy.sparse.eye_array(size)
    stay = 1 - float(smoothing.restart)
    values = scipy.sparse.linalg.splu((float(game.discount) * nature - identity).tocsc())
    masses = scipy.sparse.linalg.splu((stay * mover.T - identity).tocsc())

    def precondition(right: np.ndarray) -> np.ndarray:
        value = values.solve(right[:size])
        reaction = apply(np.concatenate([value, np.zeros(size)]))[size:]
        return np.concatenate([value, masses.solve(right[size:] - reaction)])

    return precondition


# Compiling is what takes time here, and code that is not optimized is compiled in half of it: on 21
# states 3.3 s in place of 6.5 s, against 3.6 ms in place of 1.4 ms for each of some 80 calls.
@eqx.filter_jit(compiler_options={"xla_backend_optimization_level": 0})  # pyright: ignore[reportCallIssue]
def _all_slopes(problem: Problem, point: Array, smoothing: Smoothing) -> tuple[Array, Array, Play]:
    def equations(joint: Array) -> tuple[Array, tuple[Array, Play]]:
        found, play = residual(problem, joint[:-1], smoothing._replace(log_temperature=joint[-1]))
        return found, (found, play)

    joint = jnp.append(point, smoothing.log_temperature)
    slopes, (found, play) = jax.jacfwd(equations, has_aux=True)(joint)
    return found, slopes, play


@eqx.filter_jit
def _linear_map(
    problem: Problem, point: Array, smoothing: Smoothing
) -> tuple[Array, Play, Callable[..., Array]]:
    """The residual and its derivative as a linear map; searches inside are done here, once."""

    def equations(point: Array, log_temperature: Array) -> tuple[Array, Play]:
        return residual(problem, point, smoothing._replace(log_temperature=log_temperature))

    given = (jnp.asarray(point), jnp.asarray(smoothing.log_temperature))
    found, directional, play = jax.linearize(equations, *given, has_aux=True)
    return found, play, eqx.filter_closure_convert(directional, *given)


@eqx.filter_jit
def _applied(directional: Callable[..., Array], change: Array, warmer: Array) -> Array:
    return directional(jnp.asarray(change), jnp.asarray(warmer))
