"""Stationary laws: against null spaces, eigenvalue-free power iteration, and laws known by hand."""

import numpy as np
import pytest
from reference import games as brute_force

import rmfg


def chain_kernel(chain) -> tuple[rmfg.DenseKernel, np.ndarray]:
    """One action that moves as the chain says."""
    chain = np.asarray(chain, float)
    return rmfg.DenseKernel(chain[:, None, :]), np.ones((len(chain), 1))


@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("seed", range(6))
def test_random_chains(seed, form):
    """Sparse random chains, most with transient states, some with several classes."""
    random = np.random.default_rng(seed)
    size, actions = 9, 3
    law = random.dirichlet(np.ones(size), (size, actions))
    law *= random.uniform(size=law.shape) < 0.35
    law[np.arange(size), :, random.integers(size, size=size)] += 0.2
    kernel = rmfg.DenseKernel(law / law.sum(-1, keepdims=True))
    policy = random.dirichlet(np.ones(actions), size)
    policy[random.integers(size)] = [1, 0, 0]
    chain = np.einsum("sat,sa->st", kernel.probabilities, policy)
    laws = brute_force.stationary_laws(chain)
    kernel = kernel.to_sparse() if form == "sparse" else kernel
    if len(laws) == 1:
        found = rmfg.stationary_distribution(kernel, policy)
        np.testing.assert_allclose(found, laws[0], atol=1e-14)
        assert (found[laws[0] == 0] == 0).all()
        assert found.dtype == np.float64
    start = random.dirichlet(np.ones(size))
    found = rmfg.stationary_distribution(kernel, policy, initial=start)
    cesaro = np.linalg.matrix_power(0.5 * (chain + np.eye(size)), 2**14)  # aperiodic, same laws
    np.testing.assert_allclose(found, start @ cesaro, atol=1e-10)
    assert found.sum() == pytest.approx(1, abs=1e-15)


def test_transient_states_get_exactly_nothing():
    kernel, policy = chain_kernel(
        [[0.5, 0.5, 0, 0], [0, 0.2, 0.8, 0], [0, 0, 0.5, 0.5], [0, 0, 0.3, 0.7]]
    )
    law = rmfg.stationary_distribution(kernel, policy)
    np.testing.assert_array_equal(law[:2], 0)
    np.testing.assert_allclose(law[2:], [0.375, 0.625], rtol=1e-15)


@pytest.mark.parametrize("period", [2, 3, 7])
def test_periodic_chains(period):
    kernel, policy = chain_kernel(np.roll(np.eye(period), 1, axis=1))
    law = rmfg.stationary_distribution(kernel, policy)
    np.testing.assert_allclose(law, 1 / period, rtol=1e-15)


def test_several_classes_are_named_or_weighed():
    chain = np.zeros((6, 6))
    chain[0, 0] = chain[5, 5] = 1  # two traps
    chain[1, 2] = chain[2, 1] = 1  # a cycle
    chain[3, [0, 1]] = 0.25, 0.75
    chain[4, [3, 5]] = 0.4, 0.6
    kernel, policy = chain_kernel(chain)
    with pytest.raises(ValueError, match=r"3 recurrent classes.*\[0\]; \[1, 2\]; \[5\].*`initial`"):
        rmfg.stationary_distribution(kernel, policy)
    law = rmfg.stationary_distribution(kernel, policy, initial=np.eye(6)[4])
    np.testing.assert_allclose(law, [0.1, 0.15, 0.15, 0, 0, 0.6], rtol=1e-14)
    law = rmfg.stationary_distribution(kernel, policy, initial=np.eye(6)[2])
    np.testing.assert_allclose(law, [0, 0.5, 0.5, 0, 0, 0], rtol=1e-14)


def test_the_policy_decides_which_classes_there_are():
    """Action 0 stays, action 1 goes around."""
    law = np.stack([np.eye(3), np.roll(np.eye(3), 1, axis=1)], axis=1)
    go = np.tile([0.0, 1.0], (3, 1))
    np.testing.assert_allclose(rmfg.stationary_distribution(law, go), 1 / 3)
    stop = go.copy()
    stop[2] = [1, 0]
    np.testing.assert_array_equal(rmfg.stationary_distribution(law, stop), [0, 0, 1])
    with pytest.raises(ValueError, match="3 recurrent classes"):
        rmfg.stationary_distribution(law, 1 - go)


def test_nearly_separate_classes():
    """Rates of 1e-12 still decide, and cost no digits."""
    rate = 1e-12
    kernel, policy = chain_kernel([[1 - rate, rate], [3 * rate, 1 - 3 * rate]])
    law = rmfg.stationary_distribution(kernel, policy)
    np.testing.assert_allclose(law, [0.75, 0.25], rtol=1e-3)


def test_parts_joined_by_moves_of_rounding_size():
    """Where they vanish beside the rest of their row, the balance equations are singular."""
    rare = 3e-16
    kernel, policy = chain_kernel(
        [[0, 1, rare, 0], [1, 0, 0, 0], [2 * rare, 0, 0, 1], [0, 0, 1, 0]]
    )
    law = rmfg.stationary_distribution(kernel, policy)
    np.testing.assert_allclose(law, np.array([2, 2, 1, 1]) / 6, rtol=1e-12)


def test_large_sparse_chain():
    """A walk that prefers to go right, two thousand states: the law is geometric."""
    size, up = 2000, 0.6
    states = np.arange(size)
    successors = np.stack([np.maximum(states - 1, 0), np.minimum(states + 1, size - 1)], -1)
    law = np.broadcast_to([1 - up, up], (size, 1, 2))
    kernel = rmfg.SparseKernel(successors[:, None, :], law)
    found = rmfg.stationary_distribution(kernel, np.ones((size, 1)))
    ratio = up / (1 - up)
    expected = ratio ** (states - size + 1.0)
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-9, atol=1e-14)
