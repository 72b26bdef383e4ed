"""Environments for reinforcement learning: their libraries' own tests, and the game's numbers."""

import copy
import functools
import pickle
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.stats

import rmfg
from rmfg.model.problem import Problem
from rmfg.population.arena import Arena, disintegrated
from rmfg.population.dynamics import dynamics

DOUBT = rmfg.TotalVariation(0.3)
STATES, ACTIONS = 4, 2
SHAPE = (STATES, ACTIONS)
POLICY = np.random.default_rng(3).dirichlet(np.ones(ACTIONS), STATES)
NATURES = ("nominal", "worst_case", "random", "adversary")
COMPARED = ("nominal", "adversary")
RUNS = 1_500


@functools.cache
def crowding(kind: str = "state") -> rmfg.TabularGame:
    """A game whose reward and kernel both move with the mean field."""
    random = np.random.default_rng(0)
    base = random.dirichlet(np.ones(STATES), SHAPE)
    payoff = random.normal(size=SHAPE)

    def kernel(m):
        law = m if kind == "state" else m.sum(axis=1)
        return (base + law) / 2

    def reward(m):
        return payoff - (m[:, None] if kind == "state" else 3 * m)

    sizes = {"num_states": STATES, "num_actions": ACTIONS}
    return rmfg.TabularGame(kernel, reward, 0.9, mean_field=kind, name="crowding", **sizes)


def sparse_game() -> rmfg.TabularGame:
    """Successors padded with probability zero, in front, between and behind."""
    successors = np.broadcast_to((np.arange(STATES)[:, None, None] + range(4)) % 4, (*SHAPE, 4))
    law = np.array([[0, 0.3, 0, 0.7], [0.6, 0, 0.4, 0]])
    kernel = rmfg.SparseKernel(successors, np.broadcast_to(law, (*SHAPE, 4)))
    return rmfg.TabularGame(kernel, np.zeros(SHAPE), 0.9)


@functools.cache
def equilibrium() -> rmfg.Equilibrium:
    return rmfg.solve(crowding(), DOUBT, tol=1e-4)


def arena_of(game, nature="nominal", ambiguity=None, policy=POLICY, **options) -> Arena:
    uniform = np.full(game.num_states, 1 / game.num_states)
    with rmfg_precision():
        return Arena(
            dynamics(Problem(game, ambiguity), policy, nature, uniform), uniform, **options
        )


def rmfg_precision():
    import jax

    return jax.enable_x64(True)


def acting(random: np.random.Generator, states: np.ndarray, policy=POLICY) -> np.ndarray:
    """Actions drawn from a policy."""
    return (random.random(len(states))[:, None] >= np.cumsum(policy, 1)[states][:, :-1]).sum(1)


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


# The libraries' own tests -----------------------------------------------------------------------


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


@pytest.mark.parametrize("nature", ["nominal", "worst_case", "random"])
@pytest.mark.parametrize("kind", ["state", "state-action"])
def test_the_single_agent_passes_the_tests_of_gymnasium(nature, kind):
    pytest.importorskip("gymnasium")
    from gymnasium.utils.env_checker import check_env

    field = np.full(crowding(kind).mean_field_shape, 1 / np.prod(crowding(kind).mean_field_shape))
    env = rmfg.single_agent_env(crowding(kind), field, nature=nature, ambiguity=DOUBT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=True)


# Episodes ---------------------------------------------------------------------------------------


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


def test_episodes_end():
    pytest.importorskip("pettingzoo")
    env = rmfg.parallel_env(crowding(), num_agents=2, num_steps=2)
    with pytest.raises(RuntimeError, match="`reset` before `step`"):
        env.step({})
    env.reset(seed=0)
    *_, ended, truncated, _ = env.step(dict.fromkeys(env.agents, 0))
    assert not any([*ended.values(), *truncated.values()])
    *_, ended, truncated, _ = env.step(dict.fromkeys(env.agents, 0))
    assert not any(ended.values())
    assert all(truncated.values())
    with pytest.raises(RuntimeError, match="`reset` before `step`"):
        env.step({"agent_0": 0, "agent_1": 0})
    single = rmfg.single_agent_env(crowding(), equilibrium(), num_steps=1)
    with pytest.raises(RuntimeError, match="`reset` before `step`"):
        single.step(0)
    single.reset(seed=0)
    assert single.step(0)[2:4] == (False, True)
    with pytest.raises(RuntimeError, match="`reset` before `step`"):
        single.step(0)


# The game's numbers -----------------------------------------------------------------------------


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


