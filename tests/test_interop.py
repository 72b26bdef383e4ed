"""What both environments share: episodes, wrong actions, late imports."""

import subprocess
import sys

import numpy as np
import pytest
from environments import STATES, crowding, equilibrium, population_of

import rmfg


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
        population_of(crowding()).step(np.array([4]), np.array([0]))


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
