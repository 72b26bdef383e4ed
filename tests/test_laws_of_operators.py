"""Laws of the Bellman operators, over every ambiguity set and over the zoo."""

import numpy as np
import pytest
from eight_states import NUM_ACTIONS, NUM_STATES, array, rounding, values_of
from registry import SMALL_ZOO, CrowdedGame, over_kernels, over_sets
from scipy.special import logsumexp

import rmfg

SEEDS = range(8)


@over_kernels
@over_sets()
def test_operators(row, form, ledger):
    game = CrowdedGame(form)
    for seed in SEEDS[:4]:
        random = np.random.default_rng(seed)
        field = random.dirichlet(np.ones(NUM_STATES))
        kernel, reward = game.kernel(field), game.reward(field)
        ambiguity = row.build(row.middle(), kernel)
        policy = random.dirichlet(np.ones(NUM_ACTIONS), NUM_STATES)
        values, others = values_of(seed), values_of(seed + 1)
        higher = values + random.exponential(size=NUM_STATES)
        slack, gamma = 8 * rounding(values, others, higher), game.discount

        q = rmfg.robust_q(game, ambiguity, field, values)
        by_hand = reward + gamma * ambiguity.worst_value(kernel, values)
        ledger.at_most("q = r + discount sigma", abs(q - by_hand), slack)

        def optimal(v, field=field, ambiguity=ambiguity):
            return rmfg.optimal_operator(game, ambiguity, field, v)

        def policy_s(v, field=field, ambiguity=ambiguity, policy=policy):
            return rmfg.policy_operator(game, ambiguity, policy, field, v)

        def soft(v, field=field, ambiguity=ambiguity):
            return rmfg.soft_operator(game, ambiguity, 0.2, field, v)

        expected = {
            "T": q.max(1),
            "T^pi": (policy * q).sum(1),
            "soft T": 0.2 * logsumexp(q / 0.2, axis=1),
        }
        for name, operator in {"T": optimal, "T^pi": policy_s, "soft T": soft}.items():
            image, image_too = operator(values), operator(others)
            ledger.at_most(f"{name} as written", abs(image - expected[name]), slack)
            distance = gamma * np.abs(values - others).max()
            contraction = np.abs(image - image_too).max() - distance
            ledger.at_most(f"{name} contracts by the discount", contraction, slack)
            ledger.at_most(f"{name} is monotone", image - operator(higher), slack)
            moved = np.abs(operator(values + 5) - image - gamma * 5)
            ledger.at_most(f"{name} shifts by the discount", moved, rounding(values + 5) + slack)
        excess = expected["soft T"] - expected["T"]
        ledger.at_most("T <= soft T", -excess, slack)
        bias = excess - 0.2 * np.log(NUM_ACTIONS)
        ledger.at_most("soft T <= T + tau log A", bias, slack)


ZOO = [name for name in rmfg.zoo.names() if name != "road-network"]


@pytest.mark.parametrize("name", ZOO)
def test_operators_on_the_zoo(name, ledger):
    game = rmfg.zoo.make(name, **SMALL_ZOO.get(name, {}))
    ambiguity = rmfg.TotalVariation(0.1, support="nominal")
    size = int(np.prod(game.mean_field_shape))
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        field = random.dirichlet(np.ones(size)).reshape(game.mean_field_shape)
        values, others = random.normal(size=(2, game.num_states)) * 10
        image, image_too, higher, moved = (
            rmfg.optimal_operator(game, ambiguity, field, v)
            for v in (values, others, np.maximum(values, others), values + 1)
        )
        reward, slack = game.reward(field), rounding(values, others, game.reward(field))
        nominal = (reward + game.discount * (array(game.kernel(field)) @ values)).max(1)
        ledger.at_most("T <= nominal T", image - nominal, slack)
        distance = game.discount * np.abs(values - others).max()
        ledger.at_most("T contracts", np.abs(image - image_too).max() - distance, slack)
        ledger.at_most("T is monotone", np.maximum(image, image_too) - higher, slack)
        ledger.at_most("T shifts", np.abs(moved - image - game.discount), slack)
