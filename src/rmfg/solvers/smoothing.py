"""The smoothed equilibrium: one smooth system of equations near a center, for Newton's method.

The conditions of an equilibrium hold in (value V, policy pi, nature's kernel kappa, law mu). Policy and
kernel jump where actions or laws tie, and the law is not unique where the chain splits. Let every
player stay near a center instead: agents pay `temperature` times the relative entropy to the policy
pi_0, nature pays it times a divergence to the kernel kappa_0, and a share `restart` of the
population starts anew from the law mu_0 at each step. Then policy and kernel are smooth functions of
(V, m), and what is left are the equations

    V = temperature * log sum over a of pi_0 exp(Q / temperature),   Q = r + discount * soft sigma,
    m = (1 - restart) * (m pushed through pi and kappa) + restart * mu_0.

With uniform centers and a falling temperature their solutions are a path to the equilibria. With
the last solution as center, and any temperature, each solve is a step of the proximal point method:
what the smoothing adds is proportional to the distance from the center, and vanishes as the steps
do.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.answer.scale import NEIGHBORHOOD, response_to_neighbors
from rmfg.core.precision import Array
from rmfg.model.actions import allowed_only
from rmfg.model.ambiguity.soft import ProximalStep
from rmfg.model.game import MeanFieldGame, uniform_policy
from rmfg.model.kernel import Kernel
from rmfg.model.leaking import Leaking
from rmfg.model.problem import Problem
from rmfg.operators.response import value_scale
from rmfg.operators.robust_mdp import RobustMDP

# How much larger than the range of values at the guess the unit may be.
WIDEST = 10.0


class Center(NamedTuple):
    """What a smoothed equilibrium stays near to: logarithms of a policy, nature's potential, a law.

    `weight` and `offset` are what curved ambiguity sets need besides the potential (see `Softened`),
    the offset in units of the temperature.
    """

    log_policy: Float[Array, "S A"]
    potential: Float[Array, " S"]
    distribution: Float[Array, " S"]
    weight: Float[Array, "S A"]
    offset: Float[Array, "S A"]

    @classmethod
    def uniform(cls, game: MeanFieldGame, distribution: Float[Array, " S"]) -> "Center":
        """Everybody at random."""
        played = uniform_policy(game)
        policy = np.log(np.where(played > 0, played, 1))
        return cls(
            policy,
            np.zeros(distribution.size),
            distribution,
            np.ones_like(policy),
            np.zeros_like(policy),
        )


class Smoothing(NamedTuple):
    """A center, and how strongly it attracts; `unit` makes values and temperatures numbers."""

    center: Center
    log_temperature: Float[Array, ""]
    restart: Float[Array, ""]
    unit: Float[Array, ""]


class Play(NamedTuple):
    """What agents and nature do at a point, with the center that the point is for the next one."""

    policy: Float[Array, "S A"]
    kernel: Kernel | Leaking
    distribution: Float[Array, " S"]
    log_policy: Float[Array, "S A"]
    potential: Float[Array, " S"]
    weight: Float[Array, "S A"]
    offset: Float[Array, "S A"]


def residual(
    problem: Problem, point: Float[Array, " N"], smoothing: Smoothing
) -> tuple[Float[Array, " N"], Play]:
    """Return image minus point, and what is played there. The point is (V / unit, m) in one array.

    NaN where the game has no finite rewards, or rows that are no laws.
    """
    game = problem.game
    center, unit = smoothing.center, smoothing.unit
    mdp, step, low = faced(problem, point, smoothing)
    mean_field, temperature, heights = mdp.mean_field, step.temperature, step.values
    nature = mdp.ambiguity.soften(mdp.kernel, step, mean_field)
    q = mdp.q_before(low + nature.value - temperature * center.offset)
    logits = allowed_only(q / temperature + center.log_policy, mdp.actions)
    policy = jax.nn.softmax(logits, axis=1)
    log_sum = jax.nn.logsumexp(logits, axis=1, keepdims=True)
    of_pairs = game.mean_field == "state-action"
    occupation = mean_field if of_pairs else mean_field[:, None] * policy
    pushed = problem.mover(mdp.kernel, nature.kernel).push(occupation)
    distribution = (1 - smoothing.restart) * pushed + smoothing.restart * center.distribution
    image = jnp.concatenate(
        [temperature * log_sum[:, 0] / unit, game.mean_field_of(distribution, policy).ravel()]
    )
    potential = heights / temperature + center.potential
    offset = nature.offset / temperature
    play = Play(
        policy, nature.kernel, distribution, logits - log_sum, potential, nature.weight, offset
    )
    return jnp.where(mdp.sound, image - point, jnp.nan), play


def faced(
    problem: Problem, point: Float[Array, " N"], smoothing: Smoothing
) -> tuple[RobustMDP, ProximalStep, Float[Array, ""]]:
    """Return what agents face at a point, nature's proximal step, and the lowest value (traceable).

    The step's values are heights above the lowest one: their level would only cost digits.
    """
    game, size = problem.game, problem.game.num_states
    center, unit = smoothing.center, smoothing.unit
    value, mean_field = point[:size] * unit, point[size:].reshape(game.mean_field_shape)
    low = jax.lax.stop_gradient(jnp.min(value))
    temperature = jnp.exp(smoothing.log_temperature) * unit
    step = ProximalStep(value - low, center.potential, temperature, center.weight)
    return RobustMDP.at(game, problem.ambiguity, mean_field), step, low


def unit_of(problem: Problem, guess: Float[np.ndarray, "..."]) -> float:
    """The range of values at the guess, or at a population gathered in one place where it is larger.

    It is larger by no more than `WIDEST`: a crowd that never forms may cost anything.
    """
    gathered = np.zeros(guess.size)
    gathered[0] = 1.0
    here, elsewhere = (
        value_scale(RobustMDP.at(problem.game, problem.ambiguity, jnp.asarray(field)))
        for field in (guess, gathered.reshape(guess.shape))
    )
    uniform = np.full((problem.game.num_states, problem.game.num_actions), 1 / guess.size)
    response = response_to_neighbors(problem.game, guess, uniform) / NEIGHBORHOOD
    local = max(here, response / (1 - float(problem.game.discount)))
    if not np.isfinite(elsewhere):
        return local or 1.0
    return max(here, min(elsewhere, WIDEST * local)) or 1.0
