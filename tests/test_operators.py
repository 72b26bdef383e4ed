"""Best responses and evaluations against enumeration, NumPy value iteration and linear algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from eight_states import NUM_STATES, SHAPE, array, dense_kernel, values_of
from reference import games as brute_force
from reference import worst_case
from registry import lonely_game, over_kernels

import rmfg

UNIFORM = np.full(NUM_STATES, 1 / NUM_STATES)

# A set, and its support function written down again.
SUPPORT_FUNCTIONS = {
    "nominal": (rmfg.Nominal(), lambda p, v: p @ v),
    "contamination": (rmfg.Contamination(0.2), lambda p, v: 0.8 * (p @ v) + 0.2 * v.min()),
    "total variation": (
        rmfg.TotalVariation(0.2),
        lambda p, v: worst_case.total_variation(p, v, 0.2)[0],
    ),
    "penalty": (
        rmfg.EntropyPenalty(0.5),
        lambda p, v: -0.5 * np.log(np.sum(p * np.exp(-(v - v.min()) / 0.5))) + v.min(),
    ),
}


def total_variation(dense: np.ndarray, values: np.ndarray, radius: float) -> np.ndarray:
    """All rows at once: mass `radius` moves from the highest values to the lowest one."""
    order = np.argsort(-values)
    sorted_law, heights = dense[..., order], values[order]
    before = np.cumsum(sorted_law, axis=-1) - sorted_law
    taken = np.clip(radius - before, 0, sorted_law)
    return (sorted_law - taken) @ heights + taken.sum(-1) * values.min()


@pytest.mark.parametrize("name", SUPPORT_FUNCTIONS)
def test_evaluation_and_best_response_by_enumeration(name):
    """Three states and two actions: all eight deterministic policies, by plain value iteration."""
    ambiguity, sigma = SUPPORT_FUNCTIONS[name]
    random = np.random.default_rng(1)
    kernel = random.dirichlet(np.ones(3), (3, 2))
    kernel[0, 0], kernel[1, 1] = [0, 1, 0], [0.5, 0, 0.5]
    reward, policy = random.normal(size=(3, 2)), random.dirichlet(np.ones(2), 3)
    discount = 0.3 if name == "total variation" else 0.9  # a linear program per row and sweep
    expected = brute_force.robust_value(kernel, reward, discount, policy, sigma)
    best = brute_force.optimal_robust_value(kernel, reward, discount, sigma)
    law = np.full(3, 1 / 3)
    for form in ("dense", "sparse"):
        shape = rmfg.DenseKernel(kernel)
        game = rmfg.TabularGame(shape if form == "dense" else shape.to_sparse(), reward, discount)
        found = rmfg.evaluate(game, ambiguity, policy, law)
        np.testing.assert_allclose(found, expected, atol=1e-10)
        response = rmfg.best_response(game, ambiguity, law)
        np.testing.assert_allclose(response.value, best, atol=1e-10)
        np.testing.assert_allclose(response.q.max(1), best, atol=1e-10)
        assert response.error <= 1e-9
        played = rmfg.evaluate(game, ambiguity, response.policy, law)
        np.testing.assert_allclose(played, best, atol=1e-9)


@over_kernels
@pytest.mark.parametrize("unit", [1.0, 1e6, 1e-6])
def test_patient_agents_with_rewards_of_any_size(form, unit):
    """Discount 0.999: policies are evaluated by NumPy, nature by sorting; improvement to the end."""
    radius, discount, dense = 0.15, 0.999, array(dense_kernel(3))
    reward = unit * np.random.default_rng(31).normal(size=SHAPE)
    game = rmfg.TabularGame(lonely_game(form).kernel(UNIFORM), reward, discount)
    value = np.zeros(NUM_STATES)
    for _ in range(
        100
    ):  # robust policy iteration with sorted mass; the fixed point is checked below
        order = np.argsort(-value)
        moved = np.zeros_like(dense)
        before = np.cumsum(dense[..., order], -1) - dense[..., order]
        moved[..., order] = dense[..., order] - np.clip(radius - before, 0, dense[..., order])
        moved[..., np.argmin(value)] += 1 - moved.sum(-1)
        q = reward + discount * moved @ value
        chain = moved[np.arange(NUM_STATES), q.argmax(1)]
        chosen = reward[np.arange(NUM_STATES), q.argmax(1)]
        value = np.linalg.solve(np.eye(NUM_STATES) - discount * chain, chosen)
    image = (reward + discount * total_variation(dense, value, radius)).max(1)
    scale = np.ptp(reward) / (1 - discount)
    assert np.abs(image - value).max() <= 1e-13 * scale

    ambiguity = rmfg.TotalVariation(radius)
    best = rmfg.best_response(game, ambiguity, UNIFORM, tol=1e-12)
    assert best.error <= 1e-11 * scale
    assert np.abs(best.value - value).max() <= best.error + 1e-11 * scale
    played = rmfg.evaluate(game, ambiguity, best.policy, UNIFORM, tol=1e-12)
    np.testing.assert_allclose(played, value, atol=1e-11 * scale)
    again = rmfg.best_response(game, ambiguity, UNIFORM, tol=1e-12, start=value)
    np.testing.assert_allclose(again.value, value, atol=1e-11 * scale)


def test_few_newton_steps(monkeypatch):
    """Policy iteration, not value iteration: at discount 0.999 a dozen calls of nature are enough."""
    from rmfg.operators import bellman_newton as newton

    calls, real = [], newton.nature_answers
    monkeypatch.setattr(newton, "nature_answers", lambda *args: calls.append(1) or real(*args))
    for seed in range(5):
        kernel = rmfg.DenseKernel(array(dense_kernel(seed)))
        reward = np.random.default_rng(seed).normal(size=SHAPE)
        game = rmfg.TabularGame(kernel, reward, 0.999)
        calls.clear()
        best = rmfg.best_response(game, rmfg.TotalVariation(0.1), UNIFORM)
        assert 1 <= len(calls) <= 15
        assert best.error <= 1e-10 * np.ptp(reward) / 1e-3


@over_kernels
def test_discount_zero_is_one_step(form):
    reward = lonely_game(form).reward(UNIFORM)
    game = rmfg.TabularGame(lonely_game(form).kernel(UNIFORM), reward, 0.0)
    best = rmfg.best_response(game, rmfg.TotalVariation(0.3), UNIFORM)
    np.testing.assert_array_equal(best.value, reward.max(1))
    policy = np.random.default_rng(0).dirichlet(np.ones(SHAPE[1]), SHAPE[0])
    value = rmfg.evaluate(game, rmfg.TotalVariation(0.3), policy, UNIFORM)
    np.testing.assert_allclose(value, (policy * reward).sum(1), rtol=1e-15)
    law = rmfg.stationary_distribution(best.kernel, best.policy, initial=UNIFORM)
    found = rmfg.certify(game, rmfg.TotalVariation(0.3), best.policy, law, best.kernel)
    assert found.certified, found


def ring(size: int) -> tuple[rmfg.SparseKernel, np.ndarray]:
    """Walkers on a ring who slip: three successors of each (s, a), rewards in one place."""
    states = np.arange(size)[:, None, None]
    moves = np.array([[0, -1, -2], [0, 1, 2]])
    law = np.broadcast_to([0.1, 0.7, 0.2], (size, 2, 3))
    reward = np.repeat(np.exp(-(((np.arange(size) - size / 2) / 50) ** 2))[:, None], 2, axis=1)
    return rmfg.SparseKernel((states + moves) % size, law), reward


def sorted_nature(kernel: rmfg.SparseKernel, value: np.ndarray, radius: float):
    """Total variation on the nominal support in NumPy: the least means, and laws on the slots."""
    heights = value[kernel.successors]
    order = np.argsort(-heights, axis=-1)
    law = np.take_along_axis(kernel.probabilities, order, -1)
    law = law - np.clip(radius - (np.cumsum(law, -1) - law), 0, law)
    law[..., -1] += 1 - law.sum(-1)
    moved = np.zeros_like(law)
    np.put_along_axis(moved, order, law, -1)
    return (moved * heights).sum(-1), moved


def ring_value(size: int, radius: float, discount: float) -> np.ndarray:
    """Robust policy iteration on arrays (S, A, 3)."""
    kernel, reward = ring(size)
    value, rows = np.zeros(size), np.arange(size)
    for _ in range(200):
        worst, law = sorted_nature(kernel, value, radius)
        best = (reward + discount * worst).argmax(1)
        chain = np.zeros((size, size))
        np.add.at(chain, (rows[:, None], kernel.successors[rows, best]), law[rows, best])
        new = np.linalg.solve(np.eye(size) - discount * chain, reward[rows, best])
        if np.abs(new - value).max() < 1e-12 / (1 - discount):
            return new
        value = new
    raise RuntimeError("policy iteration did not end")


@pytest.mark.parametrize("method", ["factorize", "krylov"])
def test_sparse_linear_algebra(method, monkeypatch):
    """By a sparse factorization and by GMRES, against dense NumPy."""
    from rmfg.operators import bellman_newton as newton

    if method == "krylov":
        monkeypatch.setattr(newton, "FACTORIZE_UP_TO", 0)
    size, discount = 150, 0.97
    kernel, reward = ring(size)
    game = rmfg.TabularGame(kernel, reward, discount)
    nature, field = rmfg.TotalVariation(0.1, support="nominal"), np.full(size, 1 / size)
    best = rmfg.best_response(game, nature, field)
    assert best.error <= 1e-10 * np.ptp(reward) / (1 - discount)
    np.testing.assert_allclose(best.value, ring_value(size, 0.1, discount), atol=1e-9)


def test_large_sparse_games():
    """Two thousand states: the values found stand still under one sweep in NumPy."""
    random, size, discount = np.random.default_rng(0), 2000, 0.99
    steps = np.cumsum(random.integers(1, 500, (size, 2, 3)), axis=-1)
    successors = (np.arange(size)[:, None, None] + steps) % size
    kernel = rmfg.SparseKernel(successors, random.dirichlet(np.ones(3), (size, 2)))
    reward = random.normal(size=(size, 2))
    game = rmfg.TabularGame(kernel, reward, discount)
    nature, field = rmfg.TotalVariation(0.1, support="nominal"), np.full(size, 1 / size)
    best = rmfg.best_response(game, nature, field)
    worst, _ = sorted_nature(kernel, best.value, 0.1)
    image = (reward + discount * worst).max(1)
    assert np.abs(image - best.value).max() <= 1e-11
    assert isinstance(best.kernel, rmfg.SparseKernel)


def test_operators_in_the_callers_precision():
    """NumPy gives NumPy; JAX arrays and tracers stay what they are."""
    game, ambiguity, values = lonely_game("dense"), rmfg.TotalVariation(0.1), values_of(0)
    q = rmfg.robust_q(game, ambiguity, UNIFORM, values)
    assert type(q) is np.ndarray
    assert q.dtype == np.float64
    single = jnp.asarray(values, jnp.float32)
    field = jnp.asarray(UNIFORM, jnp.float32)
    for call in (
        lambda v: rmfg.optimal_operator(game, ambiguity, field, v),
        jax.jit(lambda v: rmfg.optimal_operator(game, ambiguity, field, v)),
    ):
        image = call(single)
        assert isinstance(image, jax.Array)
        assert image.dtype == jnp.float32
        np.testing.assert_allclose(image, q.max(1), atol=1e-5)
    again = rmfg.robust_q(game, ambiguity, UNIFORM, values)
    np.testing.assert_array_equal(again, q)
    assert not jax.config.jax_enable_x64


def test_temperature_of_the_soft_operator_is_traced():
    game, values = lonely_game("dense"), values_of(0)
    hot, cold = (rmfg.soft_operator(game, rmfg.Nominal(), t, UNIFORM, values) for t in (1.0, 1e-6))
    optimal = rmfg.optimal_operator(game, rmfg.Nominal(), UNIFORM, values)
    np.testing.assert_allclose(cold, optimal, atol=1e-5)
    assert (hot > optimal).all()
