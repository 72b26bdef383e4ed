"""The game of N agents as a PettingZoo environment."""

import re
import warnings

import numpy as np
import pytest
from environments import (
    ACTIONS,
    DOUBT,
    NATURES,
    POLICY,
    SHAPE,
    STATES,
    call,
    crowding,
    equilibrium,
    tabular,
)

import rmfg


@pytest.mark.parametrize("nature", NATURES)
def test_the_population_passes_the_tests_of_pettingzoo(nature):
    pytest.importorskip("pettingzoo")
    from pettingzoo.test import parallel_api_test

    policy = equilibrium() if nature != "random" else None
    options = {"nature": nature, "ambiguity": DOUBT, "policy": policy}
    env = rmfg.parallel_env(crowding(), num_agents=5, num_steps=20, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # their test warns of what it finds wrong
        parallel_api_test(env, num_cycles=50)
    assert env.agents == [], "all are truncated at the end"
    assert env.max_num_agents == 5


def play(env, steps: int, seed: int) -> tuple[list, list]:
    """The states and rewards of all agents whose actions are drawn from a generator of their own."""
    random = np.random.default_rng(100 + seed)
    found, _ = env.reset(seed=seed)
    states, rewards = [[found[agent]["state"] for agent in env.agents]], []
    for _ in range(steps):
        agents = list(env.agents)
        actions = random.integers(ACTIONS, size=len(agents))
        found, gained, *_ = env.step(dict(zip(agents, actions, strict=True)))
        states.append([found[agent]["state"] for agent in agents])
        rewards.append([gained[agent] for agent in agents])
    return states, rewards


@pytest.mark.parametrize("nature", NATURES)
def test_equal_seeds_reproduce_a_population(nature):
    pytest.importorskip("pettingzoo")
    options = {"nature": nature, "ambiguity": DOUBT, "policy": POLICY}
    env = rmfg.parallel_env(crowding(), num_agents=9, num_steps=6, **options)
    other = rmfg.parallel_env(crowding(), num_agents=9, num_steps=6, **options)
    first = play(env, 6, seed=4)
    assert play(env, 6, seed=4) == first, "whatever came before"
    assert play(other, 6, seed=4) == first
    assert play(env, 6, seed=5) != first
    env.reset(seed=4)
    before = env.state()
    env.reset()
    assert not np.array_equal(env.state(), before), "without a seed the stream goes on"


def test_observations_are_the_agents_own():
    pytest.importorskip("pettingzoo")
    env = rmfg.parallel_env(crowding(), num_agents=7, num_steps=3)
    found, _ = env.reset(seed=0)
    states = env.state()
    for number, agent in enumerate(env.agents):
        assert found[agent] in env.observation_space(agent)
        assert found[agent]["state"] == states[number]
        counted = np.bincount(states, minlength=STATES) / 7
        np.testing.assert_allclose(found[agent]["empirical_law"], counted, atol=1e-7)
    found["agent_0"]["empirical_law"][:] = 0
    assert found["agent_1"]["empirical_law"].sum() == pytest.approx(1), "no agent sees another's"
    assert states in env.state_space


def test_rewards_are_those_at_the_empirical_law():
    pytest.importorskip("pettingzoo")
    env = rmfg.parallel_env(crowding(), num_agents=6, num_steps=5)
    env.reset(seed=1)
    for step in range(5):
        states, agents = env.state(), list(env.agents)
        actions = {agent: (number + step) % ACTIONS for number, agent in enumerate(agents)}
        _, rewards, *_ = env.step(actions)
        expected = crowding().reward(np.bincount(states, minlength=STATES) / 6)
        for agent, state in zip(agents, states, strict=True):
            assert rewards[agent] == pytest.approx(expected[state, actions[agent]], abs=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"nature": "worst"}, ["nature", "worst_case"]),
        ({"nature": "worst_case", "ambiguity": DOUBT}, ["worst_case", "`policy`", "equilibrium"]),
        ({"nature": "adversary", "ambiguity": DOUBT}, ["adversary", "`policy`", "equilibrium"]),
        ({"nature": "random"}, ["random", "`ambiguity`", "rmfg.TotalVariation"]),
        ({"nature": "worst_case", "policy": POLICY}, ["`ambiguity`"]),
        ({"nature": np.full((3, 2, 3), 1 / 3)}, ["`nature`", "(3, 2)", "(4, 2)"]),
        ({"num_agents": 0}, ["`num_agents`", "0"]),
        ({"num_steps": 2.5}, ["`num_steps`", "2.5"]),
        ({"initial": np.full(4, 0.5)}, ["`initial`", "sum to one"]),
        ({"policy": np.ones(SHAPE)}, ["`policy`", "sum to one"]),
    ],
)
def test_wrong_input_of_a_population(options, words):
    pytest.importorskip("pettingzoo")
    with pytest.raises(ValueError, match=".*".join(map(re.escape, words))):
        call(rmfg.parallel_env, crowding(), **{"num_agents": 3, "num_steps": 3} | options)


def test_agents_that_do_not_fit_are_refused_at_once():
    pytest.importorskip("pettingzoo")
    for number in (10**11, 2**63 - 1):
        with pytest.raises(ValueError, match=r"`num_agents` too large.*iB of memory"):
            rmfg.parallel_env(tabular(), num_agents=number, num_steps=2)
    for number in (2**63, 10**308):
        with pytest.raises(ValueError, match="`num_agents`"):
            rmfg.parallel_env(tabular(), num_agents=number, num_steps=2)
