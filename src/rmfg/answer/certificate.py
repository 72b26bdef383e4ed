"""The certificate: how far a candidate is from a robust equilibrium, judged by itself alone.

For a candidate (policy pi, kernel kappa, law mu) with mean field m, let V be any function close to
the optimal robust value and W any function close to the policy's. From one application of the
operators, with an upper bound of every support function (a feasible law) in T and a lower bound
(a dual value) in T^pi,

    V*_m   <= V + max (T V - V)+ / (1 - discount),
    V^pi_m >= W - max (W - T^pi W)+ / (1 - discount),

so the difference bounds the exploitability from above; the mirrored inequalities bound it from
below. Newton's method provides V and W, but nothing rests on how well it did. Consistency, nature's
gap and infeasibility are evaluated as they are defined. NaN anywhere refutes.
"""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.answer.problem import Candidate, Population, Problem
from rmfg.core import checks
from rmfg.core.precision import Array, Number, boundary
from rmfg.model.ambiguity import Ambiguity
from rmfg.model.game import MeanFieldGame, check_game
from rmfg.model.kernel import Kernel, as_kernel
from rmfg.operators.newton import Point, solve_bellman
from rmfg.operators.response import (
    SMALLEST_TOLERANCE,
    absolute_tolerance,
    value_bound,
    value_scale,
)
from rmfg.operators.robust_mdp import RobustMDP, policy_average

