"""The judge of the comparison with other libraries agrees with the certificate and closed forms.

`benchmarks/peers` judges everybody's answers by NumPy code of its own. No peer is needed here.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

import rmfg

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "peers"))
from catalog import ENTRIES
from coupled import rounded
from judge import judge, limit, long_run

IN_THE_ZOO = {
    "lasry-lions-chain": "lasry-lions-chain",
    "sis-epidemic-exact": "sis-epidemic",
    "kinetic-congestion-exact": "kinetic-congestion",
}


@pytest.mark.parametrize("name", IN_THE_ZOO)
def test_games_are_those_of_the_zoo(name):
    game, zoo = ENTRIES[name].build(), rmfg.zoo.make(IN_THE_ZOO[name])
    law = np.random.default_rng(0).dirichlet(np.ones(zoo.num_states))
    np.testing.assert_allclose(game.kernel(law), zoo.kernel(law).to_dense(), atol=1e-15)
    np.testing.assert_allclose(game.reward(law), zoo.reward(law), atol=1e-13)


@pytest.mark.parametrize("name", ["lasry-lions-chain", "sis-epidemic-exact"])
def test_judge_agrees_with_the_certificate(name):
    game, zoo = ENTRIES[name].build(), rmfg.zoo.make(IN_THE_ZOO[name])
    generator = np.random.default_rng(1)
    for _ in range(2):
        policy = generator.dirichlet(np.ones(zoo.num_actions), zoo.num_states)
        start = generator.dirichlet(np.ones(zoo.num_states))
        found = judge(game, policy, start)
        law = long_run(game, policy, start)
        proof = rmfg.certify(zoo, rmfg.Nominal(), policy, law / law.sum())
        assert found.consistency < 1e-12
        assert proof.consistency < 1e-12
        allowed = 10 * found.resolution
        assert abs(found.largest - proof.exploitability) < allowed
        assert abs(found.mean - proof.mean_exploitability) < allowed


def test_judge_knows_equilibria_with_closed_forms():
    greedy = np.eye(3)[[2, 2, 2, 2, 2, 2, 1]]  # to the right, and stay at the end
    verdict = judge(ENTRIES["move-forward"].build(), greedy, np.full(7, 1 / 7))
    assert verdict.largest <= verdict.resolution

    # The endemic equilibrium: the healthy choose contacts of mean level l at random.
    ill = 1 / (0.9 * 0.8 * 9 / (1 - 0.9 * 0.9))
    level = 0.1 / (0.8 * (1 - ill))
    policy = np.array([[1 - level, 0, 0, 0, level], [0, 0, 0, 0, 1]])
    verdict = judge(ENTRIES["sis-epidemic-exact"].build(), policy, np.array([1 - ill, ill]))
    assert verdict.largest < 1e-10
    away = judge(ENTRIES["sis-epidemic-exact"].build(), policy[:, ::-1], np.array([0.5, 0.5]))
    assert away.mean > 1


def test_long_run_of_periodic_and_split_chains():
    swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(limit(swap), 0.5, atol=1e-15)
    np.testing.assert_array_equal(limit(np.eye(3)), np.eye(3))
    slow = np.array([[1 - 1e-9, 1e-9], [3e-9, 1 - 3e-9]])
    np.testing.assert_allclose(limit(slow), [[0.75, 0.25]] * 2, atol=1e-7)


def test_rounded_probabilities_count_noises():
    chances = np.random.default_rng(2).random(100)
    noises = (np.arange(64) + 0.5) / 64
    np.testing.assert_array_equal(rounded(chances, 64), (noises < chances[:, None]).mean(1))
    assert rounded(chances, None) is chances
