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
from rmfg.model.game import MeanFieldGame, checked_game, uniform_mean_field
from rmfg.model.kernel import Kernel
from rmfg.operators.response import evaluate, value_scale
from rmfg.operators.robust_mdp import RobustMDP
from rmfg.population.exact import work
from rmfg.population.exact_gain import exact_gain
from rmfg.population.first_order import first_order
from rmfg.population.gain import FiniteGap
from rmfg.population.sampled_gain import sampled_gain
from rmfg.population.setting import setting
from rmfg.population.simulator import whole

METHODS = ("auto", "exact", "sample")
# Multiplications for the transitions up to which "auto" is exact: some seconds.
SMALL_GAME = 500_000_000
# Probabilities that sampling may look at: an hour.
LARGEST_SAMPLE = 1e12
# What discounting leaves of the first step's weight where sampling stops.
CUT_OFF = 1e-6
# Natures whose answer is a function of the law alone.
STEADY = ("nominal", "worst_case", "adversary")


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
    """Return epsilon_N: the most that one of N agents gains by leaving the policy, robustly.

    The other agents play `policy` and move by `nature`'s kernel at the empirical law, as in
    `rmfg.simulate` ("nominal", "worst_case", "adversary" or a kernel); agent 1 faces the worst case
    of its own set at that law, with full knowledge. All start independently from `initial`, an
    equilibrium's law by default.

    `method` "exact" solves the game on (own state, counts of the others), to `tol` times the range
    of values; "sample" simulates `num_runs` times `num_steps` steps (until discounting leaves a
    millionth) and gives bounds from both sides with 95% intervals; "auto" is exact where that takes
    some seconds. Raises ValueError for wrong input, and where "exact" is out of reach.
    """
    begin = time.perf_counter()
    checked_game(game)
    agents, runs = whole("num_agents", num_agents), whole("num_runs", num_runs)
    inputs.word("method", method, METHODS)
    seed = inputs.integer("seed", seed)
    checks.tolerance(tol, 1e-13)
    problem, _, plan, law, _ = given = setting(game, policy, ambiguity, initial, nature, STEADY)
    if method == "auto":
        method = "exact" if work(agents, game.num_states) <= SMALL_GAME else "sample"
    enough = steps_to_forget(float(game.discount), CUT_OFF)
    steps = enough if num_steps is None else whole("num_steps", num_steps)
    if method == "sample":
        _check_sample(game, runs, steps)
    with jax.enable_x64(True), metered(progress):
        moving = given.dynamics()
        field = np.asarray(game.mean_field_of(law, plan))
        scale = value_scale(RobustMDP.at(game, problem.ambiguity, jnp.asarray(field))) or 1.0
        value = np.asarray(evaluate(game, problem.ambiguity, plan, field))
        test = first_order(moving, value, law)
        if method == "exact":
            found = exact_gain(moving, test, law, agents, float(tol) * scale)
        else:
            found = sampled_gain(moving, test, law, agents, runs, steps, int(seed))
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
