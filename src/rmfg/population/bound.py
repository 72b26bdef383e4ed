"""The bound on what one of N agents can gain, before anything is simulated, with all its constants.

With C the constant of reward plus discounted support function in the law, rho that of the map by which
the population moves under the policy and nature's answer, e_N = sqrt((S - 1) / N) + 2 / N, and c the
consistency residual,

    E norm1(m_t - m*) <= sum over k <= t of rho^k (e_N + c),
    epsilon_N <= 2 C (e_N + c) / ((1 - discount) (1 - discount rho)) + exploitability,

where discount * rho < 1; where rho < 1 the same with 1 - rho also holds uniformly in time. The
verification argument is in the documentation.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.answer.certificate import certify
from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.core.dependence import Dependence, dependence
from rmfg.core.precision import Array, Number
from rmfg.model.dobrushin import farthest
from rmfg.model.game import MeanFieldGame, checked_game
from rmfg.model.problem import Problem
from rmfg.operators.response import evaluate
from rmfg.operators.robust_mdp import RobustMDP
from rmfg.population.dynamics import Dynamics, dynamics
from rmfg.population.gain import FiniteGap
from rmfg.population.gap import finite_gap
from rmfg.population.setting import problem_of
from rmfg.population.simulator import whole
from rmfg.rates.steepness import Constant, Steepness, steepness_of

NUM_SAMPLES = 32


@dataclasses.dataclass(frozen=True)
class FiniteBound:
    """Bounds on epsilon_N, the constants that they rest on, and whether those are proved.

    `reward`, `support` and `movement` are the constants L_r, L_s and rho; `fluctuation` is e_N.
    `value` is the bound by global constants, infinite where discount * rho >= 1, `uniform` the one
    by rho < 1; of both, `tolerances` is the part that the answer's own inexactness adds.
    `posterior` is the bound by what is met along the equilibrium (see `rmfg.finite_gap`).
    """

    equilibrium: Equilibrium = dataclasses.field(repr=False, compare=False)
    num_agents: int
    reward: Constant
    support: Constant
    movement: Constant
    fluctuation: float
    value: float
    uniform: float
    tolerances: float
    posterior: FiniteGap | None

    @property
    def proved(self) -> bool:
        """Whether `value` and `uniform` rest on proved constants alone."""
        return self.reward.proved and self.support.proved and self.movement.proved

    def at(self, num_agents: Number) -> "FiniteBound":
        """Return the bound for another number of agents: the constants do not depend on it."""
        agents = whole("num_agents", num_agents)
        return _assembled(self.equilibrium, agents, self.reward, self.support, self.movement, None)

    def __str__(self) -> str:
        lines = [
            f"{'reward':<14}{self.reward}",
            f"{'support':<14}{self.support}",
            f"{'movement':<14}{self.movement}",
            f"{'fluctuation':<14}{self.fluctuation:.6g}",
            f"{'bound':<14}{self.value:.6g} ({'proved' if self.proved else 'estimated'})",
            f"{'uniform bound':<14}{self.uniform:.6g}",
            f"{'of which tol':<14}{self.tolerances:.6g}",
        ]
        if self.posterior is not None:
            lines.append(f"{'posterior':<14}{self.posterior.upper}")
        return "\n".join(lines)


def finite_bound(
    equilibrium: Equilibrium,
    num_agents: Number,
    *,
    game: MeanFieldGame | None = None,
    posterior: bool = True,
    num_runs: Number = 100,
    seed: int = 0,
) -> FiniteBound:
    """Return what is guaranteed of the gain of one among N agents who all play an equilibrium.

    An equilibrium that was loaded from a file holds its game at one mean field only: give `game` to
    say what it is elsewhere. Constants are proved where the game declares them or they follow from its
    form, else estimated from laws drawn from `seed`. With `posterior` the bound by what is met along
    the equilibrium stands beside it: exact in small games, else sampled in `num_runs` runs.
    """
    inputs.instance("equilibrium", equilibrium, Equilibrium, "an answer of `rmfg.solve`")
    agents, seed = whole("num_agents", num_agents), inputs.integer("seed", seed)
    inputs.flag("posterior", posterior)
    whole("num_runs", num_runs)
    game = equilibrium.game if game is None else game
    check_fits(game, equilibrium)
    equilibrium = _judged(equilibrium, game)
    problem = problem_of(equilibrium, game, None)
    found = (
        finite_gap(game, None, equilibrium, agents, num_runs=num_runs, seed=seed)
        if posterior
        else None
    )
    with jax.enable_x64(True):
        center = np.asarray(equilibrium.distribution)
        moving = dynamics(problem, equilibrium, equilibrium.population, center)
        laws = _laws(game, seed, center)
        fields = np.stack([game.mean_field_of(law, equilibrium.policy) for law in laws])
        steep = steepness_of(game, fields)
        support = _support(problem, steep, equilibrium, fields)
        movement = _movement(moving, laws)
    return _assembled(equilibrium, agents, steep.reward, support, movement, found)


def check_fits(game: MeanFieldGame, equilibrium: Equilibrium) -> None:
    """Refuse what is no game, and one of other sizes than the equilibrium's."""
    checked_game(game)
    sizes, played = (game.num_states, game.num_actions), np.shape(equilibrium.policy)
    if sizes != played:
        raise ValueError(
            f"`game` has (states, actions) = {sizes}, but the policy of `equilibrium` has {played}. "
            "Give the game that it is an equilibrium of."
        )