def test_mean_fields_of_pairs_count_the_actions_taken():
    arena = arena_of(crowding("state-action"))
    states, actions = np.array([0, 0, 0, 2, 2]), np.array([0, 0, 1, 1, 1])
    field = np.zeros(SHAPE)
    np.add.at(field, (states, actions), 1 / 5)
    _, rewards = arena.step(states, actions)
    expected = crowding("state-action").reward(field)[states, actions]
    np.testing.assert_allclose(rewards, expected, atol=1e-12)
    law, policy = disintegrated(field)
    np.testing.assert_allclose(law[:, None] * policy, field, atol=1e-15)
    np.testing.assert_allclose(policy.sum(axis=1), 1)


@pytest.mark.parametrize("game", [crowding(), sparse_game()], ids=["dense", "sparse"])
def test_next_states_are_drawn_from_the_kernel(game):
    arena = arena_of(game)
    count = 40_000
    states = arena.start(count, seed=0)
    actions = np.arange(count) % ACTIONS
    following, _ = arena.step(states, actions)
    kernel = game.kernel(arena.law(states)).to_dense()
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
    arena = arena_of(crowding(), nature, DOUBT)
    random, runs = np.random.default_rng(7), RUNS
    before, after = np.empty((2, runs, 10), dtype=int)
    arena.start(10, seed=2)
    for run in range(runs):
        before[run] = arena.start(10)
        after[run] = arena.step(before[run], acting(random, before[run]))[0]
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
    following, _ = arena_of(crowding(), kernel).step(np.zeros(5, int), np.ones(5, int))
    assert (following == 3).all()


def test_a_crowd_stays_as_it_is():
    crowd = np.array([0.7, 0.1, 0.1, 0.1])
    arena = arena_of(crowding(), "random", DOUBT, crowd=crowd)
    states = arena.start(3, seed=0)
    expected = crowding().reward(crowd)
    below = arena.met[2]
    for _ in range(3):
        actions = np.zeros(3, int)
        following, rewards = arena.step(states, actions)
        np.testing.assert_allclose(rewards, expected[states, 0], atol=1e-12)
        assert arena.met[2] is below, "one kernel for the whole episode"
        states = following
    arena.start(3)
    assert not np.array_equal(arena.met[2], below), "and another one for the next"


def law_met(env) -> np.ndarray:
    """The kernel (S, A, S) that a single agent meets."""
    env.reset(seed=0)
    _, slots, below = env.arena.met
    law = np.zeros((*SHAPE, STATES))
    for k, s, a in np.ndindex(below.shape):
        law[s, a, slots[k, s, a]] += np.diff(below, axis=0, prepend=0)[k, s, a]
    return law


def test_a_single_agent_meets_the_equilibrium():
    pytest.importorskip("gymnasium")
    answer = equilibrium()
    env = rmfg.single_agent_env(crowding(), answer)
    nominal = crowding().kernel(answer.mean_field).to_dense()
    np.testing.assert_allclose(law_met(env), nominal, atol=1e-12)
    worst = law_met(rmfg.single_agent_env(crowding(), answer, nature="worst_case"))
    np.testing.assert_allclose(worst, answer.kernel.to_dense(), atol=1e-12)
    assert np.abs(worst - nominal).sum(-1).max() == pytest.approx(0.6, abs=1e-6)
    # Without the equilibrium nature plays against the best response, whose values are the same.
    alone = rmfg.single_agent_env(
        crowding(), answer.mean_field, nature="worst_case", ambiguity=DOUBT
    )
    np.testing.assert_allclose(law_met(alone) @ answer.value, worst @ answer.value, atol=1e-3)
    less = rmfg.TotalVariation(0.1)
    milder = rmfg.single_agent_env(crowding(), answer, nature="worst_case", ambiguity=less)
    assert np.abs(law_met(milder) - nominal).sum(-1).max() == pytest.approx(0.2, abs=1e-6)
    random = rmfg.single_agent_env(crowding(), answer, nature="random")
    distance = np.abs(law_met(random) - nominal).sum(-1)
    assert 0 < distance.max() <= 0.6 + 1e-9, "inside the set"


def test_a_single_agent_earns_the_value_of_the_equilibrium():
    """Discounted returns of the equilibrium's policy against its worst case are its robust value."""
    pytest.importorskip("gymnasium")
    answer = equilibrium()
    env = rmfg.single_agent_env(crowding(), answer, nature="worst_case")
    random, count = np.random.default_rng(0), 4_000
    states = env.arena.start(count, seed=0)
    expected, returns = answer.value[states], np.zeros(count)
    for step in range(120):
        actions = acting(random, states, answer.policy)
        states, rewards = env.arena.step(states, actions)
        returns += 0.9**step * rewards
    gap = returns - expected
    assert abs(gap.mean()) <= 5 * gap.std() / np.sqrt(count) + 1e-3


