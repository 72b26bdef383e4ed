"""What can be measured of a candidate, whoever found it. A certificate is made of these numbers.

For a candidate (policy pi, kernel kappa, law mu) with mean field m, let V be any function close to
the optimal robust value and W any function close to the policy's. From one application of the
operators, with an upper bound of every support function (a feasible law) in T and a lower bound
(a dual value) in T^pi,

    V*_m   <= V + max (T V - V)+ / (1 - discount),
    V^pi_m >= W - max (W - T^pi W)+ / (1 - discount),

so the difference bounds the exploitability from above; the mirrored inequalities bound it from
below. Newton's method provides V and W, but nothing rests on how well it did. Consistency and
nature's gap are evaluated as they are defined. NaN anywhere refutes.

Rows are laws to rounding before anything is measured, and rewards are measured from what the
population earns on average: a constant added to all rewards costs no digits, and a row that sums to
1 + 1e-9 earns no billionth of it.
"""

from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jaxtyping import Float

from rmfg.answer.scale import in_reach, response_to_neighbors, scale_of
from rmfg.core.precision import Array
from rmfg.model.actions import substituted
from rmfg.model.kernel import Kernel
from rmfg.model.problem import Candidate, Problem, moved_by
from rmfg.operators.bellman_newton import Point, solve_bellman
from rmfg.operators.flows import flows
from rmfg.operators.response import SMALLEST_TOLERANCE
from rmfg.operators.robust_mdp import RobustMDP, policy_average
from rmfg.operators.stationary import long_run_law


class Appraisal(NamedTuple):
    """The numbers of a certificate before they are laid out, with what they rest on."""

    candidate: Candidate  # with rows that are laws to rounding
    optimal_value: Float[np.ndarray, " S"]
    policy_value: Float[np.ndarray, " S"]
    nature: Kernel  # the candidate's kernel, or nature's answer where it named none
    nominal: Kernel
    chain: scipy.sparse.csr_array  # by which the population moves
    long_run: Float[np.ndarray, " S"]  # the law to which it leads
    exploitability: float
    exploitability_lower: float
    mean_exploitability: float
    consistency: float
    flow_imbalance: float
    nature_gap: float
    adjustment: float
    scale: float

    @property
    def drift(self) -> float:
        """The L1 distance of the law from where it goes in the long run."""
        return float(np.sum(np.abs(np.asarray(self.candidate.distribution) - self.long_run)))

    @property
    def settled(self) -> Candidate:
        """The candidate with the law to which it leads in the long run."""
        return self.candidate._replace(distribution=self.long_run)


def appraise(
    problem: Problem,
    candidate: Candidate,
    optimal_start: Array | None = None,
    policy_start: Array | None = None,
) -> Appraisal:
    """Measure a candidate; the starts only save time."""
    game = problem.game
    # Nobody takes actions that a state does not have, whatever is claimed of them.
    claimed = None if candidate.kernel is None else substituted(candidate.kernel, game.actions)
    candidate, adjustment = candidate._replace(kernel=claimed).normalized()
    policy, law = np.asarray(candidate.policy), np.asarray(candidate.distribution)
    mass = law[:, None] * policy
    field = np.asarray(game.mean_field_of(law, policy))
    mdp, level, moved = _centered(problem, field, mass)
    size = float(np.max(np.abs(np.where(mass > 0, np.asarray(mdp.reward) + level, 0))))
    horizon = 1 / (1 - float(game.discount))

    def start(value: Array | None) -> Float[np.ndarray, " S"]:
        guess = np.zeros(law.size) if value is None else np.asarray(value) - level * horizon
        return np.where(np.isfinite(guess), guess, 0)

    # Values are found to what can be told apart in them: rewards that are not met do not blur it.
    earned = np.asarray(policy_average(mdp.reward, jnp.asarray(policy)))
    own = solve_bellman(mdp, start(policy_start), _accuracy(earned * horizon), policy).point
    begin = own.value if optimal_start is None else start(optimal_start)
    optimal = solve_bellman(mdp, begin, _accuracy(np.asarray(own.value))).point

    nature = optimal.worst_case.kernel if candidate.kernel is None else candidate.kernel
    best, gain, mean_gain, gap = (
        float(number)
        for number in _numbers(problem, mdp, optimal, own, jnp.asarray(policy), law, nature)
    )
    chain = problem.mover(mdp.kernel, nature).chain(policy)
    moving = flows(chain, law)
    values, response = np.asarray(own.value), response_to_neighbors(game, field, mass)
    every = np.ones_like(policy) if game.actions is None else np.asarray(game.actions, float)
    long_run = _long_run(chain, law)
    reach = in_reach(long_run, values, (mdp.kernel, nature), every)
    # What evaluations may be off by is no gain, and no unit.
    noise = 8 * float(np.finfo(np.float64).eps) * float(np.max(np.abs(values))) * horizon
    told = 0.0 if gain <= noise else gain
    return Appraisal(
        candidate=candidate,
        optimal_value=np.asarray(optimal.value) + level * horizon,
        policy_value=values + level * horizon,
        nature=nature,
        nominal=mdp.kernel,
        chain=chain,
        long_run=long_run,
        exploitability=gain,
        exploitability_lower=best,
        mean_exploitability=mean_gain,
        consistency=moving.consistency,
        flow_imbalance=moving.imbalance,
        nature_gap=gap,
        adjustment=float(np.max([adjustment, moved])),
        scale=scale_of(values, reach, response * horizon, told, size * horizon),
    )


