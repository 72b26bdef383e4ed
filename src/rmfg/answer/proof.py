"""The plain arrays of an answer, for the checker that proves its bounds in real arithmetic."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from rmfg.answer.problem import Candidate, Problem
from rmfg.core.precision import Array
from rmfg.model.ambiguity import catalog
from rmfg.model.kernel import Kernel, SparseKernel
from rmfg.rigorous.check import Proof
from rmfg.rigorous.check import prove as prove_claim
from rmfg.rigorous.claim import Claim, Laws

if TYPE_CHECKING:
    from rmfg.answer.equilibrium import Equilibrium


def prove(answer: "Equilibrium") -> Proof:
    """Bound all that was certified of an answer by numbers that hold in real arithmetic.

    The game is frozen at the answer's mean field: its reward and kernel there are taken as given,
    rows of policy, law and kernels as the laws that they give when divided by their exact sums.
    """
    problem = Problem(answer.game, answer.ambiguity, answer.population)
    candidate = Candidate(answer.policy, answer.distribution, answer.kernel)
    return prove_claim(claim_of(problem, candidate, start=answer.value))


def claim_of(
    problem: Problem,
    candidate: Candidate,
    *,
    start: Array | None = None,
    actions: Bool[Array, "S A"] | None = None,
) -> Claim:
    """Lay out a candidate, which names nature's kernel, and its game as plain arrays."""
    game, law = problem.game, np.asarray(candidate.distribution)
    policy = np.asarray(candidate.policy)
    field = game.mean_field_of(law, policy)
    population = problem.population
    assert candidate.kernel is not None
    return Claim(
        reward=np.asarray(game.reward(field)),
        nominal=laws_of(game.kernel(field)),
        nature=laws_of(candidate.kernel),
        discount=float(game.discount),
        ambiguity=catalog.name_of(problem.ambiguity),
        fields=catalog.fields_of(problem.ambiguity, field),
        policy=policy,
        distribution=law,
        population=population if isinstance(population, str) else laws_of(population),
        actions=actions,
        start=start,
    )


def laws_of(kernel: Kernel) -> Laws:
    """A kernel as plain arrays."""
    weights = np.asarray(kernel.probabilities, np.float64)
    if isinstance(kernel, SparseKernel):
        return Laws(weights, np.asarray(kernel.successors))
    return Laws(weights)
