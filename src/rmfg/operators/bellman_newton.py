"""Newton's method for robust Bellman equations, safeguarded, to a certified error.

Let F be T, T^pi or the soft operator. At V, nature's answer kappa and the (soft-)greedy policy pi
give the slope of F, so that the Newton point is V + (I - discount K)^-1 (F V - V), K = sum_a pi kappa:
robust policy iteration. It needs 5 to 10 steps where value iteration needs log(1/tol)/(1 - discount)
sweeps. Where both sides react at once it can cycle (arXiv 2508.06661), so a watchdog gives it
`PATIENCE` steps to bring the residual below discount times the best one. After that T is solved by
policy iteration with exact evaluation, whose values only rise (Hoffman & Karp 1966), and the others
by sweeps: T^pi is concave, its Newton steps are monotone from any start, and hardly need them.

The error of the answer never rests on the iteration: for any V

    V + min(F V - V) / (1 - discount) <= fixed point <= V + max(F V - V) / (1 - discount).

The correction solves for F V - V, not for V: an inexact linear solve costs steps, never digits.
The loop runs on the host; nature's answer, nearly all of the work, is one compiled function, the
same for best responses, evaluations and certificates.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax
import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Float

from rmfg.core.deadline import time_is_up
from rmfg.core.meter import report
from rmfg.core.precision import Array
from rmfg.model.kernel import DenseKernel, Kernel, SparseKernel
from rmfg.operators.robust_mdp import RobustMDP, greedy, policy_average, soft_maximum, softmax

PATIENCE = 12
MAX_STEPS = 20_000
# Up to this many states a sparse factorization is 20 times faster than GMRES (2276 states of a road
# network: 6 ms against 114 ms); beyond, fill-in may not fit.
FACTORIZE_UP_TO = 100_000
KRYLOV = {"rtol": 1e-9, "atol": 0.0, "max_steps": 2000, "restart": 40}


class WorstCase(NamedTuple):
    """Nature's answer to a value function, and what it leaves of the action values.

    `worst` is the lower bound of the support function, on which `q` rests; `attained` is what the
    feasible `kernel` attains, an upper bound of it.
    """

    q: Float[Array, "S A"]
    worst: Float[Array, "S A"]
    attained: Float[Array, "S A"]
    kernel: Kernel


class Point(NamedTuple):
    """A value function beside its image, and who attains it."""

    value: Float[Array, " S"]
    image: Float[Array, " S"]
    policy: Float[Array, "S A"]
    worst_case: WorstCase

    @property
    def residual(self) -> float:
        """The sup-norm distance between the two."""
        with np.errstate(invalid="ignore"):  # infinity less infinity is NaN, which refutes
            return float(np.max(np.abs(np.asarray(self.image) - np.asarray(self.value))))


class FixedPoint(NamedTuple):
    """The best point found, a bound of its error in the sup norm, and the steps that it took."""

    point: Point
    error: float
    steps: int


@eqx.filter_jit
def nature_answers(mdp: RobustMDP, values: Float[Array, " S"]) -> WorstCase:
    """Return nature's answer to the values."""
    worst = mdp.worst(values)
    attained = worst.kernel.expectation(values)
    attained += mdp.ambiguity.penalty(worst.kernel, mdp.kernel, mdp.mean_field)
    return WorstCase(mdp.q_before(worst.value), worst.value, attained, worst.kernel)


