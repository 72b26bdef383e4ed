"""Online mirror descent: policies that follow the sum of all past action values."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, boundary
from rmfg.model.actions import allowed_only
from rmfg.model.game import uniform_policy
from rmfg.model.kernel import Kernel
from rmfg.model.problem import Candidate, Problem
from rmfg.solvers.assessment import assess
from rmfg.solvers.averaging import KernelAverage, averaged, flow_fits, share_of_round
from rmfg.solvers.base import Response, Solver, distribution_of, long_run, nearest_finite

# Weighs round j of the movers by about j^3: the first rounds, far from any equilibrium, fade fast.
MEMORY_POWER = 4.0


class MirrorDescentState(eqx.Module):
    """A policy, its sum of past advantages, and its worth at the mean field that it induced.

    `movers` averages the kernels that moved the population so far, each by the mass that met it.
    `steady` says that the nominal kernel has been the same at all mean fields so far: only then do
    nature's past answers belong to one convex set, and their mixture is an answer itself.
    """

    mean_field: Float[Array, "..."]
    response: Response
    q: Float[Array, "S A"]
    total: Float[Array, "S A"]
    spread: Float[Array, " S"]
    movers: KernelAverage | None
    count: Int[Array, ""]
    steady: Bool[Array, ""]


class MirrorDescent(Solver):
    r"""Add up the robust action values of all policies so far, and play their softmax.

        y <- y + Q^pi_m - V^pi_m,     z <- z + sum_a pi (Q^pi_m - V^pi_m)^2,
        pi(.|s) <- softmax(step_size * y(s, .) / sqrt(z(s))),     m <- stationary law of pi,

    with Q^pi_m the robust action values of the policy at the mean field that it induced, and z(s)
    the variance of the advantages that the policy in s has met. So the step has no unit: rewards
    may be scaled, and shifted in each state, and where the values of the actions that are played
    come to agree the steps cease to shrink. `optimistic=True` counts the last values twice, which
    brings games like rock, paper, scissors to rest, where plain descent circles; elsewhere it is
    slower. The population moves by the average of the kernels so far, weighed by the
    mass that met them, so that nature can mix.

    Converges in monotone games, whose equilibria may mix actions, often to all digits; where nature
    mixes, as fast as the average. It may go to different equilibria from different starts, and
    nothing is proved for stationary laws. Begins with the uniform policy. Nature's mixture is
    claimed as an answer only where the nominal kernel does not move with the mean field, and made
    only where S x S x A numbers fit in memory.

    @inproceedings{perolat2022, title={Scaling Mean Field Games by Online Mirror Descent},
      author={P{\'e}rolat, Julien and Perrin, Sarah and Elie, Romuald and Lauri{\`e}re, Mathieu and
      Piliouras, Georgios and Geist, Matthieu and Tuyls, Karl and Pietquin, Olivier},
      booktitle={AAMAS}, year={2022}}
    @article{orabona2018, title={Scale-Free Online Learning}, author={Orabona, Francesco and
      P{\'a}l, D{\'a}vid}, journal={Theoretical Computer Science}, volume={716}, year={2018}}
    @inproceedings{rakhlin2013, title={Online Learning with Predictable Sequences},
      author={Rakhlin, Alexander and Sridharan, Karthik}, booktitle={COLT}, year={2013}}
    """

    step_size: Float[Array, ""]
    optimistic: bool

    def __init__(self, step_size: Number = 0.5, *, optimistic: bool = False):
        self.step_size = checks.positive("step_size", step_size)
        self.optimistic = inputs.flag("optimistic", optimistic)

    @boundary
    def init(self, problem: Problem, guess: Float[Array, "..."]) -> MirrorDescentState:
        guess, policy = jnp.asarray(guess), jnp.asarray(uniform_policy(problem.game))
        response, q, error = assess(problem, guess, policy, jnp.zeros(problem.game.num_states))
        # Advantages below the error of q are noise, which must not be blown up to a step.
        spread = jnp.full(q.shape[0], max(error, float(np.finfo(q.dtype).tiny) ** 0.5) ** 2)
        movers = None
        if not isinstance(problem.population, Kernel) and flow_fits(problem.game):
            movers = KernelAverage(jnp.zeros((q.shape[0], *q.shape)), jnp.zeros(q.shape))
        count, steady = jnp.array(0), jnp.array(True)
        return MirrorDescentState(
            guess, response, q, jnp.zeros(q.shape), spread, movers, count, steady
        )

    @boundary
    def step(self, problem: Problem, state: MirrorDescentState) -> MirrorDescentState:
        state = jax.tree.map(jnp.asarray, state)
        response, count = state.response, state.count + 1
        actions = problem.game.actions
        policy, total, spread = _descend(state, self.step_size, self.optimistic, actions)
        before = distribution_of(state.mean_field)

        def moved(share: float) -> tuple[Array, Response, Array, KernelAverage | None]:
            played = (1 - share) * response.policy + share * policy
            mover, movers = response.mover, state.movers
            if movers is not None:
                movers = _joined(movers, mover, before[:, None] * played, count)
                mover = movers.kernel()
            distribution = long_run(response._replace(policy=played, mover=mover), before)
            field = problem.game.mean_field_of(distribution, played)
            return field, *assess(problem, field, played, response.value)[:2], movers

        field, following, q, movers = nearest_finite(moved)
        steady = state.steady & jnp.array_equal(following.nominal.law, response.nominal.law)
        return MirrorDescentState(field, following, q, total, spread, movers, count, steady)

    @boundary
    def candidate(self, problem: Problem, state: MirrorDescentState) -> Candidate:
        distribution, kernel = distribution_of(jnp.asarray(state.mean_field)), None
        claimed = problem.population == "worst_case" and bool(state.steady & (state.count > 0))
        if claimed and state.movers is not None:
            kernel = jax.tree.map(jnp.asarray, state.movers).kernel()
        return Candidate(jnp.asarray(state.response.policy), distribution, kernel)


@eqx.filter_jit
def _joined(movers: KernelAverage, mover: Kernel, mass: Array, count: Array) -> KernelAverage:
    """Average another round in; a little mass everywhere speaks for what nobody visits."""
    now = KernelAverage.of(mover, mass + 1 / (count * mass.size))
    return averaged(movers, now, share_of_round(count, MEMORY_POWER))


@eqx.filter_jit
def _descend(
    state: MirrorDescentState, step_size: Array, optimistic: bool, actions: Array | None
) -> tuple[Float[Array, "S A"], Float[Array, "S A"], Float[Array, " S"]]:
    """The next policy, the sum of advantages, and the variance that they have had."""
    policy, q = state.response.policy, state.q
    advantage = q - jnp.sum(policy * q, axis=1, keepdims=True)
    spread = state.spread + jnp.sum(policy * advantage**2, axis=1)
    total = state.total + advantage
    # Only differences between actions matter: the largest is kept at zero, and nothing overflows.
    total -= jnp.max(total, axis=1, keepdims=True)
    ahead = total + advantage if optimistic else total
    heights = step_size * ahead / jnp.sqrt(spread)[:, None]
    policy = jax.nn.softmax(allowed_only(heights, actions), axis=1)
    return policy, total, spread
