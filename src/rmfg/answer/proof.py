"""Answers whose bounds hold in real arithmetic."""

from rmfg.answer.claims import proof_of
from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.model.problem import Candidate, Problem
from rmfg.rigorous.check import Proof


def prove(answer: Equilibrium) -> Proof:
    """Bound what a certificate says of an answer by numbers that hold in real arithmetic.

    Rows of policy, law and kernels stand for the laws that they give when divided by their exact
    sums. The game's functions are enclosed at the answer's mean field, operation by operation. Where
    they hold an operation that is not known, the numbers are about the game as it was computed
    there, and `Proof.frozen` says why. What cannot be proved is said in `Proof.unproved`.
    Raises TypeError for what is no answer.
    """
    inputs.instance("answer", answer, Equilibrium, "an answer of `rmfg.solve`")
    problem = Problem(answer.game, answer.ambiguity, answer.population)
    candidate = Candidate(answer.policy, answer.distribution, answer.kernel)
    return proof_of(problem, candidate, answer.value)
