"""Fictitious play: best responses to the average of the past."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Float, Int

from rmfg.answer.problem import Candidate, Problem
from rmfg.core.precision import Array, boundary
from rmfg.solvers.base import Response, Solver, law_of_states, long_run, respond


class FictitiousPlayState(eqx.Module):
    """The average of all that was played, as a law over (s, a), and the response to it."""

    average: Float[Array, "S A"]
    response: Response
    count: Int[Array, ""]


class FictitiousPlay(Solver):
    """Respond to the average of the past, and average the stationary law of the response in.

    xi <- (1 - a_k) xi + a_k (stationary law of the response) x (response), a_k = 2 / (k + 2). The
    answer is the averaged law with the policy that it implies, so equilibria that mix actions can
    be reached. Converges at about 1 / k in potential and monotone games, for the nominal and for
    unique worst cases; where nature itself must mix it stalls.

    @inproceedings{perrin2020, title={Fictitious Play for Mean Field Games: Continuous Time Analysis
      and Applications}, author={Perrin, Sarah and P{\\'e}rolat, Julien and Lauri{\\`e}re, Mathieu and
      Geist, Matthieu and Elie, Romuald and Pietquin, Olivier}, booktitle={NeurIPS}, year={2020}}
    """

    @boundary
    def init(self, problem: Problem, guess: Float[Array, "..."]) -> FictitiousPlayState:
        guess = jnp.asarray(guess)
        actions = problem.game.num_actions
        law = law_of_states(guess)
        average = guess if guess.ndim == 2 else jnp.tile(law[:, None] / actions, (1, actions))
        return self._at(problem, average, jnp.zeros_like(law), jnp.array(0))

    @boundary
    def step(self, problem: Problem, state: FictitiousPlayState) -> FictitiousPlayState:
        law = long_run(state.response, law_of_states(jnp.asarray(state.average)))
        weight = 2 / (state.count + 2)
        played = law[:, None] * state.response.policy
        average = (1 - weight) * state.average + weight * played
        return self._at(problem, average, state.response.value, state.count + 1)

    @boundary
    def candidate(self, problem: Problem, state: FictitiousPlayState) -> Candidate:
        average = jnp.asarray(state.average)
        law = jnp.sum(average, axis=1)
        implied = average / jnp.where(law > 0, law, 1)[:, None]
        policy = jnp.where(law[:, None] > 0, implied, state.response.policy)
        return Candidate(policy / jnp.sum(policy, axis=1, keepdims=True), law / jnp.sum(law))

    def _at(
        self, problem: Problem, average: Array, start: Array, count: Array
    ) -> FictitiousPlayState:
        average, start = jnp.asarray(average), jnp.asarray(start)
        field = average if problem.game.mean_field == "state-action" else jnp.sum(average, axis=1)
        return FictitiousPlayState(average, respond(problem, field, start), jnp.asarray(count))
