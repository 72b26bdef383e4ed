"""Stationary laws: entry by entry against exact rationals, null spaces, and laws known by hand."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
from reference import chains as exact
from reference import games as brute_force

import rmfg
from rmfg.operators import elimination
from rmfg.operators.refined import refined_visits
from rmfg.operators.stationary import long_run_law

# Relative, in every entry: some hundred roundings.
PRECISE = 1e-13
# Where logarithms of numbers like 1e-300 are added up: their size times rounding, a few times.
WIDE = 1e-11


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


def filled(moves) -> np.ndarray:
    """Put what is left of one on the diagonal."""
    chain = np.array(moves, float)
    np.fill_diagonal(chain, 0)
    chain[np.arange(len(chain)), np.arange(len(chain))] = 1 - chain.sum(1)
    return chain


def steps(up, down) -> np.ndarray:
    """A chain on a line: up from each state but the last, down from each but the first."""
    return filled(np.diag(up, 1) + np.diag(down, -1))


def wells(number: int, size: int, rate: float, seed: int = 0) -> np.ndarray:
    """Groups of states that mix at once, on a ring, joined by rare moves."""
    random = np.random.default_rng(seed)
    chain = np.kron(np.eye(number), np.ones((size, size)) / (2 * size))
    for group in range(number):
        there = (group + 1) % number
        chain[group * size, there * size] = rate * random.uniform(0.5, 2)
        chain[there * size + 1, group * size + 1] = rate * random.uniform(0.5, 2)
    return filled(chain)


def rates(size: int, smallest: float, seed: int, density: float = 1.0) -> np.ndarray:
    """Random rates over many orders of magnitude, on a ring so that all is one class."""
    random = np.random.default_rng(seed)
    chain = 10.0 ** random.uniform(np.log10(smallest), 0, (size, size)) / size
    chain *= (random.uniform(size=chain.shape) < density) | np.roll(np.eye(size), 1, 1).astype(bool)
    return filled(chain)


def star(leaves: int) -> np.ndarray:
    """A hub with leaves that are left at very different rates."""
    random = np.random.default_rng(leaves)
    chain = np.zeros((leaves + 1, leaves + 1))
    chain[0, 1:] = random.dirichlet(np.ones(leaves)) * 0.9
    chain[1:, 0] = 10.0 ** random.uniform(-18, 0, leaves) / 2
    return filled(chain)


def leaking() -> np.ndarray:
    """Two traps and a cycle, with transient groups that leak into them at 1e-12 and 4e-9."""
    chain = np.zeros((9, 9))
    chain[1, 2] = chain[2, 1] = 1
    chain[3:6, 3:6] = 0.3
    chain[3, 0], chain[4, 8], chain[5, 6] = 1e-12, 3e-12, 2e-13
    chain[6, 7] = chain[7, 6] = 0.5
    chain[7, 1] = 4e-9
    return filled(chain)


CHAINS = {
    "two ends": steps([1e-8, 1e-8, 0.5, 0.5], [0.5, 1e-8, 1e-8, 1e-8]),
    "nine states": steps([1e-4] * 4 + [0.5] * 4, [0.5] * 3 + [1e-4] * 5),
    "two states": filled([[0, 1e-12], [3e-12, 0]]),
    "two wells": wells(2, 4, 1e-6),
    "three wells": wells(3, 3, 1e-9),
    "five wells beyond rounding": wells(5, 2, 1e-40),
    "cycle": np.roll(np.eye(7), 1, 1),
    "cycle of tiny steps": filled(np.roll(np.diag(10.0 ** -np.arange(0, 21, 3)), 1, 1)),
    "rates to 1e-8": rates(10, 1e-8, 0),
    "rates to 1e-30": rates(10, 1e-30, 1, density=0.4),
    "rates to 1e-300": rates(8, 1e-300, 2),
    "few rates to 1e-300": rates(12, 1e-300, 3, density=0.15),
    "star": star(12),
    "leaking": leaking(),
    "ruin": steps([0, *[0.5] * 3, *[2e-5] * 4], [*[1e-5] * 4, *[0.5] * 3, 0]),
    "leak of 4e-9": filled([[0, 4e-9], [0, 0]]),
    "debris": filled([[0, 0.5, 1e-17], [0.5, 0, 0], [1e-30, 1e-300, 0]]),
    "walk down": steps([0.1] * 11, [0.8] * 11),
    "barrier": steps([1e-50] * 4 + [0.5] * 4, [0.5] * 4 + [1e-50] * 4),
}
BEYOND_RANGE = ("rates to 1e-300", "few rates to 1e-300", "debris", "barrier")


def relative_error(found, law) -> float:
    """The largest relative error of an entry; below the range of float64, zero is right."""
    smallest = Fraction(float(np.finfo(float).tiny))
    errors = (
        abs(Fraction(float(f)) - m) / max(m, smallest) for f, m in zip(found, law, strict=True)
    )
    return float(max(errors))


@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("name", CHAINS)
def test_every_entry_is_precise(name, form):
    chain = CHAINS[name]
    accuracy = WIDE if name in BEYOND_RANGE else PRECISE
    kernel, policy = chain_kernel(chain)
    kernel = kernel.to_sparse() if form == "sparse" else kernel
    start = np.random.default_rng(0).dirichlet(np.ones(len(chain)))
    for initial in (start, np.eye(len(chain))[len(chain) // 2]):
        found = rmfg.stationary_distribution(kernel, policy, initial=initial)
        assert relative_error(found, exact.long_run(chain, initial)) <= accuracy
    if len(exact.closed_classes(chain)) == 1:
        alone = rmfg.stationary_distribution(kernel, policy)
        assert relative_error(alone, exact.long_run(chain, start)) <= accuracy


@pytest.mark.parametrize("name", CHAINS)
def test_every_way_of_computing_gives_the_same(name, monkeypatch):
    """One table, fronts, and logarithms; states in any order."""
    chain, random = CHAINS[name], np.random.default_rng(1)
    start = random.dirichlet(np.ones(len(chain)))
    expected = exact.long_run(chain, start)
    accuracy = WIDE if name in BEYOND_RANGE else PRECISE
    order = random.permutation(len(chain))
    permuted = long_run_law(scipy.sparse.csr_array(chain[order][:, order]), start[order])
    assert relative_error(permuted[np.argsort(order)], expected) <= accuracy
    monkeypatch.setattr("rmfg.operators.stationary.one_table", lambda size, entries: False)
    fronts = long_run_law(scipy.sparse.csr_array(chain), start)
    assert relative_error(fronts, expected) <= accuracy
    monkeypatch.setattr("rmfg.operators.stationary.refined_visits", lambda *args: None)
    fronts = long_run_law(scipy.sparse.csr_array(chain), start)
    assert relative_error(fronts, expected) <= accuracy

    def out_of_range(table, count):
        raise FloatingPointError

    monkeypatch.setattr(elimination, "_reduce", out_of_range)
    logarithms = long_run_law(scipy.sparse.csr_array(chain), start)
    assert relative_error(logarithms, expected) <= WIDE


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("power", [-3, -40, -200])
def test_slower_is_the_same(name, power):
    """(1 - e) I + e K has the law of K to the last digit, although the diagonal is 1 to rounding."""
    chain = CHAINS[name]
    moves = chain - np.diag(chain.diagonal())
    if name in BEYOND_RANGE and power < -40:
        pytest.skip("some rates would leave the range of float64")
    start = np.random.default_rng(0).dirichlet(np.ones(len(chain)))
    law = long_run_law(scipy.sparse.csr_array(chain), start)
    slow = long_run_law(scipy.sparse.csr_array(filled(np.ldexp(moves, power))), start)
    np.testing.assert_array_equal(slow, law)


@pytest.mark.parametrize("size", [151, 400])
@pytest.mark.parametrize("rate", [1e-3, 1e-14])
def test_dense_and_sparse_elimination(size, rate):
    """Random sparse groups with rare moves between them: fronts against one table."""
    random = np.random.default_rng(size)
    chain = random.uniform(size=(size, size)) * (random.uniform(size=(size, size)) < 3 / size)
    chain[: size // 2, size // 2 :] *= rate
    chain[size // 2 :, : size // 2] *= rate
    chain += np.roll(np.eye(size), 1, 1) / 8
    chain[[size // 2 - 1, -1], [size // 2, 0]] *= rate
    np.fill_diagonal(chain, 0)
    chain /= 2 * chain.sum(1, keepdims=True)
    inside, excess = chain[1:, 1:], chain[1:, 0]
    dense = elimination.eliminate(inside, excess)
    sparse = elimination.eliminate(scipy.sparse.csr_array(inside), excess)
    assert len(dense.pieces) == 1
    assert len(sparse.pieces) > 3
    right = random.uniform(size=(size - 1, 3)) * (random.uniform(size=(size - 1, 3)) < 0.5)
    for operator in (elimination.visits, elimination.costs):
        found = operator(sparse, right)
        np.testing.assert_allclose(found, operator(dense, right), rtol=PRECISE)
    balance = np.diag(chain.sum(1)[1:]) - inside
    visited = elimination.visits(dense, right)
    # Flow in is flow out: subtractions again, hence relative to what flows.
    np.testing.assert_allclose(balance.T @ visited, right, atol=1e-12 * visited.max())
    law = long_run_law(scipy.sparse.csr_array(chain), np.ones(size))
    law_by_table = np.insert(elimination.visits(dense, chain[:1, 1:].T)[:, 0], 0, 1.0)
    np.testing.assert_allclose(law, law_by_table / law_by_table.sum(), rtol=PRECISE)


def test_the_fast_way_knows_when_it_is_wrong():
    """Factors with subtractions are taken only where their error is proved small."""
    answers = []
    for rate in (0.1, 1e-3, 1e-5, 1e-9, 1e-15):
        chain = steps([rate, rate, 0.5, 0.5, 0.5], [0.5, 0.5, rate, rate, rate])
        inside, start = (
            scipy.sparse.csr_array(chain[1:, 1:] - np.diag(chain.diagonal()[1:])),
            chain[0, 1:],
        )
        found = refined_visits(inside, chain[1:, 0], start)
        answers.append(found is not None)
        if found is not None:
            law = np.insert(found, 0, 1.0)
            assert relative_error(law / law.sum(), exact.long_run(chain, np.ones(6))) <= PRECISE
    assert answers[0]
    assert not answers[-1]


@pytest.mark.parametrize("rate", [1e-4, 1e-30])
def test_two_thousand_states_in_wells(rate):
    """Bands with rare bridges, the states shuffled, against a hundred decimal digits."""
    size, random = 2000, np.random.default_rng(0)
    source = np.repeat(np.arange(size), 4)
    target = (source + np.tile([-2, -1, 1, 2], size)).clip(0, size - 1)
    chance = random.uniform(0.1, 0.2, source.size)
    bridge = (source // 500) != (target // 500)
    chance[bridge] *= rate
    keep = source != target
    entries = scipy.sparse.coo_array((chance[keep], (source[keep], target[keep])), (size, size))
    entries.sum_duplicates()
    source, target = entries.coords
    law = exact.banded_law(source, target, entries.data, size, digits=150)
    order = random.permutation(size)
    shuffled = scipy.sparse.csr_array((entries.data, (order[source], order[target])), (size, size))
    found = long_run_law(shuffled, np.ones(size))[order]
    np.testing.assert_allclose(found, [float(m) for m in law], rtol=PRECISE)


def test_a_barrier_beyond_the_range_of_floats():
    """Two wells, one thousand states up and down again: the top holds 1e-600, yet each well half."""
    size = 1001
    up, down = np.full(size - 1, 0.1), np.full(size - 1, 0.8)
    up[size // 2 :], down[size // 2 :] = 0.8, 0.1
    chain = steps(up, down)
    found = long_run_law(scipy.sparse.csr_array(chain), np.ones(size))
    assert found[: size // 2].sum() == pytest.approx(0.5, rel=WIDE)
    ratio = 8.0 ** -np.arange(100)
    np.testing.assert_allclose(found[:100], found[0] * ratio, rtol=WIDE)
    np.testing.assert_allclose(found[::-1][:100], found[0] * ratio, rtol=WIDE)


def test_a_hundred_thousand_states():
    """A walk on a grid with a product law: the entry of each state is the product of two."""
    width, height = 500, 200
    kinds = [
        steps(np.full(n - 1, 0.2), np.full(n - 1, 0.2 * ratio))
        for n, ratio in ((width, 1.01), (height, 1.03))
    ]
    along, across = (scipy.sparse.csr_array(kind / 2) for kind in kinds)
    chain = scipy.sparse.kronsum(across, along, format="csr")
    found = long_run_law(scipy.sparse.csr_array(chain), np.ones(width * height))
    laws = [ratio ** -np.arange(n, dtype=float) for n, ratio in ((width, 1.01), (height, 1.03))]
    expected = np.kron(*(law / law.sum() for law in laws))
    np.testing.assert_allclose(found, expected, rtol=1e-11)


@pytest.mark.parametrize("initial", [[np.nan, 1, 0], [0.5, 0.2, 0.1], [-0.5, 0.5, 1]])
def test_where_it_starts_is_checked_also_where_it_does_not_matter(initial):
    kernel, policy = chain_kernel(CHAINS["cycle"][:3, :3] + np.eye(3)[[2, 1, 0]] * [[0], [0], [1]])
    with pytest.raises(ValueError, match="`initial`"):
        rmfg.stationary_distribution(kernel, policy, initial=np.array(initial))


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
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-11, atol=1e-300)


@pytest.mark.parametrize(
    "solver", [rmfg.Picard(), rmfg.PolicyIteration(), rmfg.FictitiousPlay(), rmfg.Newton()], ids=str
)
@pytest.mark.parametrize("name", ["nine states", "three wells"])
def test_solvers_find_the_law(name, solver):
    """Agents pay for the crowd and for nothing they can change: the chain's law is the answer."""
    chain = CHAINS[name]
    kernel = np.repeat(chain[:, None], 2, axis=1)
    effort = np.array([0.0, 0.1])
    game = rmfg.TabularGame(kernel, lambda m: -m[:, None] - effort, 0.9, num_states=len(chain))
    answer = rmfg.solve(game, solver=solver)
    assert answer.certificate.certified
    law = exact.class_law(chain, list(range(len(chain))))
    assert relative_error(answer.distribution, law) <= 1e-8


def test_a_transient_class_is_no_equilibrium():
    """With a leak of 4e-9 out of the first state, all mass ends in the second, wherever it starts."""
    kernel = np.repeat(CHAINS["leak of 4e-9"][:, None], 2, axis=1)
    game = rmfg.TabularGame(kernel, np.array([[0, -0.1], [0, -0.1]]), 0.9)
    for solver in (rmfg.Picard(), rmfg.Newton()):
        answer = rmfg.solve(game, solver=solver, initial=np.array([1.0, 0.0]))
        assert answer.certificate.certified
        np.testing.assert_array_equal(answer.distribution, [0, 1])
