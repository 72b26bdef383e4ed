"""Newton's method for robust Bellman equations, safeguarded, to a certified error.

Let F be T, T^pi or the soft operator. At V, nature's answer kappa and the (soft-)greedy policy pi
give the slope of F, so that the Newton point is V + (I - discount K)^-1 (F V - V), K = sum_a pi kappa:
robust policy iteration. It needs 5 to 10 steps where value iteration needs log(1/tol)/(1 - discount)
sweeps. Unsafeguarded it can cycle (arXiv 2508.06661), so a Newton point is accepted only if its
residual is at most discount times the current one, which a plain sweep guarantees.

The error of the answer never rests on the iteration: for any V

    V + min(F V - V) / (1 - discount) <= fixed point <= V + max(F V - V) / (1 - discount).

The correction solves for F V - V, not for V: an inexact linear solve costs steps, never digits.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax
from jaxtyping import Bool, Float, Int

from rmfg.core.precision import Array
from rmfg.model.kernel import DenseKernel, Kernel
from rmfg.operators.robust_mdp import RobustMDP, greedy, policy_average, soft_maximum, softmax

MAX_NEWTON = 60
MAX_SWEEPS = 200_000
# Up to this many states a dense factorization is as fast as a Krylov method and more robust.
DIRECT_UP_TO = 600
KRYLOV_TOLERANCE = 1e-9
KRYLOV_RESTART = 40


class Point(NamedTuple):
    """A value function beside its image, and who attains it."""

    value: Float[Array, " S"]
    image: Float[Array, " S"]
    policy: Float[Array, "S A"]
    kernel: Kernel

    def residual(self) -> Float[Array, ""]:
        return jnp.max(jnp.abs(self.image - self.value))


class Search(NamedTuple):
    """Where the search is: its best point, the value to try next, and how that came about."""

    point: Point
    trial: Float[Array, " S"]
    sweeping: Bool[Array, ""]
    stuck: Bool[Array, ""]
    steps: Int[Array, ""]
    sweeps: Int[Array, ""]


class FixedPoint(NamedTuple):
    """The answer: the last point, what it cost, and a bound of its error in the sup norm."""

    point: Point
    error: Float[Array, ""]
    steps: Int[Array, ""]


def solve_bellman(
    mdp: RobustMDP,
    start: Float[Array, " S"],
    tolerance: float | Array,
    policy: Float[Array, "S A"] | None = None,
    temperature: float | Array | None = None,
) -> FixedPoint:
    """Find the fixed point of T, of T^policy, or of the soft operator, to an error `tolerance`.

    Stops early only where rounding leaves no progress; `error` then says what was reached.
    """

    def evaluate(value: Array) -> Point:
        worst = mdp.worst(value)
        q = mdp.reward + mdp.discount * worst.value
        if policy is not None:
            return Point(value, policy_average(q, policy), policy, worst.kernel)
        if temperature is not None:
            soft = softmax(q, temperature)
            return Point(value, soft_maximum(q, temperature), soft, worst.kernel)
        return Point(value, jnp.max(q, axis=1), greedy(q), worst.kernel)

    goal = tolerance * (1 - mdp.discount)
    start = jnp.asarray(start, mdp.reward.dtype)

    def unfinished(search: Search) -> Array:
        # NaN ends the loop here, and is refuted by whoever checks the error.
        going = (search.point.residual() > goal) & ~search.stuck
        return going & (search.steps < MAX_NEWTON) & (search.sweeps < MAX_SWEEPS)

    def body(search: Search) -> Search:
        """Judge one trial; it stands here once, because it is most of what has to be compiled."""
        point, trial = search.point, evaluate(search.trial)
        residual, first = point.residual(), search.steps + search.sweeps == 0
        # A sweep shrinks the residual by the discount; if it does not, rounding is what is left.
        stuck = search.sweeping & ~(trial.residual() < residual)
        accepted = first | jnp.where(
            search.sweeping, ~stuck, trial.residual() <= mdp.discount * residual
        )
        point = jax.tree.map(lambda new, old: jnp.where(accepted, new, old), trial, point)
        following = jax.lax.cond(
            accepted,
            lambda point: point.value + correction(mdp.discount, point),
            lambda point: point.image,
            point,
        )
        newton = (~search.sweeping).astype(int)
        return Search(
            point, following, ~accepted, stuck, search.steps + newton, search.sweeps + 1 - newton
        )

    shapes = jax.eval_shape(evaluate, start)
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    nothing = nothing._replace(value=jnp.full_like(start, jnp.inf))
    no, none = jnp.array(False), jnp.array(0)
    search = jax.lax.while_loop(unfinished, body, Search(nothing, start, no, no, none, none))
    error = search.point.residual() / (1 - mdp.discount)
    return FixedPoint(search.point, error, search.steps + search.sweeps)


def correction(discount: Array, point: Point) -> Float[Array, " S"]:
    """(I - discount K)^-1 (image - value) for the chain K of the point's policy and kernel."""
    residual = point.image - point.value
    if isinstance(point.kernel, DenseKernel) or residual.size <= DIRECT_UP_TO:
        chain = point.kernel.matrix(point.policy)
        return jnp.linalg.solve(jnp.eye(residual.size) - discount * chain, residual)

    def apply(value: Array) -> Array:
        expected = jnp.sum(point.policy * point.kernel.expectation(value), axis=1)
        return value - discount * expected

    operator = lineax.FunctionLinearOperator(apply, jax.eval_shape(lambda: residual))
    solver = lineax.GMRES(KRYLOV_TOLERANCE, 0.0, max_steps=400, restart=KRYLOV_RESTART)
    found = lineax.linear_solve(operator, residual, solver, throw=False).value
    return jnp.where(jnp.isfinite(found), found, residual)


@eqx.filter_jit
def compiled_solve(
    mdp: RobustMDP,
    start: Array,
    tolerance: Array,
    policy: Array | None = None,
    temperature: Array | None = None,
) -> FixedPoint:
    """`solve_bellman`, compiled once per kind of game and set."""
    return solve_bellman(mdp, start, tolerance, policy, temperature)
