"""Laws that only seem to stand still: slow clocks, leaks, chains that nearly fall apart."""

import numpy as np
import pytest
from eight_states import NUM_STATES, SHAPE
from forgery import NEARLY_DECOMPOSABLE, birth_death, judged

import rmfg


def slowed(kernel: np.ndarray, step: float) -> np.ndarray:
    """The same moves, each with `step` times its probability."""
    stay = np.eye(len(kernel))[:, None, :]
    return (1 - step) * stay + step * kernel


def test_the_time_step_of_a_model_hides_nothing(ledger):
    """Mass per step vanishes with the step; the share of what flows does not."""
    random = np.random.default_rng(0)
    kernel = random.dirichlet(np.ones(NUM_STATES), SHAPE)
    reward, policy = random.normal(size=SHAPE), random.dirichlet(np.ones(SHAPE[1]), NUM_STATES)
    right = rmfg.stationary_distribution(kernel, policy)
    wrong = right * np.linspace(0.9, 1.1, NUM_STATES)
    wrong /= wrong.sum()
    first = rmfg.certify(rmfg.TabularGame(kernel, reward, 0.9), rmfg.Nominal(), policy, wrong)
    for step in (1e-1, 1e-4, 1e-8, 1e-12):
        game = rmfg.TabularGame(slowed(kernel, step), reward, 0.9)
        found = rmfg.certify(game, rmfg.Nominal(), policy, wrong)
        ledger.at_most("imbalance", abs(found.flow_imbalance - first.flow_imbalance), 1e-3)
        ledger.at_most("drift", abs(found.drift - first.drift), 1e-3)
        ledger.holds(
            "refuted", not (found.conditions["flow_imbalance"] or found.conditions["drift"])
        )
        true = rmfg.certify(game, rmfg.Nominal(), policy, right)
        ledger.at_most("the true law is in balance", true.flow_imbalance, 1e-3)


def test_a_class_that_leaks_is_no_place_to_stay():
    """All mass is where it leaks from, by 4e-9 a step; it ends up in the other state."""
    for leak in (1e-3, 4e-9, 1e-12, 1e-15):
        kernel = np.array([[[1 - leak, leak]], [[0, 1]]])
        game = rmfg.TabularGame(kernel, np.array([[1.0], [0.0]]), 0.9)
        found = judged(game, np.ones((2, 1)), [1, 0])
        assert found.flow_imbalance == pytest.approx(1)
        assert found.drift == pytest.approx(2)
        assert not found.certified
        answer = rmfg.solve(game, initial=[1, 0])
        np.testing.assert_array_equal(answer.distribution, [0, 1])


@pytest.mark.parametrize("name", NEARLY_DECOMPOSABLE)
def test_laws_of_nearly_decomposable_chains(name):
    """The right law passes and says how sensitive it is; mass in the wrong well does not."""
    chain, right = birth_death(*NEARLY_DECOMPOSABLE[name])
    game = rmfg.TabularGame(chain[:, None], np.arange(float(len(chain)))[:, None], 0.9)
    policy = np.ones((len(chain), 1))
    found = rmfg.certify(game, rmfg.Nominal(), policy, right)
    assert found.certified
    assert found.sensitivity > 1
    for solver in (None, rmfg.Picard(), rmfg.PolicyIteration(), rmfg.FictitiousPlay()):
        answer = rmfg.solve(game, solver=solver)
        assert answer.status == "certified"
        np.testing.assert_allclose(answer.distribution, right, rtol=1e-9, atol=1e-300)
    wrong = right[::-1].copy()
    if not np.allclose(wrong, right):
        assert not rmfg.certify(game, rmfg.Nominal(), policy, wrong).certified
    tilted = right * np.linspace(0.5, 1.5, len(right))
    found = rmfg.certify(game, rmfg.Nominal(), policy, tilted / tilted.sum())
    assert not found.certified