# Wrong input ------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("field", "options", "words"),
    [
        (np.full(3, 1 / 3), {}, ["`mean_field`", "(4,)", "(3,)"]),
        (np.full(4, 0.5), {}, ["`mean_field`", "sum to one"]),
        (np.full(4, 0.25), {"nature": "adversary"}, ["nature", "adversary", "worst_case"]),
        (np.full(4, 0.25), {"nature": "worst_case"}, ["`ambiguity`", "equilibrium"]),
        (np.full(4, 0.25), {"num_steps": 0}, ["`num_steps`", "0"]),
        (np.full(4, 0.25), {"initial": np.full(4, -0.25)}, ["`initial`", "negative"]),
    ],
)
def test_wrong_input_of_a_single_agent(field, options, words):
    pytest.importorskip("gymnasium")
    with pytest.raises(ValueError, match=".*".join(map(re.escape, words))):
        call(rmfg.single_agent_env, crowding(), field, **options)


def call(function, *args, **options):
    """Call without the type checks of the tests, as users do."""
    return getattr(function, "__wrapped__", function)(*args, **options)


def test_wrong_actions():
    pytest.importorskip("pettingzoo")
    env = rmfg.parallel_env(crowding(), num_agents=3, num_steps=3)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"none of 'agent_1' and 1 others.*env\.agents"):
        env.step({"agent_0": 0})
    with pytest.raises(ValueError, match="from 0 to 1, but is 2 for agent 1"):
        env.step({"agent_0": 0, "agent_1": 2, "agent_2": 0})
    with pytest.raises(TypeError, match="`actions` must be integers, but has type float64"):
        env.step({"agent_0": 0.5, "agent_1": 0, "agent_2": 0})
    single = rmfg.single_agent_env(crowding(), equilibrium())
    single.reset(seed=0)
    with pytest.raises(ValueError, match="`actions` must be whole numbers from 0 to 1, but is -1"):
        single.step(-1)
    with pytest.raises(ValueError, match="`states` must be whole numbers from 0 to 3"):
        arena_of(crowding()).step(np.array([4]), np.array([0]))


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    with pytest.raises(ImportError, match=r'pettingzoo.*pip install "rmfg\[rl\]"') as caught:
        rmfg.parallel_env(crowding(), num_agents=3, num_steps=3)
    assert caught.value.name == "pettingzoo"
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ImportError, match=r'gymnasium.*pip install "rmfg\[rl\]"'):
        rmfg.single_agent_env(crowding(), np.full(STATES, 0.25))


def test_libraries_are_imported_late():
    code = (
        "import sys, rmfg; rmfg.parallel_env, rmfg.single_agent_env; "
        "assert not {'gymnasium', 'pettingzoo'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


# Copies -----------------------------------------------------------------------------------------


def copies(env):
    return [copy.deepcopy(env), pickle.loads(pickle.dumps(env)), copy.deepcopy(copy.deepcopy(env))]


def tabular() -> rmfg.TabularGame:
    """A game of arrays: it has no recipe and needs none."""
    kernel = np.random.default_rng(0).dirichlet(np.ones(4), (4, 2))
    return rmfg.TabularGame(kernel, np.arange(8.0).reshape(4, 2), 0.9)


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
    again = pickle.loads(pickle.dumps(env)).arena.dynamics.problem.game
    assert (again.discount, again.recipe) == (0.5, game.recipe)


def test_functions_that_no_module_defines_cannot_be_pickled():
    pytest.importorskip("pettingzoo")
    kernel = np.full((2, 2, 2), 0.5)
    game = rmfg.TabularGame(kernel, lambda m: np.zeros((2, 2)) + m[0], 0.9)
    env = rmfg.parallel_env(game, num_agents=2, num_steps=2)
    with pytest.raises(TypeError, match=r"cannot be pickled.*top of a module"):
        pickle.dumps(env)
    assert copy.deepcopy(env).arena.num_states == 2


def test_agents_that_do_not_fit_are_refused_at_once():
    pytest.importorskip("pettingzoo")
    for number in (10**11, 2**63 - 1):
        with pytest.raises(ValueError, match=r"`num_agents` too large.*iB of memory"):
            rmfg.parallel_env(tabular(), num_agents=number, num_steps=2)
    for number in (2**63, 10**308):
        with pytest.raises(ValueError, match="`num_agents`"):
            rmfg.parallel_env(tabular(), num_agents=number, num_steps=2)