def solve_bellman(
    mdp: RobustMDP,
    start: Float[Array, " S"],
    tolerance: float | Array,
    policy: Float[Array, "S A"] | None = None,
    temperature: float | Array | None = None,
) -> FixedPoint:
    """Find the fixed point of T, of T^policy, or of the soft operator, to an error `tolerance`.

    Stops early only where rounding leaves no progress, or where the time is up (see
    `rmfg.core.deadline`); `error` then says what was reached.
    """
    discount = float(mdp.discount)

    def evaluate(value: Array) -> Point:
        return _evaluate(mdp, value, policy, temperature)

    def unsolved(point: Point) -> bool:
        rounding = 4 * float(jnp.finfo(mdp.reward.dtype).eps) * float(np.max(np.abs(point.value)))
        # NaN counts as solved, which ends the loops; whoever checks the error refutes it.
        return point.residual > max(float(tolerance) * (1 - discount), rounding)

    best = trial = evaluate(np.asarray(start, mdp.reward.dtype))
    failures, steps = 0, 1
    report(0, {"residual": best.residual})
    while unsolved(best) and failures <= PATIENCE and not time_is_up():
        report(steps, {"residual": trial.residual})
        trial = evaluate(trial.value + correction(discount, trial))
        steps += 1
        failures += 1
        if trial.residual <= discount * best.residual:
            best, failures = trial, 0
    optimal, worth = policy is None and temperature is None, -np.inf
    while unsolved(best) and steps < MAX_STEPS and not time_is_up():
        report(steps, {"residual": best.residual})
        if optimal:
            inner = solve_bellman(mdp, best.value, tolerance, best.policy)
            trial, steps = evaluate(inner.point.value), steps + inner.steps
        else:
            trial, steps = evaluate(best.image), steps + 1
        # Rounding is all that is left where the policy's value stops rising, or the residual falling.
        rising = float(np.max(trial.value - worth)) > 0
        if not (rising if optimal else trial.residual < best.residual):
            break
        best, worth = trial, trial.value
    return FixedPoint(best, best.residual / (1 - discount), steps)


def _evaluate(
    mdp: RobustMDP, value: Array, policy: Array | None, temperature: float | Array | None
) -> Point:
    worst_case = nature_answers(mdp, value)
    image, played = agents_answer(worst_case.q, policy, temperature, mdp.actions)
    return Point(value, image, played, worst_case)


@eqx.filter_jit
def agents_answer(
    q: Float[Array, "S A"],
    policy: Array | None,
    temperature: float | Array | None,
    actions: Array | None = None,
) -> tuple[Float[Array, " S"], Float[Array, "S A"]]:
    """Return the agents' value of q, and the policy that gives it: theirs, soft, or greedy."""
    if policy is not None:
        return policy_average(q, policy), policy
    if temperature is not None:
        return soft_maximum(q, temperature, actions), softmax(q, temperature, actions)
    return jnp.max(q, axis=1), greedy(q, actions)


def correction(discount: float, point: Point) -> Float[np.ndarray, " S"]:
    """(I - discount K)^-1 (image - value) for the chain K of the point's policy and kernel."""
    residual, kernel = np.asarray(point.image) - np.asarray(point.value), point.worst_case.kernel
    if isinstance(kernel, DenseKernel):
        return np.asarray(_direct(kernel, point.policy, residual, discount))
    if residual.size <= FACTORIZE_UP_TO:
        chain = kernel.chain(np.asarray(point.policy))
        system = (scipy.sparse.eye_array(residual.size) - discount * chain).tocsc()
        return scipy.sparse.linalg.splu(system).solve(residual)
    return np.asarray(_krylov(kernel, point.policy, residual, discount))


@jax.jit
def _direct(kernel: DenseKernel, policy: Array, residual: Array, discount: float | Array) -> Array:
    system = jnp.eye(residual.size) - discount * kernel.matrix(policy)
    return jnp.linalg.solve(system, residual)


@jax.jit
def _krylov(kernel: SparseKernel, policy: Array, residual: Array, discount: float | Array) -> Array:
    def apply(value: Array) -> Array:
        return value - discount * jnp.sum(policy * kernel.expectation(value), axis=1)

    operator = lineax.FunctionLinearOperator(apply, jax.eval_shape(lambda: residual))
    solution = lineax.linear_solve(operator, residual, lineax.GMRES(**KRYLOV), throw=False)
    return jnp.where(jnp.all(jnp.isfinite(solution.value)), solution.value, residual)
