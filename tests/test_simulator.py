"""Simulated populations against the exact laws of joint states."""

import numpy as np
import pytest
from finite_games import crowded, mean_field_policy, moved_by
from reference import joint_game

import rmfg
from rmfg.population.dynamics import dynamics
from rmfg.population.setting import setting


@pytest.mark.parametrize("method", ["agents", "counts"])
def test_simulated_laws_are_the_exact_ones(method):
    game, ambiguity = crowded(3, 2, seed=4), rmfg.TotalVariation(0.1)
    policy = np.random.default_rng(1).dirichlet(np.ones(2), 3)
    start = np.array([0.2, 0.3, 0.5])
    runs, agents, steps = 1000, 3, 3
    data = rmfg.simulate(
        game,
        policy,
        agents,
        steps,
        nature="worst_case",
        ambiguity=ambiguity,
        initial=start,
        num_runs=runs,
        method=method,
    )
    moving = dynamics(setting(game, policy, ambiguity, start, "worst_case"))
    joint = joint_game.simulate_law(moved_by(moving), policy, start, agents, steps)
    for moment in (1, 2):
        exact = joint_game.expected(joint, lambda law, moment=moment: np.asarray(law) ** moment)
        seen = data.empirical_law.values[:, -1] ** moment
        error = seen.std(axis=0) / np.sqrt(runs)
        assert np.all(np.abs(seen.mean(axis=0) - exact) <= 5 * error)


@pytest.mark.parametrize("method", ["agents", "counts"])
def test_seeds_reproduce_and_nobody_is_lost(method):
    game = rmfg.zoo.make("beach-bar", num_states=7)
    policy = np.full((7, 3), 1 / 3)

    def run(seed):
        return rmfg.simulate(game, policy, 50, 10, num_runs=3, seed=seed, method=method)

    one, same, other = run(1), run(1), run(2)
    assert one.identical(same)
    assert not one.empirical_law.equals(other.empirical_law)
    np.testing.assert_allclose(one.empirical_law.sum("state"), 1, atol=1e-12)
    np.testing.assert_allclose(one.actions.sum("action"), 1, atol=1e-12)


def test_returns_of_many_agents_are_the_value():
    answer = mean_field_policy(crowded(seed=1), rmfg.TotalVariation(0.1))
    data = rmfg.simulate(answer.game, answer, 10**9, 200, num_runs=2, seed=3)
    assert data.attrs["method"] == "counts"
    expected = answer.value @ answer.distribution
    assert float(data.mean_return) == pytest.approx(expected, abs=1e-3)
    assert float(data.distance.max()) <= 1e-3


@pytest.mark.parametrize("nature", ["nominal", "worst_case", "random", "adversary", "kernel"])
def test_every_nature_moves_within_its_set(nature):
    game, ambiguity = crowded(3, 2, seed=4), rmfg.TotalVariation(0.1)
    policy, law = np.full((3, 2), 0.5), np.full(3, 1 / 3)
    rule = game.kernel(law) if nature == "kernel" else nature
    moving = dynamics(setting(game, policy, ambiguity, law, rule))
    kernel = moved_by(moving)(law)
    assert np.max(ambiguity.violation(rmfg.DenseKernel(kernel), game.kernel(law))) <= 1e-12
    nominal = np.asarray(game.kernel(law).to_dense())
    assert np.allclose(kernel, nominal) == (nature in ("nominal", "kernel"))


def test_the_population_is_moved_as_the_equilibrium_says():
    game = rmfg.zoo.make("sis-epidemic")
    answer = rmfg.solve(game, rmfg.TotalVariation(0.05), population="nominal", tol=1e-9)
    named = rmfg.finite_gap(game, None, answer, 4, nature="nominal")
    worst = rmfg.finite_gap(game, None, answer, 4, nature="worst_case")
    assert rmfg.finite_gap(game, None, answer, 4).value == named.value != worst.value
    assert rmfg.simulate(game, answer, 4, 2).attrs["nature"] == "nominal"


def test_agents_can_be_kept():
    game = rmfg.zoo.make("beach-bar", num_states=7)
    data = rmfg.simulate(game, np.full((7, 3), 1 / 3), 20, 5, num_runs=2, keep_agents=True)
    counted = (data.agent_state.values[..., None] == np.arange(7)).mean(axis=2)
    np.testing.assert_allclose(counted, data.empirical_law.values, atol=1e-12)
