"""What one agent faces as a Gymnasium environment."""

import re
import warnings

import numpy as np
import pytest
from environments import (
    DOUBT,
    SHAPE,
    STATES,
    acting,
    call,
    crowding,
    equilibrium,
)

import rmfg


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


def law_met(env) -> np.ndarray:
    """The kernel (S, A, S) that a single agent meets."""
    env.reset(seed=0)
    _, slots, below = env.population.transitions
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
    states = env.population.start(count, seed=0)
    expected, returns = answer.value[states], np.zeros(count)
    for step in range(120):
        actions = acting(random, states, answer.policy)
        states, rewards = env.population.step(states, actions)
        returns += 0.9**step * rewards
    gap = returns - expected
    assert abs(gap.mean()) <= 5 * gap.std() / np.sqrt(count) + 1e-3


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
