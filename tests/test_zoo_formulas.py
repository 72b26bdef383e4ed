"""Formulas of the zoo, written down again state by state, and garnets, which are drawn at random."""

import numpy as np
import pytest
from zoo_games import SMALL, default, random_field, tensors

from rmfg import zoo
from rmfg.model.layout import Ring


def test_beach_bar_pays_as_documented():
    for ring in (False, True):
        game = zoo.make("beach-bar", num_states=5, bar=1, ring=ring, noise=0.3)
        field = np.array([0.1, 0.0, 0.4, 0.3, 0.2])
        steps = [1, 0, 1, 2, 2] if ring else [1, 0, 1, 2, 3]
        kernel, reward = tensors(game, field)
        for s in range(5):
            for a, move in enumerate((-1, 0, 1)):
                crowd = np.log(max(field[s], 1e-6))
                expected = -steps[s] / 5 - abs(move) / 5 - crowd
                assert reward[s, a] == pytest.approx(expected, abs=1e-14)
                law = np.zeros(5)
                for push, chance in ((-1, 0.15), (0, 0.7), (1, 0.15)):
                    target = s + move + push
                    law[target % 5 if ring else min(max(target, 0), 4)] += chance
                np.testing.assert_allclose(kernel[s, a], law, atol=1e-15)
        assert isinstance(game.layout, Ring) == ring


def test_walls_of_the_four_rooms_hold():
    def reached(**parameters):
        game = zoo.make("four-rooms", **parameters)
        state = game.state_names.index("(4, 0)")
        kernel, _ = tensors(game, np.full(104, 1 / 104))
        landed = np.flatnonzero(kernel[state, 0])  # up, into the wall at row 5
        return {game.state_names[target]: kernel[state, 0, target] for target in landed}

    assert reached() == pytest.approx({"(4, 0)": 0.6, "(4, 1)": 0.2, "(3, 0)": 0.2})
    assert "(6, 0)" in reached(wall_jumps=True)
    windy = reached(wind=0.5)
    assert windy["(4, 1)"] == pytest.approx(0.6)
    assert sum(windy.values()) == pytest.approx(1)


def test_epidemic_probabilities_are_exact():
    game = default("sis-epidemic")
    kernel, reward = tensors(game, np.array([0.996, 0.004]))
    assert kernel[0, 3, 1] == pytest.approx(0.8 * 0.75 * 0.004, rel=1e-14)
    np.testing.assert_allclose(kernel[1, :, 0], 0.1)
    np.testing.assert_allclose(reward, [np.arange(5) / 4, np.arange(5) / 4 - 10])


def test_malware_and_investment_pay_as_documented():
    game = zoo.make("malware-spread", num_states=3)
    kernel, reward = tensors(game, np.array([0.2, 0.4, 0.4]))
    np.testing.assert_allclose(reward, [[0, -0.5], [-0.4, -0.9], [-0.8, -1.3]])
    np.testing.assert_allclose(kernel[1], [[0, 0.5, 0.5], [1, 0, 0]])
    game = zoo.make("investment", num_states=3)
    kernel, reward = tensors(game, np.array([0.5, 0.0, 0.5]))
    np.testing.assert_allclose(reward[:, 0], np.array([1, 2, 3]) / (1 + 2))
    np.testing.assert_allclose(reward[:, 1], reward[:, 0] - 0.25)
    np.testing.assert_allclose(kernel[1], [[0.3, 0.7, 0], [0.15, 0.5, 0.35]])
    np.testing.assert_allclose(kernel[0, 1], [0.65, 0.35, 0])


def test_charging_price_rises_with_what_the_population_draws():
    game = zoo.make("ev-charging", num_periods=2, num_levels=3, num_rates=2, drive=0.4)
    field = np.zeros((6, 2))
    field[0, 1], field[3, 0] = 0.5, 0.5  # empty cars charge in period 0, others wait in period 1
    kernel, reward = tensors(game, field)
    price = np.array([1.8 + 0.5 * 1.0, 0.2])  # the mean car of period 0 draws one unit
    for level in range(3):
        for period in range(2):
            state = level * 2 + period
            drawn = min(1, 2 - level)
            missed = 5 * 0.4 if level == 0 else 0
            np.testing.assert_allclose(reward[state], [-missed, -price[period] * drawn])
            law = np.zeros(6)
            law[max(level + drawn - 1, 0) * 2 + 1 - period] += 0.4
            law[(level + drawn) * 2 + 1 - period] += 0.6
            np.testing.assert_allclose(kernel[state, 1], law)


# Garnets


@pytest.mark.parametrize("coupling", ["additive", "multiplicative"])
def test_sparse_and_dense_garnets_are_the_same_game(coupling):
    options = {**SMALL, "seed": 3, "kernel_coupling": coupling}
    dense, sparse = (zoo.make("mf-garnet", sparse=form, **options) for form in (False, True))
    for seed in (0, 1):
        field = random_field(dense, seed)
        assert type(dense.kernel(field)) is not type(sparse.kernel(field))
        for left, right in zip(tensors(dense, field), tensors(sparse, field), strict=True):
            np.testing.assert_allclose(left, right, atol=1e-15)


@pytest.mark.parametrize("coupling", ["additive", "multiplicative"])
def test_garnets_see_the_population_but_keep_their_successors(coupling):
    game = zoo.make("mf-garnet", kernel_coupling=coupling, **SMALL)
    (kernel, reward), (kernel_too, reward_too) = (
        tensors(game, random_field(game, seed)) for seed in (0, 1)
    )
    assert np.abs(kernel - kernel_too).max() > 0.01
    assert np.abs(reward - reward_too).max() > 0.01
    assert ((kernel > 0).sum(-1) == 4).all()
    np.testing.assert_array_equal(kernel > 0, kernel_too > 0)


def test_seeds_reproduce_and_differ():
    field = np.full(12, 1 / 12)
    first, again, other = (
        tensors(zoo.make("mf-garnet", seed=seed, **SMALL), field) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert np.abs(first[1] - other[1]).max() > 0.1


@pytest.mark.parametrize("coupling", ["potential", "monotone", "cyclic"])
def test_garnet_rewards_are_coupled_as_named(coupling):
    game = zoo.make("mf-garnet", reward_coupling=coupling, **SMALL)
    fields = [random_field(game, seed) for seed in (0, 1)]
    first, second = (tensors(game, field)[1][:, 0] for field in fields)
    product = (fields[0] - fields[1]) @ (first - second)
    if coupling == "monotone":
        assert product < 0
    if coupling == "cyclic":
        assert abs(product) < 1e-12
