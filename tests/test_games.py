"""Games: the three ways to write one, what may change between calls, and what comes out."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from eight_states import NUM_ACTIONS, NUM_STATES, SHAPE, array, dense_kernel, sparse_kernel
from registry import CrowdedGame

import rmfg

UNIFORM = np.full(NUM_STATES, 1 / NUM_STATES)
LAWS = np.random.default_rng(0).dirichlet(np.ones(3), (3, 2))
PAYOFF = np.random.default_rng(1).normal(size=(3, 2))


def kernel_of(m):
    return (1 - m[0]) * LAWS + m[0] / 3


def reward_of(m):
    return PAYOFF - m[:, None]


class Spelled(rmfg.MeanFieldGame):
    """Sizes as class attributes."""

    num_states, num_actions, discount = 3, 2, 0.9

    def kernel(self, mean_field):
        return kernel_of(mean_field)

    def reward(self, mean_field):
        return reward_of(mean_field)


class Made(rmfg.MeanFieldGame):
    """Sizes and numbers set in `__init__`."""

    def __init__(self, aversion=1.0, discount=0.9):
        self.num_states, self.num_actions, self.discount = 3, 2, discount
        self.aversion = aversion

    def kernel(self, mean_field):
        return rmfg.DenseKernel(kernel_of(mean_field))

    def reward(self, mean_field):
        return PAYOFF - self.aversion * mean_field[:, None]


WAYS = {
    "functions": lambda: rmfg.TabularGame(kernel_of, reward_of, 0.9, num_states=3, num_actions=2),
    "one by one": lambda: rmfg.TabularGame.from_functions(
        lambda s, a, m: (1 - m[0]) * jnp.asarray(LAWS)[s, a] + m[0] / 3,
        lambda s, a, m: jnp.asarray(PAYOFF)[s, a] - m[s],
        3,
        2,
        0.9,
    ),
    "class attributes": Spelled,
    "init": Made,
    "returns sparse": lambda: rmfg.TabularGame(
        lambda m: rmfg.SparseKernel(
            np.broadcast_to(np.arange(3), (3, 2, 3)), kernel_of(jnp.asarray(m))
        ),
        reward_of,
        0.9,
        num_states=3,
        num_actions=2,
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_a_game_is_the_same_game(way):
    game, field = WAYS[way](), np.array([0.5, 0.3, 0.2])
    assert (game.num_states, game.num_actions, game.discount) == (3, 2, 0.9)
    kernel, reward = game.kernel(field), game.reward(field)
    assert isinstance(kernel, rmfg.Kernel)
    np.testing.assert_allclose(array(kernel), kernel_of(field), atol=1e-15)
    np.testing.assert_allclose(reward, reward_of(field), atol=1e-15)
    for numbers in (kernel.probabilities, kernel.to_dense(), reward):
        assert type(numbers) is np.ndarray
        assert numbers.dtype == np.float64
    expected = (reward_of(field) + 0.9 * kernel_of(field) @ [1, 2, 3]).max(1)
    found = rmfg.optimal_operator(game, rmfg.Nominal(), field, np.array([1.0, 2, 3]))
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_games_in_the_callers_precision():
    """With arrays of its own: JAX 0.10 trips over NumPy arrays that are used in both precisions."""
    laws, payoff = LAWS.copy(), PAYOFF.copy()
    game = rmfg.TabularGame(
        lambda m: (1 - m[0]) * jnp.asarray(laws, m.dtype) + m[0] / 3,
        lambda m: jnp.asarray(payoff, m.dtype) - m[:, None],
        0.9,
        num_states=3,
        num_actions=2,
    )
    field = np.array([0.5, 0.3, 0.2])
    single = jnp.asarray(field, jnp.float32)
    for numbers in (game.reward(single), game.kernel(single).probabilities):
        assert isinstance(numbers, jax.Array)
        assert numbers.dtype == jnp.float32
    np.testing.assert_allclose(game.reward(single), reward_of(field), atol=1e-6)
    assert game.reward(field).dtype == np.float64


@pytest.mark.parametrize("kernel", [dense_kernel(0), sparse_kernel(0), array(dense_kernel(0))])
def test_arrays_make_a_game_without_interaction(kernel):
    reward = np.random.default_rng(0).normal(size=SHAPE)
    names = [f"place {s}" for s in range(NUM_STATES)]
    game = rmfg.TabularGame(
        kernel, reward, 0.5, state_names=names, name="mine", initial=np.eye(NUM_STATES)[0]
    )
    np.testing.assert_array_equal(array(game.kernel(UNIFORM)), array(dense_kernel(0)))
    np.testing.assert_array_equal(game.reward(np.eye(NUM_STATES)[3]), reward)
    assert isinstance(game.kernel(UNIFORM), rmfg.SparseKernel) == isinstance(
        kernel, rmfg.SparseKernel
    )
    assert game.state_names == tuple(names)
    assert game.mean_field_shape == (NUM_STATES,)


def test_state_action_mean_fields():
    game, random = CrowdedGame("dense", "state-action"), np.random.default_rng(0)
    law, policy = random.dirichlet(np.ones(8)), random.dirichlet(np.ones(5), 8)
    field = game.mean_field_of(law, policy)
    assert game.mean_field_shape == SHAPE == field.shape
    np.testing.assert_allclose(field, law[:, None] * policy)
    np.testing.assert_allclose(game.reward(field), game.payoff - 0.3 * field)
    answer = rmfg.solve(game, rmfg.Nominal(), tol=1e-2)
    assert answer.status == "certified"
    np.testing.assert_allclose(answer.mean_field, answer.distribution[:, None] * answer.policy)


def test_attributes_may_change_between_calls():
    """Arrays and numbers alike: nothing stale survives in compiled code."""
    values, field = np.array([1.0, -1, 2]), np.array([0.2, 0.3, 0.5])
    game = Made()
    for aversion in (1.0, 3.0, np.asarray(2.0), np.array([[1.0, 2.0]] * 3)):
        game.aversion = aversion
        expected = PAYOFF - aversion * field[:, None] + game.discount * kernel_of(field) @ values
        found = rmfg.robust_q(game, rmfg.Nominal(), field, values)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        best = rmfg.best_response(game, rmfg.Nominal(), field)
        image = PAYOFF - aversion * field[:, None] + game.discount * kernel_of(field) @ best.value
        np.testing.assert_allclose(image.max(1), best.value, atol=1e-8)
    for discount in (0.5, 0.0, 0.95):
        game.discount = discount
        found = rmfg.robust_q(game, rmfg.Nominal(), field, values)
        expected = PAYOFF - aversion * field[:, None] + discount * kernel_of(field) @ values
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_solving_again_after_a_change():
    """Two bars: the crowd goes where the bar has been moved to."""
    game = rmfg.zoo.make("move-forward")
    there = rmfg.solve(game, rmfg.Nominal(), tol=1e-6)
    assert np.argmax(there.distribution) == 6
    game._reward = game._reward[::-1].copy()
    back = rmfg.solve(game, rmfg.Nominal(), tol=1e-6)
    assert np.argmax(back.distribution) == 0


def test_games_pass_through_compiled_code():
    """A game is a pytree: arrays are traced, the rest is part of the key."""
    game = CrowdedGame("dense")

    @eqx.filter_jit
    def best(game, field):
        return game.reward(field).max()

    field = jnp.asarray(UNIFORM, jnp.float32)
    first = best(game, field)
    game.payoff = game.payoff + 1
    np.testing.assert_allclose(best(game, field), first + 1, rtol=1e-5)


def test_a_subclass_must_say_its_sizes():
    class Forgetful(rmfg.MeanFieldGame):
        num_states, num_actions = 3, 2

        def kernel(self, mean_field):
            return LAWS

        def reward(self, mean_field):
            return PAYOFF

    with pytest.raises(ValueError, match="`discount` is missing from Forgetful"):
        rmfg.solve(Forgetful())

    class Half(rmfg.MeanFieldGame):
        def kernel(self, mean_field):
            return LAWS

    with pytest.raises(TypeError, match="abstract"):
        Half()


def test_kernels_as_operators():
    """Expectation, push and conversion against NumPy, for padded and repeated slots."""
    random = np.random.default_rng(0)
    values, mass = random.normal(size=NUM_STATES), random.uniform(size=SHAPE)
    dense, sparse = dense_kernel(5), sparse_kernel(5)
    law = array(dense)
    policy = random.dirichlet(np.ones(NUM_ACTIONS), NUM_STATES)
    for kernel in (dense, sparse, dense.to_sparse(), sparse.to_sparse()):
        np.testing.assert_allclose(array(kernel), law, atol=1e-16)
        np.testing.assert_allclose(kernel.expectation(values), law @ values, atol=1e-14)
        pushed = np.einsum("sa,sat->t", mass, law)
        np.testing.assert_allclose(kernel.push(mass), pushed, atol=1e-14)
        chain = np.einsum("sat,sa->st", law, policy)
        np.testing.assert_allclose(kernel.chain(policy).toarray(), chain, atol=1e-15)
        assert (kernel.num_states, kernel.num_actions) == SHAPE
    assert dense.to_sparse().probabilities.shape == (*SHAPE, 5)
    assert sparse.to_sparse() is sparse