# A range of rewards below this share of what it is elsewhere is rounding, and no unit.
VANISHING = 1e-6


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What was measured of a candidate, in the unit of the values unless said otherwise.

    `exploitability` (the largest over states) and `mean_exploitability` (under the candidate's law)
    are upper bounds; `exploitability_lower` bounds the largest from below. `consistency` is the L1
    distance of the law from its own push-forward. `nature_gap` is how far nature's kernel is from
    the worst case where the population goes, `infeasibility` how far it lies outside its set, in
    the set's unit. `scale` is (max reward - min reward) / (1 - discount) at the candidate's mean
    field: relative numbers are divided by it. Where rewards at that mean field are all equal, as in
    rock, paper, scissors, it is taken at a population gathered in one state.
    """

    exploitability: float
    exploitability_lower: float
    mean_exploitability: float
    consistency: float
    nature_gap: float
    infeasibility: float
    scale: float
    tol: float

    @property
    def relative_exploitability(self) -> float:
        """The exploitability as a share of the range of values."""
        return self.exploitability / self.scale

    @property
    def relative_nature_gap(self) -> float:
        """Nature's gap as a share of the range of values."""
        return self.nature_gap / self.scale

    @property
    def conditions(self) -> dict[str, bool]:
        """The conditions that `tol` promises, and whether each holds. NaN fails."""
        return {
            "exploitability": self.relative_exploitability <= self.tol,
            "consistency": self.consistency <= self.tol,
            "nature_gap": self.relative_nature_gap <= self.tol,
            "infeasibility": self.infeasibility <= self.tol,
        }

    @property
    def certified(self) -> bool:
        """Whether every condition holds."""
        return all(self.conditions.values())


class Appraisal(NamedTuple):
    """The certificate's numbers before they are laid out, with the functions they rest on."""

    optimal_value: Float[Array, " S"]
    policy_value: Float[Array, " S"]
    nature: Kernel  # the candidate's kernel, or nature's answer where it named none
    nominal: Kernel
    exploitability: Float[Array, ""]
    exploitability_lower: Float[Array, ""]
    mean_exploitability: Float[Array, ""]
    consistency: Float[Array, ""]
    nature_gap: Float[Array, ""]
    scale: float


@boundary
def certify(
    game: MeanFieldGame,
    ambiguity: Ambiguity,
    policy: Float[Array, "S A"],
    distribution: Float[Array, " S"],
    kernel: Kernel | Array | None = None,
    *,
    population: Population | Array = "worst_case",
    tol: Number = 1e-8,
) -> Certificate:
    """Judge a candidate from anywhere.

    `kernel` is nature's claimed kernel; without it, nature's answer to the optimal value at the
    candidate's mean field is taken. `population` says what moves the population, as in `solve`.
    Raises ValueError for shapes that do not fit and rows that are no laws; a candidate that holds NaN
    is not an error but refuted.
    """
    problem = Problem(game, ambiguity, population)
    claimed = None if kernel is None else as_kernel(kernel)
    candidate = Candidate(policy, distribution, claimed).checked(game)
    return certificate_of(problem, candidate, tol)[0]


def certificate_of(
    problem: Problem, candidate: Candidate, tol: Number
) -> tuple[Certificate, Appraisal]:
    """Judge a checked candidate, and return also the functions that the verdict rests on."""
    checks.tolerance(tol, SMALLEST_TOLERANCE)
    game = problem.game
    policy, law = jnp.asarray(candidate.policy), jnp.asarray(candidate.distribution)
    mean_field = game.mean_field_of(law, policy)
    if not checks.has_nan(mean_field):
        check_game(game, np.asarray(mean_field))
        problem.ambiguity.check(game.kernel(mean_field))
    found = appraise(problem, candidate._replace(policy=policy, distribution=law))
    outside = problem.ambiguity.violation(found.nature, found.nominal, mean_field)
    numbers = {
        "exploitability": found.exploitability,
        "exploitability_lower": found.exploitability_lower,
        "mean_exploitability": found.mean_exploitability,
        "consistency": found.consistency,
        "nature_gap": found.nature_gap,
        "infeasibility": np.max(np.asarray(outside)),
        "scale": found.scale,
    }
    certificate = Certificate(**{name: float(x) for name, x in numbers.items()}, tol=float(tol))
    return certificate, found


def appraise(
    problem: Problem,
    candidate: Candidate,
    optimal_start: Array | None = None,
    policy_start: Array | None = None,
) -> Appraisal:
    """Measure a candidate; the starts only save time."""
    policy, law = candidate.policy, candidate.distribution
    mdp = RobustMDP.at(problem.game, problem.ambiguity, problem.game.mean_field_of(law, policy))
    zeros = np.zeros(law.shape)
    exact = absolute_tolerance(mdp, SMALLEST_TOLERANCE)
    start = zeros if optimal_start is None else optimal_start
    optimal = solve_bellman(mdp, start, exact).point
    start = optimal.value if policy_start is None else policy_start
    own = solve_bellman(mdp, start, exact, policy).point

    nature = optimal.answer.kernel if candidate.kernel is None else candidate.kernel
    scale = _scale(problem.game, mdp, np.asarray(law))
    numbers = _numbers(problem, mdp, optimal, own, policy, law, nature)
    return Appraisal(optimal.value, own.value, nature, mdp.kernel, *numbers, scale=scale)


def _scale(game: MeanFieldGame, mdp: RobustMDP, law: Float[np.ndarray, " S"]) -> float:
    """The range of values at the mean field, or what is left where all rewards there are equal."""
    scale = value_scale(mdp)
    gathered = np.zeros(game.num_states)
    gathered[np.argmax(law)] = 1.0
    reach = game.reward_range
    if reach is None:
        reach = float(_reward_range(game, jnp.asarray(gathered)))
    elsewhere = reach / (1 - float(game.discount))
    if not scale > VANISHING * elsewhere:
        # Equal rewards at the answer (rock, paper, scissors) are no unit but rounding: what they are
        # in a population gathered in one state is. Rewards equal everywhere leave the values alone.
        scale = elsewhere or value_bound(mdp) or 1.0
    return scale


@eqx.filter_jit
def _reward_range(game: MeanFieldGame, law: Float[Array, " S"]) -> Float[Array, ""]:
    """The range of rewards when the population has this law and plays at random."""
    uniform = jnp.full((game.num_states, game.num_actions), 1 / game.num_actions)
    reward = game.reward(game.mean_field_of(law, uniform))
    return jnp.max(reward) - jnp.min(reward)


@eqx.filter_jit
def _numbers(
    problem: Problem,
    mdp: RobustMDP,
    optimal: Point,
    own: Point,
    policy: Array,
    law: Array,
    nature: Kernel,
) -> tuple[Array, ...]:
    best_low, best_high = _bounds(mdp, optimal, None)
    own_low, own_high = _bounds(mdp, own, policy)
    regret = best_high - own_low
    attained = nature.expectation(optimal.value)
    attained += problem.ambiguity.penalty(nature, mdp.kernel, mdp.mean_field)
    mass = law[:, None] * policy
    gap = jnp.max(jnp.where(mass > 0, attained - optimal.answer.worst, 0))
    pushed = problem.mover(mdp.kernel, nature).push(mass)
    return (
        jnp.max(regret),
        jnp.max(best_low - own_high),
        jnp.sum(law * regret),
        jnp.sum(jnp.abs(law - pushed)),
        _keep_nan(gap, mass),
    )


def _bounds(
    mdp: RobustMDP, point: Point, policy: Array | None
) -> tuple[Float[Array, " S"], Float[Array, " S"]]:
    """A lower and an upper bound of the fixed point near which `point` lies."""

    def image(q: Array) -> Array:
        return jnp.max(q, axis=1) if policy is None else policy_average(q, policy)

    value, horizon = point.value, 1 / (1 - mdp.discount)
    fall = jnp.maximum(jnp.max(value - image(point.answer.q)), 0)
    upper = image(mdp.reward + mdp.discount * point.answer.attained)
    rise = jnp.maximum(jnp.max(upper - value), 0)
    return value - fall * horizon, value + rise * horizon


def _keep_nan(number: Array, *sources: Array) -> Array:
    """The number, or NaN where a source of it holds NaN that a comparison has hidden."""
    hidden = jnp.array([jnp.any(jnp.isnan(source)) for source in sources])
    return jnp.where(jnp.any(hidden), jnp.nan, number)
