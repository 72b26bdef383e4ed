"""Compositions of agents over states, and the law of the next one, against enumeration."""

import itertools

import numpy as np
import pytest
import scipy.stats

from rmfg.population.counts import Compositions, num_compositions


@pytest.mark.parametrize(("agents", "states"), [(1, 3), (4, 2), (3, 4), (0, 3)])
def test_compositions_are_all_and_each_once(agents, states):
    table = Compositions(agents, states).table
    every = [c for c in itertools.product(range(agents + 1), repeat=states) if sum(c) == agents]
    assert sorted(map(tuple, table)) == sorted(every)
    assert len(table) == num_compositions(agents, states)


def test_independent_agents_are_multinomial():
    law = np.array([0.2, 0.5, 0.3])
    counts = Compositions(5, 3)
    expected = scipy.stats.multinomial.pmf(counts.table, 5, law)
    np.testing.assert_allclose(counts.probabilities(law), expected, rtol=1e-12)


@pytest.mark.parametrize("chance", [0.0, 1e-300, 0.3, 1.0, 1 + 4e-16, 1 - 1e-16])
def test_two_states_make_binomial_laws(chance):
    rows = np.array([[max(1 - chance, 0.0), chance], [1.0, 0.0]])
    found = Compositions(50, 2).convolved(rows[None], np.array([[50, 0]]))[0]
    np.testing.assert_allclose(found, scipy.stats.binom.pmf(np.arange(51), 50, min(chance, 1)))


def test_the_next_composition_is_the_convolution_of_rows():
    rows = np.random.default_rng(0).dirichlet(np.ones(3), 3)
    counts = Compositions(3, 3)
    found = counts.convolved(np.broadcast_to(rows, (len(counts), 3, 3)), counts.table)
    index = {tuple(row): i for i, row in enumerate(counts.table)}
    for here, law in zip(counts.table, found, strict=True):
        expected = np.zeros(len(counts))
        movers = np.repeat(np.arange(3), here)
        for ends in itertools.product(range(3), repeat=3):
            chance = np.prod([rows[start, end] for start, end in zip(movers, ends, strict=True)])
            expected[index[tuple(np.bincount(ends, minlength=3))]] += chance
        np.testing.assert_allclose(law, expected, atol=1e-15)
