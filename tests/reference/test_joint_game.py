"""The enumerated N-agent game against hand values, the brute force of `games`, and its own laws."""

import numpy as np
import pytest

from . import games, joint_game, worst_case
from .test_reference import HOLE, V, contaminated, random_rows, two_state_game

SETS = {
    "nominal": (joint_game.nominal, lambda p, values: p @ values),
    "contamination": (joint_game.contamination(0.2), contaminated),
    "total variation": (
        joint_game.total_variation(0.15),
        lambda p, values: worst_case.total_variation(p, values, 0.15)[0],
    ),
}


def random_game(seed: int, num_states: int = 2, num_actions: int = 2) -> dict:
    """Return a game whose kernels and rewards bend with the law, the others' kernel being its own."""
    generator = np.random.default_rng(seed)

    def kernel_of_the_law():
        parts = generator.dirichlet(np.ones(num_states), (num_states, num_states, num_actions))
        return lambda law: np.einsum("i,isat->sat", law**2 / np.sum(law**2), parts)

    level, slope = generator.normal(size=(2, num_states, num_actions, num_states))
    return {
        "kernel": kernel_of_the_law(),
        "reward": lambda law: level[..., 0] + slope @ law**3,
        "policy": generator.dirichlet(np.ones(num_actions), num_states),
        "others": kernel_of_the_law(),
    }


def always(value: np.ndarray):
    """Return the function of the law that does not look at it."""
    return lambda law: value


# Nature


@pytest.mark.parametrize("support", ["all", "nominal"])
@pytest.mark.parametrize("name", ["contamination", "total_variation"])
def test_closed_forms_are_the_programs(name, support):
    for radius in (0.0, 0.05, 0.4, 1.0):
        closed = getattr(joint_game, name)(radius, support)
        for p, values in [(HOLE, V), *random_rows(6)]:
            program = getattr(worst_case, name)(p, values, radius, support=support)[0]
            assert closed(p, values, p, 0, 0) == pytest.approx(program, abs=1e-13)


def test_nature_is_told_where_she_is():
    game, met = random_game(0, num_actions=3), set()

    def worst(row, values, law, state, action):
        assert row == pytest.approx(game["kernel"](law)[state, action])
        met.add((tuple(3 * law), state, action))
        return row @ values - 0.1 * law[0] - 0.2 * action

    told = joint_game.solve(**game, discount=0.5, num_agents=3, worst=worst)
    assert len(met) == (3 + 3) * 3  # agent 1 is in a state with one, two or three agents
    # What she takes off the value at m and a is a reward that is lower by discount times that.
    lower = np.arange(3) * 0.2
    paid = lambda law: game["reward"](law) - 0.5 * (0.1 * law[0] + lower)  # noqa: E731
    plain = joint_game.solve(**{**game, "reward": paid}, discount=0.5, num_agents=3)
    assert told.best == pytest.approx(plain.best, abs=1e-12)
    assert told.played == pytest.approx(plain.played, abs=1e-12)


# The game of agent 1


@pytest.mark.parametrize("radius", [0.0, 0.3])
@pytest.mark.parametrize("num_agents", [2, 3])
def test_crowd_averse_game_by_hand(num_agents, radius):
    # Nobody else moves, being elsewhere is better: with all others in one state, agent 1 is best
    # off in the other one, and nature throws it back with the radius.
    kernel, _, discount = two_state_game()
    stay = games.deterministic_policies(2, 2)[0]
    solution = joint_game.solve(
        always(kernel),
        lambda law: np.repeat(-law[:, None], 2, axis=1),
        discount,
        num_agents,
        stay,
        always(kernel),
        joint_game.contamination(radius),
    )
    crowded, alone = (0,) * num_agents, (1, *[0] * (num_agents - 1))
    share = 1 / num_agents
    apart = -(share + discount * radius * (1 - share)) / (1 - discount)
    assert solution.best[alone] == pytest.approx(apart, abs=1e-12)
    assert solution.best[crowded] == pytest.approx(apart - (1 - share), abs=1e-12)
    # Staying, it is never let out of the crowd.
    assert solution.played[crowded] == pytest.approx(-1 / (1 - discount), abs=1e-12)
    kept = discount * (1 - radius)
    thrown = (-share - discount * radius / (1 - discount)) / (1 - kept)
    assert solution.played[alone] == pytest.approx(thrown, abs=1e-12)
    worth = apart - (1 - share) + 1 / (1 - discount)
    assert solution.gap([1.0, 0.0]) == pytest.approx(worth, abs=1e-12)
    if num_agents == 2:
        uniform = (worth + apart - thrown) / 2
        assert solution.gap([0.5, 0.5]) == pytest.approx(uniform, abs=1e-12)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("num_agents", [1, 2, 3])
