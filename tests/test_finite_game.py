"""The exact game of N agents, and its equilibria, against enumeration of joint states."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from finite_games import SETS, SHAPES, crowded, enumerated, moved_by

import rmfg
from rmfg.population.dynamics import dynamics
from rmfg.population.finite_game import finite_game
from rmfg.population.setting import setting


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SETS)
def test_exact_agrees_with_enumeration_of_joint_states(name, shape):
    (states, actions, agents), (ambiguity, worst) = shape, SETS[name]
    game = crowded(states, actions, seed=sum(shape))
    policy = np.random.default_rng(1).dirichlet(np.ones(actions), states)
    law = np.random.default_rng(2).dirichlet(np.ones(states))
    moving = dynamics(setting(game, policy, ambiguity, law, "worst_case"))
    found = enumerated(game, agents, policy, moved_by(moving), worst)
    with jax.enable_x64(True):
        finite = finite_game(moving, agents)
        best, played = finite.optimal(1e-12), finite.played(1e-12)
    index = {tuple(row): i for i, row in enumerate(finite.others.table)}
    for joint in np.ndindex(*[states] * agents):
        place = joint[0], index[tuple(np.bincount(joint[1:], minlength=states))]
        assert abs(best.value[place] - found.best[joint]) <= 1e-10
        assert abs(played.value[place] - found.played[joint]) <= 1e-10
    gap = rmfg.finite_gap(game, ambiguity, policy, agents, initial=law)
    assert gap.method == "exact"
    assert abs(gap.value - found.gap(law)) <= 1e-8
    assert gap.low <= gap.value <= gap.high <= gap.upper.value + 1e-8


@pytest.mark.parametrize("agents", [2, 3])
@pytest.mark.parametrize("name", SETS)
def test_equilibria_of_few_agents_agree_with_enumeration_of_joint_states(name, agents):
    ambiguity, worst = SETS[name]
    game = crowded(seed=1)
    found = rmfg.finite_equilibrium(game, ambiguity, agents)
    assert found.status == "certified"
    size, actions = game.num_states, game.num_actions
    number = {tuple(row): i for i, row in enumerate(found.counts)}

    def played(array, counts):
        """What agents in each state do, or nature to them, while all agents stand in `counts`."""
        rows = np.full((size, *array.shape[2:]), 1 / array.shape[-1])
        for state in np.flatnonzero(counts):
            rows[state] = array[state, number[tuple(counts - np.eye(size, dtype=int)[state])]]
        return rows

    shape = (size,) * agents
    plans = np.zeros((*shape, size, actions))
    for joint in np.ndindex(shape):
        plans[joint] = played(found.policy, np.bincount(joint, minlength=size))

    def others(law):
        return played(found.kernel, np.rint(law * agents).astype(int))

    truth = enumerated(game, agents, plans, others, worst)
    # Both games of one agent are solved to a twentieth of the tolerance.
    solved = 0.1 * found.tol * found.scale
    gain = float((truth.best - truth.played).max())
    assert gain <= found.exploitability + 1e-9 <= gain + 2 * solved
    assert found.exploitability <= found.tol * found.scale
    for joint in np.ndindex(shape):
        others = number[tuple(np.bincount(joint[1:], minlength=size))]
        assert abs(truth.played[joint] - found.value[joint[0], others]) <= solved


def test_crowds_that_hardly_form_are_no_unit_of_finite_equilibria():
    """Four agents in three places: all in one place would cost e^25, and seldom are."""
    kernel = np.broadcast_to(np.eye(3), (3, 3, 3))
    place = np.array([0.0, 1.0, 0.5])[:, None] * np.ones(3)
    game = rmfg.TabularGame(kernel, lambda m: place - jnp.exp(25 * m)[:, None] / 1e5, 0.9)
    found = rmfg.finite_equilibrium(game, None, 4, tol=1e-3, max_steps=1)
    assert np.ptp(np.exp(25 * np.array([0.25, 1.0]))) / 1e5 / 0.1 > 1e6
    assert found.scale < 1e5


def test_a_finite_equilibrium_says_when_it_is_none():
    game = rmfg.zoo.make("lasry-lions-chain", num_states=3)
    found = rmfg.finite_equilibrium(game, rmfg.TotalVariation(0.1), 3, tol=1e-6, max_steps=3)
    assert found.status == "max steps"
    assert max(found.exploitability, found.nature_gap) > found.tol * found.scale
    with pytest.raises(ValueError, match="`game` reads a law over states and actions"):
        rmfg.finite_equilibrium(rmfg.zoo.make("crowded-actions"), None, 2)
    with pytest.raises(ValueError, match="`num_agents` = 1000 agents"):
        rmfg.finite_equilibrium(rmfg.zoo.make("beach-bar"), None, 1000)
