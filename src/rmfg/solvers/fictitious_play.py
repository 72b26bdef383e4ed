"""Fictitious play: best responses to the average of the past, for agents and for nature."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from rmfg.core import checks
from rmfg.core.precision import Array, Number, boundary
from rmfg.model.game import uniform_policy
from rmfg.model.problem import Candidate, Problem
from rmfg.solvers.averaging import KernelAverage, averaged, flow_fits, share_of_round
from rmfg.solvers.base import (
    Response,
    Solver,
    distribution_of,
    long_run,
    nearest_finite,
    respond,
)


class Past(NamedTuple):
    """Averages of what was played, each weighted by the mass that played it."""

    occupation: Float[Array, "S A"]  # the population's law over states and actions
    votes: Float[Array, "S A"]  # the same with a little mass everywhere: policies off the path
    nature: KernelAverage | None

    @eqx.filter_jit
    def mixed_with(self, new: "Past", share: Array) -> "Past":
        """Average the new round in."""
        return averaged(self, new, share)


class FictitiousPlayState(eqx.Module):
    """The average of all that was played, and the response to it.

    `steady` says that the nominal kernel has been the same at all mean fields so far: only then do
    nature's past answers belong to one convex set, and may be averaged.
    """

    past: Past
    response: Response
    count: Int[Array, ""]
    steady: Bool[Array, ""]


class FictitiousPlay(Solver):
    r"""Respond to the average of the past, and average the stationary law of the response in.

    xi <- (1 - a_k) xi + a_k (stationary law of the response) x (response), where
    a_k = power / (k + power - 1) in step k weighs step j by about j^(power - 1): 1 is the plain
    average, 2 the default; 3 to 5 forget faster, which helps where the kernel moves with the
    population. The answer is the averaged law with the policy, and nature's kernel, that it implies,
    so equilibria in which agents or nature mix can be reached. Where states hardly hold mass, each
    response counts as if a mass of 1 / (k S) had played it, so that policies there forget the first
    steps.
    Converges at about 1 / k in potential and monotone games. Nature's past is averaged only where
    the nominal kernel does not move with the mean field and S x S x A numbers fit in memory.

    @inproceedings{perrin2020, title={Fictitious Play for Mean Field Games: Continuous Time Analysis
      and Applications}, author={Perrin, Sarah and P{\'e}rolat, Julien and Lauri{\`e}re, Mathieu and
      Geist, Matthieu and Elie, Romuald and Pietquin, Olivier}, booktitle={NeurIPS}, year={2020}}
    """

    power: Float[Array, ""]

    def __init__(self, power: Number = 2.0):
        self.power = checks.positive("power", power)
        if not self.power >= 1:
            raise ValueError(
                f"`power` must be at least 1 (the plain average), but is {self.power}."
            )

    @boundary
    def init(self, problem: Problem, guess: Float[Array, "..."]) -> FictitiousPlayState:
        guess = jnp.asarray(guess)
        response = respond(problem, guess, jnp.zeros(problem.game.num_states))
        distribution = distribution_of(guess)
        policy = response.policy
        if guess.ndim == 2:
            uniform = uniform_policy(problem.game)
            policy = jnp.where(
                distribution[:, None] > 0,
                guess / jnp.maximum(distribution, 1e-300)[:, None],
                uniform,
            )
        past = _played(response, distribution, policy, jnp.array(1.0), flow_fits(problem.game))
        return FictitiousPlayState(past, response, jnp.array(0), jnp.array(True))

    @boundary
    def step(self, problem: Problem, state: FictitiousPlayState) -> FictitiousPlayState:
        past, response = jax.tree.map(jnp.asarray, (state.past, state.response))
        distribution = long_run(response, jnp.sum(past.occupation, axis=1))
        count = jnp.asarray(state.count) + 1
        kept = flow_fits(problem.game)
        played = _played(response, distribution, response.policy, 1 / count, kept)
        share = share_of_round(count, self.power)

        def moved(part: float) -> tuple[Past, Response]:
            now = past.mixed_with(played, part * share)
            occupation = now.occupation
            state_action = problem.game.mean_field == "state-action"
            field = occupation if state_action else jnp.sum(occupation, axis=1)
            return now, respond(problem, field, response.value)

        past, following = nearest_finite(moved)
        same = jnp.array_equal(following.nominal.law, response.nominal.law)
        return FictitiousPlayState(past, following, count, state.steady & same)

    @boundary
    def candidate(self, problem: Problem, state: FictitiousPlayState) -> Candidate:
        past = jax.tree.map(jnp.asarray, state.past)
        answer = _implied(past)
        claimed = bool(state.steady) and problem.population == "worst_case"
        return answer if claimed else answer._replace(kernel=None)


@eqx.filter_jit
def _played(
    response: Response, distribution: Array, policy: Array, rarity: Array, averages_nature: bool
) -> Past:
    """One round's contribution to the past; `rarity` weighs states that hold no mass."""
    spread = rarity / distribution.size
    votes = (distribution[:, None] + spread) * policy
    nature = None
    if averages_nature:
        nature = KernelAverage.of(response.nature, votes + spread / policy.shape[1])
    return Past(distribution[:, None] * policy, votes, nature)


@eqx.filter_jit
def _implied(past: Past) -> Candidate:
    """The law, the policy and nature's kernel that the past implies."""
    distribution = jnp.sum(past.occupation, axis=1)
    policy = past.votes / jnp.sum(past.votes, axis=1, keepdims=True)
    kernel = None if past.nature is None else past.nature.kernel()
    return Candidate(policy, distribution / jnp.sum(distribution), kernel)
