"""Bounds on what one of N agents gains, from constants and from samples, against the exact game."""

import numpy as np
import pytest
from finite_games import crowded, mean_field_policy

import rmfg


@pytest.mark.parametrize("moving", [False, True])
def test_bounds_are_never_below_the_truth(moving):
    ambiguity = rmfg.TotalVariation(0.1)
    close = []
    for seed in (1, 5):
        answer = mean_field_policy(crowded(seed=seed, moving=moving), ambiguity)
        for agents in (2, 20):
            bound = rmfg.finite_bound(answer, agents)
            truth = bound.posterior
            assert truth.method == "exact"
            slack = 1e-8
            assert truth.high <= truth.upper.value + slack
            if np.isfinite(bound.value):
                assert truth.value <= bound.value + slack
                assert truth.upper.value <= bound.value + slack
            if truth.value > 2e-3:
                close.append(truth.upper.value / truth.value)
    # Where there is much to gain, the bound by what is met is within a small factor.
    assert not moving or np.median(close) <= 10


@pytest.mark.parametrize("moving", [False, True])
def test_samples_agree_with_the_exact_game(moving):
    answer = mean_field_policy(crowded(seed=1, moving=moving), rmfg.TotalVariation(0.1))
    exact = rmfg.finite_gap(answer.game, None, answer, 20, method="exact")
    sampled = rmfg.finite_gap(answer.game, None, answer, 20, method="sample", num_runs=200)
    assert sampled.low <= exact.value <= sampled.high
    assert sampled.proved != moving
    # The sampled bound estimates the exact one where agent 1 has no influence.
    if not moving:
        assert sampled.upper.low <= exact.upper.value + 1e-6


def test_bounds_at_other_numbers_have_the_same_constants():
    answer = mean_field_policy(crowded(seed=1), rmfg.TotalVariation(0.1))
    few = rmfg.finite_bound(answer, 10, posterior=False)
    many = rmfg.finite_bound(answer, 1000, posterior=False)
    assert few.at(1000) == many
    assert many.value < few.value


def test_constants_are_proved_where_they_follow_from_the_game():
    still = rmfg.finite_bound(
        mean_field_policy(crowded(moving=False), rmfg.Nominal()), 100, posterior=False
    )
    moving = rmfg.finite_bound(
        mean_field_policy(crowded(moving=True), rmfg.Nominal()), 100, posterior=False
    )
    assert still.proved
    assert still.movement.proved
    assert still.support.value == 0
    assert not moving.movement.proved
    assert "estimated" in str(moving)
    assert still.fluctuation == pytest.approx(0.1 + 0.02)
    more = rmfg.finite_bound(
        mean_field_policy(crowded(moving=False), rmfg.Nominal()), 10_000, posterior=False
    )
    assert more.value < still.value


def test_gaps_are_bounded_where_nature_s_set_jumps():
    """At the disease-free law nobody can be infected, at every other one somebody can: a derivative
    in the law is infinite there, and what rests on it does without.
    """
    game, ambiguity = rmfg.zoo.make("sis-epidemic"), rmfg.TotalVariation(0.05, support="nominal")
    found = rmfg.solve(game, ambiguity)
    assert found.distribution[0] == 1
    exact = rmfg.finite_gap(game, ambiguity, found, 5)
    assert exact.value <= exact.high <= exact.upper.high < np.inf
    sampled = rmfg.finite_gap(game, ambiguity, found, 10**6, num_runs=4, num_steps=30)
    assert sampled.method == "sample"
    assert sampled.low == pytest.approx(0, abs=1e-9)
    assert sampled.high < 1e-6
