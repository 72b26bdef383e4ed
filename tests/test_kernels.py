"""Kernels as they are given: copied, normalized, read-only; lists of moves; narrow floating point."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from eight_states import array, dense_kernel, values_of
from registry import ONE_OF_EACH, over_sets

import rmfg
from rmfg.core import checks

S, A = 4, 2
LAWS = np.random.default_rng(0).dirichlet(np.ones(S), (S, A))
SLOTS = np.random.default_rng(1).integers(0, S, (S, A, 5))
MASS = np.random.default_rng(2).dirichlet(np.ones(5), (S, A))
VALUES = np.array([1.0, -2, 0.5, 3])
NARROW = {"single": np.float32, "half": np.float16}


def added_up(slots=SLOTS, mass=MASS):
    """The kernel (S, A, S) of slots that may repeat, by a loop."""
    dense = np.zeros((S, A, S))
    for s, a, k in np.ndindex(slots.shape):
        dense[s, a, slots[s, a, k]] += mass[s, a, k]
    return dense


def kinds(probabilities):
    """A dense and a sparse kernel with these probabilities (S, A, S)."""
    states = np.broadcast_to(np.arange(S), probabilities.shape)
    return [rmfg.DenseKernel(probabilities), rmfg.SparseKernel(states, probabilities)]


@pytest.mark.parametrize("kind", [0, 1])
def test_a_kernel_stays_what_was_checked(kind):
    given = LAWS.copy()
    kernel = kinds(given)[kind]
    given *= 0.995
    np.testing.assert_array_equal(array(kernel), LAWS)
    for numbers in (kernel.law, kernel.probabilities, getattr(kernel, "slots", kernel.law)):
        with pytest.raises(ValueError, match="read-only"):
            numbers[...] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            numbers.flags.writeable = True
    assert not np.shares_memory(kernel.law, given)


def test_a_game_keeps_copies_of_its_arrays():
    payoff, initial, law = np.ones((S, A)), np.full(S, 1 / S), LAWS.copy()
    game = rmfg.TabularGame(law, payoff, 0.9, initial=initial)
    payoff[0, 0], initial[0], law[0, 0, 0] = 1e9, 1.0, 0.0
    np.testing.assert_array_equal(game.reward(np.full(S, 1 / S)), np.ones((S, A)))
    np.testing.assert_array_equal(game.initial, np.full(S, 1 / S))
    np.testing.assert_array_equal(array(game.kernel(initial * 0 + 1 / S)), LAWS)
    for numbers in (game._reward, game.initial):
        with pytest.raises(ValueError, match="read-only"):
            numbers[0] = 2.0


@pytest.mark.parametrize("off", [1 - 9e-10, 1 + 9e-10])
def test_rows_sum_to_one_to_the_last_digit(off):
    for kernel in kinds(LAWS * off):
        totals = array(kernel).sum(-1, dtype=np.longdouble)
        assert np.abs(totals - 1).max() <= np.finfo(float).eps
        np.testing.assert_allclose(array(kernel), LAWS, rtol=1e-15)


def test_normalizing_twice_is_normalizing_once():
    random = np.random.default_rng(3)
    for width in (2, 7, 1000):
        once = checks.normalized(random.dirichlet(np.ones(width), 200) * (1 + 1e-10))
        np.testing.assert_array_equal(checks.normalized(once), once)
        totals = once.sum(-1, dtype=np.longdouble)
        assert np.abs(totals - 1).max() <= 2 * np.finfo(float).eps


def test_rounding_below_zero_is_zero():
    law = LAWS.copy()
    law[1, 1] = [-1e-16, 0.5, 0.5, 0]
    for kernel in kinds(law):
        np.testing.assert_array_equal(array(kernel)[1, 1], [0, 0.5, 0.5, 0])
    law[1, 1] = [-1e-6, 0.5, 0.5 + 1e-6, 0]
    with pytest.raises(ValueError, match=r"negative, but is -1e-06 at \(s=1, a=1, next=0\)"):
        rmfg.DenseKernel(law)


@pytest.mark.parametrize("kind", NARROW)
@pytest.mark.parametrize("library", [np, jnp])
def test_what_is_normalized_in_its_own_precision_is_a_law(kind, library):
    narrow = library.asarray(LAWS, NARROW[kind])
    narrow = narrow / narrow.sum(-1, keepdims=True)
    exact = np.asarray(narrow, np.float64)
    assert np.abs(exact.sum(-1) - 1).max() > 1e-9
    for kernel in kinds(narrow):
        assert array(kernel).dtype == np.float64
        expected = exact / exact.sum(-1, keepdims=True)
        np.testing.assert_allclose(array(kernel), expected, rtol=1e-15)


def test_data_of_single_precision_in_wider_arrays():
    """As from a file: the type has been lost, the rounding has not."""
    narrow = LAWS.astype(np.float32).astype(np.float64)
    assert np.abs(narrow.sum(-1) - 1).max() > 1e-9
    np.testing.assert_allclose(array(rmfg.DenseKernel(narrow)), LAWS, atol=1e-7)
    with pytest.raises(ValueError, match=r"sums to 1\.0000001"):
        rmfg.DenseKernel(LAWS * (1 + 1e-7))


def test_wrong_rows_are_wrong_in_every_precision():
    for kind in (np.float16, np.float32, np.float64):
        with pytest.raises(ValueError, match=r"sums to 0\.9"):
            rmfg.DenseKernel((LAWS * 0.95).astype(kind))


@over_sets(ONE_OF_EACH)
def test_kernels_of_single_precision_under_sets(row):
    """The set's answer is the one to the same kernel in double precision."""
    exact, values = dense_kernel(0), values_of(0)
    ambiguity = row.build(row.middle(), exact)
    for library in (np, jnp):
        narrow = rmfg.DenseKernel(library.asarray(exact.probabilities, library.float32))
        found = ambiguity.worst_value(narrow, values)
        expected = ambiguity.worst_value(rmfg.DenseKernel(array(narrow)), values)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, expected)
        assert np.isfinite(found).all()


