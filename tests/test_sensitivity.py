"""Condition numbers of stationary laws against rational group inverses, and what they promise."""

import numpy as np
import pytest
import scipy.sparse
from reference import chains as exact
from test_stationary import CHAINS, filled, steps, wells

from rmfg.operators import sensitivity as module
from rmfg.operators.sensitivity import nearly_closed, sensitivity
from rmfg.operators.stationary import long_run_law

ONE_CLASS = [name for name, chain in CHAINS.items() if len(exact.closed_classes(chain)) == 1]
# Rational group inverses of larger chains take minutes.
SMALL = [name for name in ONE_CLASS if len(CHAINS[name]) <= 9 and "300" not in name]


def law_of(chain) -> np.ndarray:
    return long_run_law(scipy.sparse.csr_array(chain), np.ones(len(chain)) / len(chain))


@pytest.mark.parametrize("name", SMALL)
def test_exact_against_the_group_inverse(name):
    """Two wells joined at 1e-6, rates of 1e-30: the number itself, to many digits."""
    chain = CHAINS[name]
    found = sensitivity(scipy.sparse.csr_array(chain), law_of(chain))
    assert found == pytest.approx(exact.condition(chain), rel=1e-10)


@pytest.mark.parametrize("name", SMALL)
def test_the_bound_of_large_chains(name, monkeypatch):
    """Never below the truth, and above it by no more than twice the number of states."""
    chain = CHAINS[name]
    monkeypatch.setattr(module, "EXACT_UP_TO", 0)
    found, truth = sensitivity(scipy.sparse.csr_array(chain), law_of(chain)), exact.condition(chain)
    assert truth * (1 - 1e-12) <= found <= 2 * len(chain) * truth


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("name", CHAINS)
def test_no_law_is_further_off_than_promised(name, exactly, monkeypatch):
    """Random laws near and far: their distance to their own long run, in units of imbalance."""
    chain, random = CHAINS[name], np.random.default_rng(2)
    if not exactly:
        monkeypatch.setattr(module, "EXACT_UP_TO", 0)
    law = law_of(chain)
    kappa = sensitivity(scipy.sparse.csr_array(chain), law)
    moves = chain - np.diag(chain.diagonal())
    for share in (1, 1e-3, 1e-6):
        for _ in range(20):
            other = random.dirichlet(np.full(len(chain), 0.3)) * share + law * (1 - share)
            imbalance = np.abs(other @ moves - other * moves.sum(1)).sum()
            distance = np.abs(other - long_run_law(scipy.sparse.csr_array(chain), other)).sum()
            rounding = 1e-14
            assert distance <= kappa * (imbalance + rounding) * (1 + 1e-9) + rounding


def test_two_wells_by_hand():
    """Two states left at rates a and b: the group inverse is (I - K) / (a + b)^2, kappa 1 / (a + b)."""
    for a, b in ((1e-12, 3e-12), (0.5, 0.5), (1e-200, 1e-200), (1e-6, 1)):
        chain = scipy.sparse.csr_array(filled([[0, a], [b, 0]]))
        assert sensitivity(chain, np.array([b, a]) / (a + b)) == pytest.approx(
            1 / (a + b), rel=1e-14
        )


def test_a_trap_with_a_leak_before_it():
    chain = scipy.sparse.csr_array(filled([[0, 4e-9], [0, 0]]))
    assert sensitivity(chain, np.array([0.0, 1.0])) == pytest.approx(2.5e8)
    apart = scipy.sparse.csr_array(np.eye(3))
    assert sensitivity(apart, np.ones(3) / 3) == 0  # every law is stationary


PARTS = {
    "two wells": (wells(2, 4, 1e-6), [4, 4]),
    "three wells": (wells(3, 3, 1e-9), [3, 3, 3]),
    "five wells": (wells(5, 2, 1e-40), [2] * 5),
    "wells in a well": (
        np.block([[wells(2, 3, 1e-5), np.eye(6) * 1e-12], [np.eye(6) * 1e-12, wells(2, 3, 1e-5)]]),
        [3, 3, 3, 3],
    ),
    "closed": (np.kron(np.eye(3), np.full((2, 2), 0.5)), [2, 2, 2]),
    "a slope each": (steps([0.1] * 9 + [0.8] * 9, [0.8] * 9 + [0.1] * 9), [9, 10]),
    "one well": (np.full((6, 6), 1 / 6), []),
    "slow but whole": (steps([1e-3] * 30, [1e-3] * 30), []),
    "cycle": (np.roll(np.eye(40), 1, 1), []),
    "rarely visited, soon left": (filled([[0, 1e-9, 0], [0.5, 0, 0.5], [0.5, 0.5, 0]]), []),
}


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_hardly_exchange_mass(name):
    chain, sizes = PARTS[name]
    order = np.random.default_rng(0).permutation(len(chain))
    for arrangement in (np.arange(len(chain)), order):
        arranged = filled(chain[arrangement][:, arrangement])
        parts = nearly_closed(scipy.sparse.csr_array(arranged), law_of(arranged))
        original = [sorted(arrangement[part].tolist()) for part in parts]
        assert sorted(map(len, original)) == sizes
        # In the order written down, each part is a run of states.
        assert all(part[-1] - part[0] + 1 == len(part) for part in original)
