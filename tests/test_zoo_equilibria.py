"""Equilibria of the zoo that are written in the docstrings: they are what they are said to be.

Values and stationarity are computed here in NumPy from the games' tensors, without rmfg's solvers.
"""

import numpy as np
import pytest
from zoo_games import claiming, default, tensors

from rmfg import zoo
from rmfg.model.game import MeanFieldGame


def optimal_value(kernel: np.ndarray, reward: np.ndarray, discount: float) -> np.ndarray:
    values = np.zeros(len(reward))
    for _ in range(10_000):
        image = (reward + discount * kernel @ values).max(1)
        if np.abs(image - values).max() <= 1e-13 * max(1.0, np.abs(image).max()):
            return image
        values = image
    raise RuntimeError("value iteration did not end")


def policy_value(kernel: np.ndarray, reward: np.ndarray, discount: float, policy: np.ndarray):
    chain = np.einsum("sat,sa->st", kernel, policy)
    return np.linalg.solve(np.eye(len(chain)) - discount * chain, (policy * reward).sum(1))


def greedy(game: MeanFieldGame, law: np.ndarray) -> np.ndarray:
    """The best response to a law over states; ties share equally."""
    kernel, reward = tensors(game, law)
    values = optimal_value(kernel, reward, game.discount)
    q = reward + game.discount * kernel @ values
    best = q >= q.max(1, keepdims=True) - 1e-9
    return best / best.sum(1, keepdims=True)


def judge(game: MeanFieldGame, law: np.ndarray, policy: np.ndarray):
    """Exploitability, distance of the law from its push-forward, and the policy's value."""
    field = game.mean_field_of(law, policy)
    kernel, reward = tensors(game, field)
    value = policy_value(kernel, reward, game.discount, policy)
    pushed = np.einsum("s,sa,sat->t", law, policy, kernel)
    gain = (optimal_value(kernel, reward, game.discount) - value).max()
    return gain, np.abs(pushed - law).sum(), value


def always(game: MeanFieldGame, action: int) -> np.ndarray:
    return np.tile(np.eye(game.num_actions)[action], (game.num_states, 1))


def uniform_policy(game: MeanFieldGame) -> np.ndarray:
    return np.full((game.num_states, game.num_actions), 1 / game.num_actions)


def forward_equilibria():
    game = default("move-forward")
    policy = always(game, 2)
    policy[-1] = (0, 1, 0)
    value = (41.4901, 46.2258, 50.3782, 53.8826, 56.6673, 58.6525, 59.7525)
    yield game, np.array([0, 0, 0, 0, 0, 0.025, 0.975]), policy, np.array(value)


def gesture_equilibria():
    game = default("rock-paper-scissors")
    yield game, np.full(3, 1 / 3), uniform_policy(game), np.zeros(3)


def four_room_equilibria():
    for game in (default("four-rooms"), zoo.make("four-rooms", wall_jumps=True)):
        law = np.full(104, 1 / 104)
        yield game, law, uniform_policy(game), np.full(104, 10 * np.log(104))


def coordination_equilibria():
    game = default("coordination")
    left = np.array([0, 0.025, 0.95, 0.025, 0, 0, 0])
    for law in (left, left[::-1], (left + left[::-1]) / 2):
        yield game, law, greedy(game, law), None


def contraction_equilibria():
    game = default("contraction-game")
    for tilt in (0, 1 / 9 - 1e-6, -1 / 9 + 1e-6):
        yield game, np.array([1 + tilt, 1 - tilt]) / 2, always(game, 0), None


def epidemic_equilibria():
    game = default("sis-epidemic")
    yield game, np.array([1.0, 0.0]), always(game, 4), None
    infected = 1 / (0.9 * 0.8 * 9 / (1 - 0.9 * 0.9))
    contact = 0.1 / (0.8 * (1 - infected))
    np.testing.assert_allclose([infected, contact], [0.0293209877, 0.1287758347], atol=5e-11)
    policy = always(game, 4)
    policy[0] = (1 - contact, 0, 0, 0, contact)
    law = np.array([1 - infected, infected])
    yield game, law, policy, np.array([0, -9 / (1 - 0.9 * 0.9)])


def gridlock_equilibria():
    game = default("kinetic-congestion")
    for arrived in (0.18, 0.5):
        law = np.full(25, (1 - arrived) / 24)
        law[24] = arrived
        yield game, law, always(game, 4), np.append(np.full(24, -10.0), 0)


def road_equilibria():
    for game in (default("crowded-actions"), zoo.make("crowded-actions", distance_cost=0.0)):
        cost = dict(game.recipe[1])["distance_cost"]
        lengths = np.array([[0, 1, 2, 2, 1][(s - a) % 5] for s in range(5) for a in range(5)])
        policy = 1 / 5 + cost * (1.2 - lengths.reshape(5, 5)) / 5.0
        value = -(cost * 1.2 / 5 + 5.0 / 25) / 0.1
        yield game, np.full(5, 1 / 5), policy, np.full(5, value)


CLOSED_FORMS = {
    "move-forward": forward_equilibria,
    "rock-paper-scissors": gesture_equilibria,
    "four-rooms": four_room_equilibria,
    "coordination": coordination_equilibria,
    "contraction-game": contraction_equilibria,
    "sis-epidemic": epidemic_equilibria,
    "kinetic-congestion": gridlock_equilibria,
    "crowded-actions": road_equilibria,
}


@claiming("closed form")
def test_stated_equilibria_are_equilibria(name):
    laws = []
    for game, law, policy, value in CLOSED_FORMS[name]():
        gain, moved, reached = judge(game, law, policy)
        assert gain <= 1e-10 * max(1, np.abs(reached).max())
        assert moved <= 1e-12
        if value is not None:
            np.testing.assert_allclose(reached, value, rtol=0, atol=6e-5)
        laws.append(tuple(law))
    if "several equilibria" in zoo.describe(name).known:
        assert len(set(laws)) >= 2


@claiming("several equilibria")
def test_several_equilibria_are_all_stated(name):
    assert name in CLOSED_FORMS


def test_contraction_game_ends_its_continuum_at_one_ninth():
    game = default("contraction-game")
    tilt = 1 / 9 + 1e-3
    gain, _, _ = judge(game, np.array([1 + tilt, 1 - tilt]) / 2, always(game, 0))
    # One switch costs 2 and moves an agent to the place that is 2 * tilt better ever after.
    assert gain == pytest.approx(0.9 * 2 * tilt / (1 - 0.9) - 2, rel=1e-6)


def test_lasry_lions_chain_has_the_reference_equilibrium():
    game = default("lasry-lions-chain")
    half = [0.00111787, 0.04952394, 0.27750186]
    law = np.array([*half, 0.34371267, *half[::-1]])
    left_half = [(0, 0, 1), (0, 0.880318, 0.119682), (0, 0.994129, 0.005871)]
    mirrored = [row[::-1] for row in left_half[::-1]]
    policy = np.array([*left_half, (0, 1, 0), *mirrored])
    gain, moved, value = judge(game, law, policy)
    assert gain <= 1e-5
    assert moved <= 1e-6
    assert law @ value == pytest.approx(-140.310757, abs=1e-5)


def test_wind_breaks_the_uniform_equilibrium():
    game = zoo.make("four-rooms", wind=0.3)
    _, moved, _ = judge(game, np.full(104, 1 / 104), uniform_policy(game))
    assert moved > 0.01