def _judged(equilibrium: Equilibrium, game: MeanFieldGame) -> Equilibrium:
    """The answer with a certificate and values of its own: those of a file are claims."""
    if not equilibrium.as_saved:
        return equilibrium
    saved = equilibrium.certificate
    field = game.mean_field_of(equilibrium.distribution, equilibrium.policy)
    certificate = certify(
        game,
        equilibrium.ambiguity,
        equilibrium.policy,
        equilibrium.distribution,
        equilibrium.kernel,
        population=equilibrium.population,
        tol=saved.tol,
        atol=saved.atol,
    )
    value = evaluate(game, equilibrium.ambiguity, equilibrium.policy, field)
    return dataclasses.replace(equilibrium, certificate=certificate, value=value)


def _assembled(
    equilibrium: Equilibrium,
    agents: int,
    reward: Constant,
    support: Constant,
    movement: Constant,
    posterior: FiniteGap | None,
) -> FiniteBound:
    discount, size = float(equilibrium.game.discount), equilibrium.game.num_states
    certificate = equilibrium.certificate
    constant = reward.value + discount * support.value
    fluctuation = math.sqrt((size - 1) / agents) + 2 / agents
    sums = [
        1 / (1 - rate) if rate < 1 else math.inf
        for rate in (discount * movement.value, movement.value)
    ]
    factors = [2 * constant / (1 - discount) * total if constant else 0.0 for total in sums]
    exploitable = float(certificate.exploitability)
    drift = float(certificate.consistency)
    value, uniform = (factor * (fluctuation + drift) + exploitable for factor in factors)
    return FiniteBound(
        equilibrium=equilibrium,
        num_agents=agents,
        reward=reward,
        support=support,
        movement=movement,
        fluctuation=fluctuation,
        value=value,
        uniform=uniform,
        tolerances=min(factors) * drift + exploitable,
        posterior=posterior,
    )


def _support(
    problem: Problem,
    steep: Steepness,
    equilibrium: Equilibrium,
    fields: Float[np.ndarray, "N ..."],
) -> Constant:
    """How fast nature's support function moves with the mean field, at the values that matter.

    Those are the policy's and the best ones, which are higher by at most the exploitability.
    """
    value = np.asarray(equilibrium.value)
    kernel, ambiguity = steep.kernel, problem.ambiguity
    if kernel.value == 0 and kernel.proved and ambiguity.frozen:
        return Constant(0.0, True, "neither kernel nor set depend on the mean field")
    spread = float(np.ptp(value)) + float(equilibrium.certificate.exploitability)
    factor = ambiguity.support_lipschitz(spread, steep.smallest) if ambiguity.frozen else None
    if factor is not None:
        found = factor * kernel.value * spread / 2
        return Constant(found, kernel.proved, "from the kernel and the spread of values")

    def support(field: Array) -> Array:
        return RobustMDP.at(problem.game, ambiguity, field).worst(jnp.asarray(value)).value

    # Half the largest difference between two columns: laws differ by vectors of sum zero.
    slopes = jax.vmap(jax.jacfwd(support))(jnp.asarray(fields))
    flat = np.asarray(slopes).reshape(len(fields), slopes.shape[1] * slopes.shape[2], -1)
    found = float(np.ptp(flat, axis=-1).max()) / 2
    return Constant(found, False, f"slopes at {len(fields)} laws")


def _movement(dynamics: Dynamics, laws: Float[np.ndarray, "N S"]) -> Constant:
    """The Lipschitz constant in L1 of the map by which the law moves."""
    still = dependence(dynamics.chain, jnp.asarray(laws[0]))
    if all(level == Dependence.NONE for level in still):
        found = farthest(np.asarray(dynamics.chain(jnp.asarray(laws[0]))))
        return Constant(
            found, True, "the chain does not depend on the law: its Dobrushin coefficient"
        )

    def pushed(law: Array) -> Array:
        return law @ dynamics.chain(law)

    slopes = np.asarray(jax.vmap(jax.jacfwd(pushed))(jnp.asarray(laws)))
    # Columns of a derivative are where a little mass in a state goes.
    found = max(_farthest_columns(slope) for slope in slopes)
    return Constant(found, False, f"slopes at {len(laws)} laws")


def _farthest_columns(slope: Float[np.ndarray, "S S"]) -> float:
    """Half the largest L1 distance between two columns."""
    columns = slope.T
    return max(float(np.abs(columns - column).sum(axis=1).max()) for column in columns) / 2


def _laws(game: MeanFieldGame, seed: int, near: np.ndarray) -> Float[np.ndarray, "N S"]:
    """The equilibrium's law, and others drawn around it and anywhere."""
    random = np.random.default_rng(seed)
    anywhere = random.dirichlet(np.ones(game.num_states), NUM_SAMPLES)
    shares = random.uniform(size=(NUM_SAMPLES, 1)) ** 3
    return np.concatenate([near[None], near + shares * (anywhere - near)])
