"""Candidates and their games as plain arrays, for the checker that proves bounds of them."""

import dataclasses
from typing import Any

import numpy as np

from rmfg.answer.enclosure import Known, enclosed
from rmfg.core.precision import Array
from rmfg.model.actions import substituted
from rmfg.model.ambiguity import catalog
from rmfg.model.kernel import Kernel, SparseKernel
from rmfg.model.problem import Candidate, Problem
from rmfg.rigorous.check import Proof, prove
from rmfg.rigorous.claim import Claim, Laws, UnprovedError, normalized
from rmfg.rigorous.rounding import Interval


def proof_of(problem: Problem, candidate: Candidate, start: Array | None = None) -> Proof:
    """Prove what can be: of the game's functions, or else of the game frozen at the mean field."""
    frozen = claim_of(problem, candidate, start)
    if problem.game.frozen:
        return dataclasses.replace(prove(frozen), frozen="that is all that its file says of it")
    try:
        proof = prove(enclosed_claim(problem, frozen))
        reason = "; ".join(proof.unproved)
        if proof.proved:
            return proof
    except UnprovedError as error:
        reason = str(error)
    return dataclasses.replace(prove(frozen), frozen=reason)


def claim_of(problem: Problem, candidate: Candidate, start: Array | None = None) -> Claim:
    """Lay out a candidate, which names nature's kernel, and its game, frozen, as plain arrays.

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


def enclosed_claim(problem: Problem, frozen: Claim) -> Claim:
    """Put enclosures of the game's own functions, and of the set's sizes, in place of numbers.

    The mean field is that of the exact laws. Raises UnprovedError where an operation is not known.
    """
    game, actions = problem.game, problem.game.actions
    for name in ("policy", "distribution"):
        rows = getattr(frozen, name)
        if not ((rows >= 0).all() and (rows.sum(axis=-1) > 0).all()):
            raise UnprovedError(f"`{name}` has rows that are no laws")
    with np.errstate(all="ignore"):
        law, played = normalized(frozen.distribution), normalized(frozen.policy.T)
    policy = Interval(played.low.T, played.high.T)
    (field,) = enclosed(game.mean_field_of, law, policy)

    def functions(mean_field: Array) -> tuple[Array, ...]:
        kernel = substituted(game.kernel(mean_field), actions)
        slots = (kernel.successors,) if isinstance(kernel, SparseKernel) else ()
        return substituted(game.reward(mean_field), actions), kernel.probabilities, *slots

    reward, weights, *slots = enclosed(functions, Interval.of(field))
    if slots and not np.array_equal(np.asarray(slots[0]), np.asarray(frozen.nominal.successors)):
        raise UnprovedError("the successors depend on the mean field")
    sizes = {
        name: _enclosed_size(name, getattr(problem.ambiguity, name), Interval.of(field))
        for name in catalog.functions_of(problem.ambiguity)
    }
    return dataclasses.replace(
        frozen,
        reward=reward,
        nominal=frozen.nominal._replace(enclosure=Interval.of(weights)),
        fields={**frozen.fields, **sizes},
    )


def _enclosed_size(name: str, function: Any, field: Interval) -> Known:
    found = enclosed(function, field)
    if len(found) != 1 or name in ("kernels", "lower", "upper"):
        raise UnprovedError(f"`{name}` is a function of the mean field")
    return found[0]
