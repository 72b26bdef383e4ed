"""What a policy is worth at a mean field: the robust evaluation that policy methods improve on."""

from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.problem import Problem
from rmfg.operators.bellman_newton import solve_bellman
from rmfg.operators.response import absolute_tolerance
from rmfg.operators.robust_mdp import finite_at
from rmfg.solvers.base import RESPONSE_TOLERANCE, Response, finite


def assess(
    problem: Problem,
    mean_field: Float[Array, "..."],
    policy: Float[Array, "S A"],
    start: Float[Array, " S"],
) -> tuple[Response, Float[Array, "S A"], float]:
    """Return nature's response to a policy at a mean field, the policy's q, and the error of q."""
    mdp = finite_at(problem.game, problem.ambiguity, mean_field)
    tolerance = absolute_tolerance(mdp, RESPONSE_TOLERANCE)
    point = finite(solve_bellman(mdp, start, tolerance, policy).point)
    nature = point.worst_case.kernel
    mover = problem.mover(mdp.kernel, nature)
    return Response(policy, point.value, mdp.kernel, nature, mover), point.worst_case.q, tolerance
