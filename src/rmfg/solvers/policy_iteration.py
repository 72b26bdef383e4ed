"""Policy iteration on the mean field that the policy itself induces."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, boundary
from rmfg.model.game import uniform_policy
from rmfg.model.problem import Candidate, Problem
from rmfg.operators.bellman_newton import agents_answer
from rmfg.solvers.assessment import assess
from rmfg.solvers.base import (
    Response,
    Solver,
    checked_temperature,
    distribution_of,
    long_run,
    nearest_finite,
)

KINDS = ("greedy", "soft", "smooth")
# Smooth improvement begins with this share of the greedy policy.
FIRST_SHARE = 0.5


class PolicyIterationState(eqx.Module):
    """A policy at the mean field that it induced, and the policy that would be better there."""

    mean_field: Float[Array, "..."]
    response: Response
    improved: Float[Array, "S A"]
    count: Int[Array, ""]


class PolicyIteration(Solver):
    r"""Evaluate the policy where it leads the population, then improve it.

        m <- stationary law of pi,     pi <- (1 - b_k) pi + b_k improved(Q^pi_m),

    with Q^pi_m the robust action values of the policy. The improved policy is the greedy one, or
    softmax(Q / temperature) for `kind="soft"`, and b_k = 1; for `kind="smooth"` it is the greedy
    one and b_k = damping / (1 + damping (k - 1)), so that the policy comes to be an average.

    Greedy converges in a few steps where the equilibrium is pure and the population's feedback weak,
    and cycles elsewhere; soft converges at high temperatures, at the price of a bias; smooth
    comes slowly to mixed equilibria of potential and monotone games. Nature does not mix.
    Begins with the uniform policy.

    @article{cacace2021, title={A Policy Iteration Method for Mean Field Games}, author={Cacace,
      Simone and Camilli, Fabio and Goffi, Alessandro}, journal={ESAIM: Control, Optimisation and
      Calculus of Variations}, volume={27}, year={2021}}
    @article{tang2024, title={Learning Optimal Policies in Potential Mean Field Games: Smoothed
      Policy Iteration Algorithms}, author={Tang, Qing and Song, Jiahao}, journal={SIAM Journal on
      Control and Optimization}, volume={62}, year={2024}}
    """

    kind: str
    temperature: Float[Array, ""] | None
    damping: Float[Array, ""] | None

    def __init__(
        self,
        kind: str = "greedy",
        *,
        temperature: Number | None = None,
        damping: Number | None = None,
    ):
        self.kind = inputs.word("kind", kind, KINDS)
        for name, value, owner in (
            ("temperature", temperature, "soft"),
            ("damping", damping, "smooth"),
        ):
            if value is not None and kind != owner:
                raise ValueError(
                    f"`{name}` belongs to kind={owner!r}, but `kind` is {kind!r}. Leave it out, or "
                    "choose the other kind."
                )
        if kind == "soft" and temperature is None:
            raise ValueError(
                '`temperature` must be given for kind="soft", in the unit of the rewards.'
            )
        self.temperature = None if temperature is None else checked_temperature(temperature)
        share = FIRST_SHARE if damping is None else damping
        self.damping = checks.share("damping", share) if kind == "smooth" else None

    @boundary
    def init(self, problem: Problem, guess: Float[Array, "..."]) -> PolicyIterationState:
        start = jnp.zeros(problem.game.num_states)
        policy = jnp.asarray(uniform_policy(problem.game))
        return self._at(problem, jnp.asarray(guess), policy, start, jnp.array(0))

    @boundary
    def step(self, problem: Problem, state: PolicyIterationState) -> PolicyIterationState:
        count, share = jnp.asarray(state.count) + 1, 1.0
        if self.damping is not None:
            share = self.damping / (1 + self.damping * (count - 1))
        old, improved = np.asarray(state.response.policy), np.asarray(state.improved)
        before = distribution_of(jnp.asarray(state.mean_field))

        def moved(part: float) -> PolicyIterationState:
            policy = (1 - part * share) * old + part * share * improved
            distribution = long_run(state.response._replace(policy=policy), before)
            field = problem.game.mean_field_of(distribution, policy)
            return self._at(problem, field, policy, jnp.asarray(state.response.value), count)

        return nearest_finite(moved)

    @boundary
    def candidate(self, problem: Problem, state: PolicyIterationState) -> Candidate:
        distribution = distribution_of(jnp.asarray(state.mean_field))
        return Candidate(jnp.asarray(state.response.policy), distribution)

    def residual(self, state: PolicyIterationState) -> float:
        """The largest L1 distance between a state's policy and the improved one."""
        apart = np.abs(np.asarray(state.improved) - np.asarray(state.response.policy))
        return float(np.max(np.sum(apart, axis=1)))

    def _at(
        self, problem: Problem, field: Array, policy: Array, start: Array, count: Array
    ) -> PolicyIterationState:
        response, q, _ = assess(problem, field, policy, start)
        improved = agents_answer(q, None, self.temperature, problem.game.actions)[1]
        return PolicyIterationState(field, response, improved, count)
