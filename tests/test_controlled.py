"""Agents whose actions come from outside: their rewards and moves against the game's numbers."""

import numpy as np
import pytest
import scipy.stats
from environments import (
    ACTIONS,
    DOUBT,
    POLICY,
    SHAPE,
    STATES,
    acting,
    crowding,
    population_of,
    sparse_game,
)

import rmfg
from rmfg.population.disintegration import disintegrated

COMPARED = ("nominal", "adversary")
RUNS = 1_500


def test_mean_fields_of_pairs_count_the_actions_taken():
    population = population_of(crowding("state-action"))
    states, actions = np.array([0, 0, 0, 2, 2]), np.array([0, 0, 1, 1, 1])
    field = np.zeros(SHAPE)
    np.add.at(field, (states, actions), 1 / 5)
    _, rewards = population.step(states, actions)
    expected = crowding("state-action").reward(field)[states, actions]
    np.testing.assert_allclose(rewards, expected, atol=1e-12)
    law, policy = disintegrated(field)
    np.testing.assert_allclose(law[:, None] * policy, field, atol=1e-15)
    np.testing.assert_allclose(policy.sum(axis=1), 1)


@pytest.mark.parametrize("game", [crowding(), sparse_game()], ids=["dense", "sparse"])
def test_next_states_are_drawn_from_the_kernel(game):
    population = population_of(game)
    count = 40_000
    states = population.start(count, seed=0)
    actions = np.arange(count) % ACTIONS
    following, _ = population.step(states, actions)
    kernel = game.kernel(population.empirical_law(states)).to_dense()
    for s, a in np.ndindex(SHAPE):
        here = (states == s) & (actions == a)
        found = np.bincount(following[here], minlength=STATES)
        possible = kernel[s, a] > 0
        assert found[~possible].sum() == 0, "what has no mass is never drawn"
        expected = kernel[s, a][possible] * here.sum()
        assert scipy.stats.chisquare(found[possible], expected).pvalue > 1e-4, (s, a)


@pytest.fixture(scope="module")
def simulated() -> dict:
    """States before and after one step of ten agents in many runs, by nature."""
    options = {"ambiguity": DOUBT, "num_runs": RUNS, "keep_agents": True, "seed": 1}
    return {
        nature: np.moveaxis(
            rmfg.simulate(crowding(), POLICY, 10, 1, nature=nature, **options).agent_state.values,
            1,
            0,
        )
        for nature in COMPARED
    }


def contingency(one: np.ndarray, two: np.ndarray) -> float:
    """The p-value that two samples, each of integers, are of one law."""
    size = 1 + max(one.max(), two.max())
    table = np.stack([np.bincount(one, minlength=size), np.bincount(two, minlength=size)])
    return float(scipy.stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue)


@pytest.mark.parametrize("nature", COMPARED)
def test_a_step_has_the_law_of_the_simulation(simulated, nature):
    population = population_of(crowding(), nature, DOUBT)
    random, runs = np.random.default_rng(7), RUNS
    before, after = np.empty((2, runs, 10), dtype=int)
    population.start(10, seed=2)
    for run in range(runs):
        before[run] = population.start(10)
        after[run] = population.step(before[run], acting(random, before[run]))[0]
    old, new = simulated[nature]
    # One agent's transition, and how many agents are in a state together afterwards.
    assert contingency(STATES * before[:, 0] + after[:, 0], STATES * old[:, 0] + new[:, 0]) > 1e-3
    for state in range(STATES):
        assert contingency((after == state).sum(1), (new == state).sum(1)) > 1e-3, state
    others = simulated["adversary" if nature == "nominal" else "nominal"][1]
    assert contingency(after.ravel(), others.ravel()) < 1e-3, "the test sees another nature"


def test_a_kernel_may_be_nature():
    kernel = np.zeros((*SHAPE, STATES))
    kernel[..., 3] = 1
    following, _ = population_of(crowding(), kernel).step(np.zeros(5, int), np.ones(5, int))
    assert (following == 3).all()


def test_a_crowd_stays_as_it_is():
    crowd = np.array([0.7, 0.1, 0.1, 0.1])
    population = population_of(crowding(), "random", DOUBT, fixed=crowd)
    states = population.start(3, seed=0)
    expected = crowding().reward(crowd)
    below = population.transitions.cumulative
    for _ in range(3):
        actions = np.zeros(3, int)
        following, rewards = population.step(states, actions)
        np.testing.assert_allclose(rewards, expected[states, 0], atol=1e-12)
        assert population.transitions.cumulative is below, "one kernel for the whole episode"
        states = following
    population.start(3)
    assert not np.array_equal(population.transitions.cumulative, below), (
        "and another one for the next"
    )