def test_without_interaction_the_others_do_not_matter(name, num_agents):
    worst, sigma = SETS[name]
    generator = np.random.default_rng(5)
    kernel, reward = generator.dirichlet(np.ones(2), size=(2, 2)), generator.normal(size=(2, 2))
    policy, others = np.array([[0.2, 0.8], [1.0, 0.0]]), random_game(6)["others"]
    solution = joint_game.solve(
        always(kernel), always(reward), 0.3, num_agents, policy, others, worst
    )
    best = games.optimal_robust_value(kernel, reward, 0.3, sigma)
    played = games.robust_value(kernel, reward, 0.3, policy, sigma)
    for joint in np.ndindex(solution.best.shape):
        assert solution.best[joint] == pytest.approx(best[joint[0]], abs=1e-12)
        assert solution.played[joint] == pytest.approx(played[joint[0]], abs=1e-12)
    assert solution.gap([0.4, 0.6]) == pytest.approx((best - played) @ [0.4, 0.6], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_enumeration_of_policies_on_joint_states(seed):
    # The joint state as the state of one agent: rows by Kronecker products, nature seeing only the
    # marginal of the first agent, and all deterministic policies of agent 1 tried in turn.
    game, discount, radius = random_game(seed), 0.6, 0.15
    states = list(np.ndindex(2, 2))
    kernel, reward, policy = np.zeros((4, 2, 4)), np.zeros((4, 2)), np.zeros((4, 2))
    for number, (own, other) in enumerate(states):
        law = np.array([[1, 0], [0.5, 0.5], [0.5, 0.5], [0, 1]])[number]
        other_next = game["policy"][other] @ game["others"](law)[other]
        for action in range(2):
            kernel[number, action] = np.kron(game["kernel"](law)[own, action], other_next)
        reward[number], policy[number] = game["reward"](law)[own], game["policy"][own]

    def sigma(p: np.ndarray, values: np.ndarray) -> float:
        own, other = p.reshape(2, 2).sum(1), p.reshape(2, 2).sum(0)
        low, high = np.sort(values.reshape(2, 2) @ other)
        held = own[np.argmax(values.reshape(2, 2) @ other)]
        return low + max(held - radius, 0) * (high - low)

    solution = joint_game.solve(
        **game, discount=discount, num_agents=2, worst=joint_game.total_variation(radius)
    )
    best = games.optimal_robust_value(kernel, reward, discount, sigma)
    played = games.robust_value(kernel, reward, discount, policy, sigma)
    assert solution.best.reshape(-1) == pytest.approx(best, abs=1e-12)
    assert solution.played.reshape(-1) == pytest.approx(played, abs=1e-12)
    start = np.array([0.3, 0.7])
    worth = np.kron(start, start) @ (best - played)
    assert solution.gap(start) == pytest.approx(worth, abs=1e-12)
    assert worth > 0.01


def test_order_of_the_values():
    # Deviating never hurts, nature always does, and agents 2 and 3 may change places.
    game = random_game(7, num_states=3)
    plain = joint_game.solve(**game, discount=0.5, num_agents=3)
    robust = joint_game.solve(
        **game, discount=0.5, num_agents=3, worst=joint_game.total_variation(0.1, "nominal")
    )
    for values in (*plain, *robust):
        assert values == pytest.approx(values.transpose(0, 2, 1), abs=1e-12)
    for before, after in zip(plain, robust, strict=True):
        assert np.all(after < before)
    assert np.all(robust.best > robust.played)


def test_shifted_and_scaled_rewards():
    game = random_game(8)
    setting = {"discount": 0.9, "num_agents": 2, "worst": joint_game.contamination(0.1)}
    plain = joint_game.solve(**game, **setting)
    game["reward"], reward = lambda law: 1e3 + 1e-2 * reward(law), game["reward"]
    moved = joint_game.solve(**game, **setting)
    for before, after in zip(plain, moved, strict=True):
        assert after == pytest.approx(1e4 + 1e-2 * before, abs=1e-11)
    game["reward"] = always(np.array([[3, 3], [3, 3]]))
    for values in joint_game.solve(**game, discount=0.9, num_agents=2):
        assert values == pytest.approx(30.0, abs=1e-13)
    game["reward"] = always(np.array([[0, 1], [0, 1]]))  # integers must not cut values off
    assert joint_game.solve(**game, discount=0.9, num_agents=2).best == pytest.approx(10, abs=1e-11)


# A population that plays the policy


def test_law_of_two_agents_by_hand():
    # Who is alone goes to state 0, the others stay: after a step both are in 1 with chance q^2.
    def others(law):
        return np.array([[[1, 0]], [[1, 0]]] if law[0] == 0.5 else [[[1, 0]], [[0, 1]]])

    q, policy = 0.3, np.ones((2, 1))
    mixed = lambda law: law[0] * law[1]  # noqa: E731
    start = joint_game.simulate_law(others, policy, [1 - q, q], 2, 0)
    assert start == pytest.approx(np.outer([1 - q, q], [1 - q, q]), abs=1e-16)
    assert joint_game.expected(start, mixed) == pytest.approx(q * (1 - q) / 2, abs=1e-16)
    for steps in (1, 4):
        joint = joint_game.simulate_law(others, policy, [1 - q, q], 2, steps)
        assert joint == pytest.approx(np.diag([1 - q**2, q**2]), abs=1e-15)
        assert joint_game.expected(joint) == pytest.approx([1 - q**2, q**2], abs=1e-15)
        assert joint_game.expected(joint, mixed) == 0


def test_without_interaction_agents_stay_independent():
    kernel = random_game(9, num_states=3)["kernel"](np.full(3, 1 / 3))
    policy, start = np.array([[0.2, 0.8], [0.5, 0.5], [1, 0]]), np.array([0.5, 0.2, 0.3])
    joint = joint_game.simulate_law(always(kernel), policy, start, 3, 4)
    moved = start @ np.linalg.matrix_power(np.einsum("sa,sat->st", policy, kernel), 4)
    assert joint == pytest.approx(np.einsum("i,j,k->ijk", moved, moved, moved), abs=1e-15)
    assert joint_game.expected(joint) == pytest.approx(moved, abs=1e-15)
    squares = (2 * moved**2 + moved) / 3  # of a multinomial count, over 9
    assert joint_game.expected(joint, np.square) == pytest.approx(squares, abs=1e-15)


def test_values_of_a_population_of_equals():
    # Agent 1 earns what the average agent earns, summed over time, if it moves like all others.
    game, discount, start = random_game(10), 0.3, np.array([0.8, 0.2])
    game["kernel"] = game["others"]

    def average(law):
        return law @ np.sum(game["policy"] * game["reward"](law), axis=1)

    total = 0.0
    for steps in range(25):
        joint = joint_game.simulate_law(game["others"], game["policy"], start, 3, steps)
        total += discount**steps * joint_game.expected(joint, average)
    solution = joint_game.solve(**game, discount=discount, num_agents=3)
    starts = np.einsum("i,j,k->ijk", start, start, start)
    assert np.sum(starts * solution.played) == pytest.approx(total, abs=1e-11)
