"""Answers as plain arrays, for the checker that proves their bounds in real arithmetic."""

from typing import TYPE_CHECKING

import numpy as np

from rmfg.answer.problem import Candidate, Problem
from rmfg.core.precision import Array
from rmfg.model.actions import substituted
from rmfg.model.ambiguity import catalog
from rmfg.model.kernel import Kernel, SparseKernel
from rmfg.rigorous.check import Proof
from rmfg.rigorous.check import prove as prove_claim
from rmfg.rigorous.claim import Claim, Laws

if TYPE_CHECKING:
    from rmfg.answer.equilibrium import Equilibrium


def prove(answer: "Equilibrium") -> Proof:
    """Bound what a certificate says of an answer by numbers that hold in real arithmetic.

    The game is frozen at the answer's mean field: its reward and kernel there are taken as given.
    Rows of policy, law and kernels stand for the laws that they give when divided by their exact
    sums. What cannot be proved is said in `Proof.unproved`; it raises nothing.
    """
    problem = Problem(answer.game, answer.ambiguity, answer.population)
    candidate = Candidate(answer.policy, answer.distribution, answer.kernel)
    return prove_claim(claim_of(problem, candidate, answer.value))


def claim_of(problem: Problem, candidate: Candidate, start: Array | None = None) -> Claim:
    """Lay out a candidate, which names nature's kernel, and its game as plain arrays.

    `start` are values to search from. They only save time.
    """
    game, law = problem.game, np.asarray(candidate.distribution)
    policy, actions = np.asarray(candidate.policy), game.actions
    field = np.asarray(game.mean_field_of(law, policy))
    population = problem.population
    if candidate.kernel is None:
        raise ValueError("`candidate` must name nature's kernel, but its kernel is None.")
    kernels = [substituted(kernel, actions) for kernel in (game.kernel(field), candidate.kernel)]
    return Claim(
        reward=np.asarray(substituted(game.reward(field), actions)),
        nominal=laws_of(kernels[0]),
        nature=laws_of(kernels[1]),
        discount=float(game.discount),
        ambiguity=catalog.name_of(problem.ambiguity),
        fields=catalog.fields_of(problem.ambiguity, field),
        policy=policy,
        distribution=law,
        population=population if isinstance(population, str) else laws_of(population),
        actions=None if actions is None else np.asarray(actions),
        start=None if start is None else np.asarray(start),
    )


def laws_of(kernel: Kernel) -> Laws:
    """A kernel as plain arrays."""
    weights = np.asarray(kernel.probabilities, np.float64)
    if isinstance(kernel, SparseKernel):
        return Laws(weights, np.asarray(kernel.successors))
    return Laws(weights)
