"""What one of N agents can gain by leaving the mean-field policy: exactly, or between bounds."""

import dataclasses
import time
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import checks, inputs
from rmfg.core.horizon import steps_to_forget
from rmfg.core.meter import Meter, metered
from rmfg.core.precision import Array, Number
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame, uniform_mean_field
from rmfg.model.kernel import Kernel
from rmfg.operators.response import evaluate, value_scale
from rmfg.operators.robust_mdp import RobustMDP
from rmfg.population.dynamics import dynamics
from rmfg.population.exact_gap import exact_gap
from rmfg.population.finite_game import num_multiplications
from rmfg.population.first_order import first_order
from rmfg.population.gap import FiniteGap
from rmfg.population.sampled_gap import sampled_gap
from rmfg.population.setting import Setting, setting

METHODS = ("auto", "exact", "sample")
# Up to so many multiplications for the transitions, some seconds, "auto" is exact.
SMALL_GAME = 500_000_000
# Sampling that has to look at more probabilities than this, an hour, is refused.
LARGEST_SAMPLE = 1e12
# Sampling stops where discounting leaves this share of the first step's weight.
CUT_OFF = 1e-6
# The natures whose kernel is a function of the empirical law, which the exact game needs.
DETERMINISTIC = ("nominal", "worst_case", "adversary")


def finite_gap(
    game: MeanFieldGame,
    ambiguity: Ambiguity | None,
    policy: Float[Array, "S A"] | Equilibrium,
    num_agents: Number,
    *,
    method: str = "auto",
    initial: Array | Sequence[float] | None = None,
    nature: str | Kernel | Array | None = None,
    tol: Number = 1e-10,
    num_runs: Number = 100,
    num_steps: Number | None = None,
    seed: int = 0,
    progress: bool | Meter = False,
) -> FiniteGap:
    r"""Return epsilon_N: the most that one of N agents gains by leaving the policy, robustly.

    The other agents play `policy`, an array (S, A) or an equilibrium, and move by `nature`'s kernel at
    the empirical law: "nominal", "worst_case", "adversary" or a kernel, as in `rmfg.simulate`. Agent 1
    sees its own state and how many of the others are in each state, and faces the worst case of its own
    set at the empirical law. All agents start independently from `initial` (S,), by default as in
    `rmfg.simulate`. Gains are discounted sums in the unit of values.

    `method` "exact" solves the game on (own state, counts of the others), to `tol` times the range
    of values. "sample" simulates `num_runs` runs of `num_steps` steps, by default until discounting
    leaves a millionth, and gives bounds from both sides with 95% intervals. "auto" is exact where that
    takes some seconds.

    Raises ValueError or TypeError for wrong input, and ValueError where "exact" or "sample" would take
    hours, and where the game is not finite at an empirical law.

    @article{saldi2018, title={Markov--Nash Equilibria in Mean-Field Games with Discounted Cost},
      author={Saldi, Naci and Ba{\c{s}}ar, Tamer and Raginsky, Maxim},
      journal={SIAM Journal on Control and Optimization}, volume={56}, year={2018}}
    @article{langner2024, title={Markov-Nash equilibria in mean-field games under model uncertainty},
      author={Langner, Johannes and Neufeld, Ariel and Park, Kyunghyun}, journal={arXiv:2410.11652},
      year={2024}}
    """
    sizes = {"num_agents": num_agents, "num_runs": num_runs}
    agents, runs = (inputs.integer(name, number, 1) for name, number in sizes.items())
    steps = None if num_steps is None else inputs.integer("num_steps", num_steps, 1)
    inputs.word("method", method, METHODS)
    seed = inputs.integer("seed", seed)
    checks.tolerance(tol, 1e-13)
    given = setting(game, policy, ambiguity, initial, nature, DETERMINISTIC)
    with metered(progress):
        return gap_of(
            given, agents, method=method, tol=float(tol), runs=runs, steps=steps, seed=seed
        )


def gap_of(
    given: Setting,
    agents: int,
    *,
    method: str = "auto",
    tol: float = 1e-10,
    runs: int,
    steps: int | None = None,
    seed: int,
) -> FiniteGap:
    """Return epsilon_N for a population that was checked. Raises ValueError where it is too large."""
    begin = time.perf_counter()
    game, ambiguity = given.game, given.problem.ambiguity
    if method == "auto":
        small = num_multiplications(agents, game.num_states) <= SMALL_GAME
        method = "exact" if small else "sample"
    if steps is None:
        steps = steps_to_forget(float(game.discount), CUT_OFF)
    if method == "sample":
        _check_sample(game, runs, steps)
    with jax.enable_x64(True):
        moving, field = dynamics(given), given.mean_field()
        scale = value_scale(RobustMDP.at(game, ambiguity, jnp.asarray(field))) or 1.0
        value = np.asarray(evaluate(game, ambiguity, given.policy, field))
        test = first_order(moving, value, given.distribution)
        if method == "exact":
            found = exact_gap(moving, test, given.distribution, agents, tol * scale)
        else:
            found = sampled_gap(moving, test, given.distribution, agents, runs, steps, seed)
    return dataclasses.replace(found, seconds=time.perf_counter() - begin)


def _check_sample(game: MeanFieldGame, runs: int, steps: int) -> None:
    """Refuse what has no interval, and what would take hours: every own state needs a kernel."""
    if runs < 2:
        raise ValueError(f"`num_runs` must be at least 2 for an interval, but is {runs}.")
    kernel = game.kernel(uniform_mean_field(game))
    numbers = float(runs) * steps * game.num_states * np.size(kernel.law)
    if numbers > LARGEST_SAMPLE:
        raise ValueError(
            f"`num_runs` = {runs} runs of {steps} steps in {game.num_states} states need {numbers:.2g} "
            f"probabilities, more than {LARGEST_SAMPLE:.0e}. Take fewer runs or `num_steps`; without a "
            "gap, `rmfg.finite_bound(..., posterior=False)` and `rmfg.finite_study(..., gap=None)`."
        )