def test_functions_of_single_precision():
    """What a function returns is taken to the precision of the mean field, and so are laws."""
    laws, payoff = jnp.asarray(LAWS, jnp.float32), jnp.ones((S, A), jnp.float32)
    game = rmfg.TabularGame(
        lambda m: laws * jnp.float32(1), lambda m: payoff, 0.9, num_states=S, num_actions=A
    )
    kernel = game.kernel(np.full(S, 1 / S))
    assert kernel.law.dtype == np.float64 == game.reward(np.full(S, 1 / S)).dtype
    np.testing.assert_allclose(array(kernel).sum(-1), 1, atol=1e-15)
    found = rmfg.robust_q(game, rmfg.TotalVariation(0.1), np.full(S, 1 / S), VALUES)
    exact = rmfg.TotalVariation(0.1).worst_value(rmfg.DenseKernel(LAWS), VALUES)
    np.testing.assert_allclose(found, 1 + 0.9 * exact, atol=1e-6)


def test_successors_named_twice_are_added_up():
    with pytest.raises(ValueError, match=r"twice in row .*merge=True"):
        rmfg.SparseKernel(SLOTS, MASS)
    kernel = rmfg.SparseKernel(SLOTS, MASS, merge=True)
    np.testing.assert_allclose(array(kernel), added_up(), atol=1e-15)
    assert kernel.successors.shape[-1] == max(
        len(set(row)) for row in SLOTS.reshape(-1, 5).tolist()
    )
    kernel.check()


def test_merging_can_be_traced():
    """Walls are known, probabilities are functions of the mean field."""
    dense = jax.jit(lambda mass: rmfg.SparseKernel(SLOTS, mass, merge=True).to_dense())
    np.testing.assert_allclose(dense(MASS), added_up(), atol=1e-6)
    slope = jax.grad(lambda mass: dense(mass)[1, 1] @ VALUES.astype(np.float32))(
        jnp.asarray(MASS, jnp.float32)
    )
    expected = np.zeros_like(MASS)
    expected[1, 1] = VALUES[SLOTS[1, 1]]
    np.testing.assert_allclose(slope, expected)


def test_a_list_of_moves():
    states, actions, _ = np.indices(SLOTS.shape)
    order = np.random.default_rng(4).permutation(SLOTS.size)
    columns = [part.ravel()[order] for part in (states, actions, SLOTS, MASS)]
    kernel = rmfg.SparseKernel.from_coo(*columns)
    np.testing.assert_allclose(array(kernel), added_up(), atol=1e-15)
    same = rmfg.SparseKernel.from_coo(*(c.tolist() for c in columns), num_states=S, num_actions=A)
    np.testing.assert_array_equal(array(same), array(kernel))


@pytest.mark.parametrize(
    ("moves", "options", "words"),
    [
        (([0, 1], [0, 0], [1, 1], [1, 0.5]), {}, r"`probabilities`.*\(s=1, a=0\).*0\.5"),
        (([0, 2], [0, 0], [1, 1], [1, 1]), {}, r"`states`.*\(s=1, a=0\) has no moves"),
        (([0, 2], [0, 0], [1, 1], [1, 1]), {"num_states": 10**15}, r"\(s=1, a=0\) has no moves"),
        (([0, 1], [0, 0], [1, 2], [1, 1]), {"num_states": 2}, r"`successors`.*0 to 1, but is 2"),
        (([0, 1], [0, 0], [1, -1], [1, 1]), {}, r"`successors`.*but is -1 at \(i=1\)"),
        (([0, 1], [0, 0], [1, 1], [1]), {}, r"`states`.*\(1,\).*\(2,\)"),
        (([], [], [], []), {}, r"`states`.*integers"),
    ],
)
def test_lists_that_are_no_kernel(moves, options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        rmfg.SparseKernel.from_coo(*moves, **options)


def test_normalized_kernels():
    law = LAWS * 0.5
    law[0, 0, 0] = -1e-9
    for kernel in kinds(LAWS):
        wrong = rmfg.SparseKernel(np.broadcast_to(np.arange(S), LAWS.shape), LAWS)
        object.__setattr__(wrong, "law", np.moveaxis(law, -1, 0))
        right = np.maximum(law, 0) / np.maximum(law, 0).sum(-1, keepdims=True)
        np.testing.assert_allclose(array(wrong.normalized()), right, atol=1e-15)
        np.testing.assert_array_equal(array(kernel.normalized()), LAWS)
        traced = jax.jit(lambda kernel: kernel.normalized().law)(wrong)
        np.testing.assert_allclose(traced, np.moveaxis(right, -1, 0), atol=1e-6)


def test_a_kernel_is_shown_in_a_line():
    dense = rmfg.DenseKernel(np.full((2, 3, 2), 0.5))
    sparse = rmfg.SparseKernel(np.zeros((2, 3, 1), int), np.ones((2, 3, 1)))
    assert repr(dense) == "<DenseKernel: 2 states, 3 actions, 2 successors a row>"
    assert repr(sparse) == "<SparseKernel: 2 states, 3 actions, 1 successors a row>"
    assert "\n" not in repr(jax.tree.map(lambda leaf: None, sparse))
