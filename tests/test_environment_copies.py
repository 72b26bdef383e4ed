"""Copies and pickles of environments go on as the original does."""

import copy
import pickle

import numpy as np
import pytest
from environments import tabular

import rmfg


def copies(env):
    return [copy.deepcopy(env), pickle.loads(pickle.dumps(env)), copy.deepcopy(copy.deepcopy(env))]


COPIED = {
    "zoo": lambda: rmfg.zoo.make("beach-bar", num_states=5),
    "zoo, joint": lambda: rmfg.zoo.make("crowded-actions"),
    "arrays": tabular,
}


@pytest.mark.parametrize("source", COPIED)
@pytest.mark.parametrize("nature", ["nominal", "random"])
def test_copies_of_a_population_go_the_same_way(source, nature):
    """From the start under one seed, and from the middle of an episode on."""
    pytest.importorskip("pettingzoo")
    ambiguity = rmfg.Contamination(0.2)
    env = rmfg.parallel_env(
        COPIED[source](), num_agents=3, num_steps=4, nature=nature, ambiguity=ambiguity
    )

    def go_on(one):
        found = []
        while one.agents:
            seen, rewards, *_ = one.step(dict.fromkeys(one.agents, 1))
            found.append(([int(each["state"]) for each in seen.values()], list(rewards.values())))
        return found

    others = copies(env)
    for one in (env, *others):
        one.reset(seed=3)
    found = [go_on(one) for one in (env, *others)]
    assert all(each == found[0] for each in found)
    env.reset(seed=4)
    env.step(dict.fromkeys(env.agents, 0))
    others = copies(env)
    found = [go_on(one) for one in (*others, env)]
    assert len(found[0]) == 3
    assert all(each == found[0] for each in found)


@pytest.mark.parametrize("source", COPIED)
def test_copies_of_a_single_agent_go_the_same_way(source):
    pytest.importorskip("gymnasium")
    game = COPIED[source]()
    shape = game.mean_field_shape
    env = rmfg.single_agent_env(game, np.full(shape, 1 / np.prod(shape)), num_steps=6)

    def go_on(one, steps):
        return [(int(state), reward) for state, reward, *_ in (one.step(1) for _ in range(steps))]

    others = copies(env)
    starts = [int(one.reset(seed=3)[0]) for one in (env, *others)]
    assert len(set(starts)) == 1
    found = [go_on(one, 3) for one in (env, *others)]
    assert all(each == found[0] for each in found)
    found = [go_on(one, 3) for one in (*copies(env), env)]
    assert all(each == found[0] for each in found)


def test_attributes_that_were_changed_are_pickled_too():
    pytest.importorskip("pettingzoo")
    game = rmfg.zoo.make("beach-bar", num_states=5)
    game.discount = 0.5
    env = rmfg.parallel_env(game, num_agents=2, num_steps=2)
    again = pickle.loads(pickle.dumps(env)).population.dynamics.problem.game
    assert (again.discount, again.recipe) == (0.5, game.recipe)


def test_functions_that_no_module_defines_cannot_be_pickled():
    pytest.importorskip("pettingzoo")
    kernel = np.full((2, 2, 2), 0.5)
    game = rmfg.TabularGame(kernel, lambda m: np.zeros((2, 2)) + m[0], 0.9)
    env = rmfg.parallel_env(game, num_agents=2, num_steps=2)
    with pytest.raises(TypeError, match=r"cannot be pickled.*top of a module"):
        pickle.dumps(env)
    assert copy.deepcopy(env).population.num_states == 2