def _long_run(
    chain: scipy.sparse.csr_array, law: Float[np.ndarray, " S"]
) -> Float[np.ndarray, " S"]:
    """Where the law goes in the long run; nowhere where numbers are not finite."""
    if not (np.isfinite(law).all() and np.isfinite(chain.data).all()):
        return np.full_like(law, np.nan)
    return long_run_law(chain, law)


def measure_infeasibility(problem: Problem, found: Appraisal) -> float:
    """How far nature's kernel lies outside its set, in probability mass, in the worst row."""
    policy, law = (np.asarray(part) for part in found.candidate[:2])
    field = jnp.asarray(problem.game.mean_field_of(law, policy))
    outside = problem.ambiguity.violation(found.nature, found.nominal, field)
    if problem.game.actions is not None:
        outside = np.where(np.asarray(problem.game.actions), outside, 0)
    return float(np.max(np.asarray(outside)))


def _centered(
    problem: Problem, field: Float[np.ndarray, "..."], mass: Float[np.ndarray, "S A"]
) -> tuple[RobustMDP, float, float]:
    """The game at a mean field, rewards measured from the population's mean reward.

    Also this mean, and how far a row of the kernel was from a law.
    """
    mdp = RobustMDP.at(problem.game, problem.ambiguity, jnp.asarray(field))
    kernel = mdp.kernel.normalized()
    moved = moved_by(mdp.kernel.probabilities, kernel.probabilities)
    reward = np.asarray(mdp.reward)
    level = float(np.sum(np.multiply(mass, reward, where=mass > 0, out=np.zeros_like(mass))))
    return replace(mdp, kernel=kernel, reward=jnp.asarray(reward - level)), level, moved


def _accuracy(values: Float[np.ndarray, " S"]) -> float:
    """The error that values of this kind may have: the least that can be promised of them."""
    rounding = 4 * float(np.finfo(np.float64).eps) * float(np.max(np.abs(values)))
    return max(SMALLEST_TOLERANCE * float(np.ptp(values)), rounding)


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
    """Bounds of the exploitability from below and above, the mean of the latter, nature's gap."""
    best_low, best_high = _bounds(mdp, optimal, None)
    own_low, own_high = _bounds(mdp, own, policy)
    regret = best_high - own_low
    attained = nature.expectation(optimal.value)
    attained += problem.ambiguity.penalty(nature, mdp.kernel, mdp.mean_field)
    mass = law[:, None] * policy
    gap = jnp.max(jnp.where(mass > 0, attained - optimal.worst_case.worst, 0))
    return (
        jnp.max(best_low - own_high),
        jnp.max(regret),
        jnp.sum(law * regret),
        jnp.where(jnp.any(jnp.isnan(mass)), jnp.nan, gap),
    )


def _bounds(
    mdp: RobustMDP, point: Point, policy: Array | None
) -> tuple[Float[Array, " S"], Float[Array, " S"]]:
    """A lower and an upper bound of the fixed point near which `point` lies."""

    def image(q: Array) -> Array:
        return jnp.max(q, axis=1) if policy is None else policy_average(q, policy)

    value, horizon = point.value, 1 / (1 - mdp.discount)
    fall = jnp.maximum(jnp.max(value - image(point.worst_case.q)), 0)
    upper = image(mdp.q_before(point.worst_case.attained))
    rise = jnp.maximum(jnp.max(upper - value), 0)
    return value - fall * horizon, value + rise * horizon
