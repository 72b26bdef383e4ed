"""The bound on what one of N agents can gain, before anything is simulated, with all its constants.

Let C be the Lipschitz constant, in the law, of the reward plus the discounted support function, rho
that of the map by which the population moves under the policy and nature's answer, and c the
consistency residual of the equilibrium's law m*. Then

    e_N = sqrt((S - 1) / N) + 2 / N,
    E norm1(m_t - m*) <= sum over k <= t of rho^k (e_N + c),
    epsilon_N <= 2 C (e_N + c) / ((1 - discount) (1 - discount rho)) + exploitability,

where discount * rho < 1. Where rho < 1, the same with 1 - rho holds too, uniformly in time. The proof
is in docs/finite_theory.md (F26).
"""

import dataclasses
import math

import numpy as np

from rmfg.answer.certificate import certify
from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.core.precision import Number
from rmfg.model.game import MeanFieldGame
from rmfg.operators.response import evaluate
from rmfg.population.bound_constants import BoundConstants, bound_constants
from rmfg.population.finite_gap import gap_of
from rmfg.population.gap import FiniteGap
from rmfg.population.setting import Setting, setting
from rmfg.rates.constant import Constant


@dataclasses.dataclass(frozen=True)
class FiniteBound:
    """Bounds on epsilon_N in the unit of values, the constants they rest on, and if those are proved.

    `reward`, `support` and `movement` are Lipschitz constants in the L1 norm of the law over states: of
    the reward, of nature's support function, and of the map by which the population moves.
    `fluctuation` is e_N. `value` is the bound by these constants, infinite where discount * movement
    >= 1; `uniform` is the one that asks for movement < 1. `tolerances` is the part of the smaller one
    that comes from the equilibrium's own inexactness. `posterior` is the bound by what is met along
    the equilibrium (see `rmfg.finite_gap`), if it was asked for.
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
        agents = inputs.integer("num_agents", num_agents, 1)
        constants = BoundConstants(self.reward, self.support, self.movement)
        return _assembled(self.equilibrium, agents, constants, None)

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
    r"""Return what is guaranteed of the gain of one among N agents who all play an equilibrium.

    An equilibrium that was loaded from a file knows its game at one mean field only: give `game` to
    say what it is elsewhere. Constants are proved where the game declares them or where they follow
    from its form; the others are estimated at laws drawn from `seed`. With `posterior` the bound by
    what is met along the equilibrium stands beside it, from the exact game where that is small, else
    sampled in `num_runs` runs.

    Raises ValueError or TypeError for wrong input, by the name of the argument.

    @article{saldi2018, title={Markov--Nash Equilibria in Mean-Field Games with Discounted Cost},
      author={Saldi, Naci and Ba{\c{s}}ar, Tamer and Raginsky, Maxim},
      journal={SIAM Journal on Control and Optimization}, volume={56}, year={2018}}
    """
    inputs.instance("equilibrium", equilibrium, Equilibrium, "an answer of `rmfg.solve`")
    agents, seed = inputs.integer("num_agents", num_agents, 1), inputs.integer("seed", seed)
    inputs.flag("posterior", posterior)
    runs = inputs.integer("num_runs", num_runs, 1)
    given = setting(equilibrium.game if game is None else game, equilibrium)
    given, equilibrium = judged(given, equilibrium)
    gap = gap_of(given, agents, runs=runs, seed=seed) if posterior else None
    return bound_of(given, equilibrium, agents, seed, gap)


def judged(given: Setting, equilibrium: Equilibrium) -> tuple[Setting, Equilibrium]:
    """Return both with certificate and values computed here, since those of a file are claims."""
    if not equilibrium.as_saved:
        return given, equilibrium
    saved, game = equilibrium.certificate, given.game
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
    equilibrium = dataclasses.replace(equilibrium, certificate=certificate, value=value)
    return given._replace(equilibrium=equilibrium), equilibrium


def bound_of(
    given: Setting,
    equilibrium: Equilibrium,
    agents: int,
    seed: int,
    posterior: FiniteGap | None = None,
) -> FiniteBound:
    """Return the bound for an equilibrium that was judged, whose population is `given`."""
    constants = bound_constants(given, equilibrium, seed)
    return _assembled(equilibrium, agents, constants, posterior)


def _assembled(
    equilibrium: Equilibrium, agents: int, constants: BoundConstants, posterior: FiniteGap | None
) -> FiniteBound:
    """The formulas of the module."""
    discount, size = float(equilibrium.game.discount), np.shape(equilibrium.policy)[0]
    certificate, movement = equilibrium.certificate, constants.movement.value
    constant = constants.reward.value + discount * constants.support.value
    fluctuation = math.sqrt((size - 1) / agents) + 2 / agents
    sums = [1 / (1 - rate) if rate < 1 else math.inf for rate in (discount * movement, movement)]
    factors = [2 * constant / (1 - discount) * total if constant else 0.0 for total in sums]
    exploitable = float(certificate.exploitability)
    drift = float(certificate.consistency)
    value, uniform = (factor * (fluctuation + drift) + exploitable for factor in factors)
    return FiniteBound(
        equilibrium=equilibrium,
        num_agents=agents,
        reward=constants.reward,
        support=constants.support,
        movement=constants.movement,
        fluctuation=fluctuation,
        value=value,
        uniform=uniform,
        tolerances=min(factors) * drift + exploitable,
        posterior=posterior,
    )
