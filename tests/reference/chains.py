"""Markov chains in exact arithmetic: what floating-point laws must agree with, entry by entry.

A chain is a square array of float64; each entry off the diagonal stands for exactly its own rational
number, and the diagonal for one minus the others, whatever is stored there. Small chains are solved in
rationals by Gaussian elimination, long ones in decimals of very many digits, which have no limits
of range.
"""

import decimal
from fractions import Fraction

import numpy as np

Rows = list[list[Fraction]]


def exactly(chain: np.ndarray) -> Rows:
    """The chain in rationals, the diagonal from the rest."""
    rows = [[Fraction(float(x)) for x in row] for row in chain]
    for s, row in enumerate(rows):
        row[s] = 1 - (sum(row) - row[s])
    return rows


def solve(matrix: Rows, right: Rows) -> Rows:
    """Gauss-Jordan elimination; rows of `right` are right-hand sides, one a column."""
    size = len(matrix)
    rows = [list(row) + list(more) for row, more in zip(matrix, right, strict=True)]
    for column in range(size):
        pivot = next(i for i in range(column, size) if rows[i][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        head = rows[column][column]
        rows[column] = [x / head for x in rows[column]]
        for i in range(size):
            factor = rows[i][column]
            if i != column and factor != 0:
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[column], strict=True)]
    return [row[size:] for row in rows]


def closed_classes(chain: np.ndarray) -> list[list[int]]:
    """Sets of states that reach each other and nothing else, by repeated squaring of the graph."""
    size = len(chain)
    reach = (chain > 0) | np.eye(size, dtype=bool)
    for _ in range(size.bit_length()):
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    found = {
        tuple(np.flatnonzero(reach[s]).tolist())
        for s in range(size)
        if all(reach[t, s] for t in np.flatnonzero(reach[s]))
    }
    return [list(states) for states in sorted(found)]


def class_law(chain: np.ndarray, states: list[int]) -> list[Fraction]:
    """The stationary law of one closed class: m (I - K) = 0 with the sum in place of one equation."""
    rows = exactly(chain)
    size = len(states)
    matrix = [[(s == t) - rows[s][t] for s in states] for t in states]
    matrix[0] = [Fraction(1)] * size
    right = [[Fraction(int(t == 0))] for t in range(size)]
    return [row[0] for row in solve(matrix, right)]


def absorption(chain: np.ndarray) -> tuple[list[list[int]], Rows]:
    """The closed classes, and for every state the probability of ending up in each."""
    rows, classes = exactly(chain), closed_classes(chain)
    size = len(rows)
    home = {s: number for number, states in enumerate(classes) for s in states}
    transient = [s for s in range(size) if s not in home]
    result = [[Fraction(int(home.get(s) == c)) for c in range(len(classes))] for s in range(size)]
    if transient:
        matrix = [[(s == t) - rows[s][t] for t in transient] for s in transient]
        right = [[sum((rows[s][t] for t in c), Fraction(0)) for c in classes] for s in transient]
        for s, row in zip(transient, solve(matrix, right), strict=True):
            result[s] = row
    return classes, result


def long_run(chain: np.ndarray, start: np.ndarray) -> list[Fraction]:
    """The long-run average law from a starting law, which is normalized exactly."""
    classes, shares = absorption(chain)
    mass = [Fraction(float(x)) for x in start]
    total = sum(mass)
    law = [Fraction(0)] * len(chain)
    for number, states in enumerate(classes):
        share = sum((m * row[number] for m, row in zip(mass, shares, strict=True)), Fraction(0))
        for s, m in zip(states, class_law(chain, states), strict=True):
            law[s] = share / total * m
    return law


def condition(chain: np.ndarray) -> float:
    """Half the largest L1 distance of two rows of the group inverse of I - K, for one class."""
    size = len(chain)
    rows, law = exactly(chain), long_run(chain, np.ones(size))
    shifted = [[(s == t) - rows[s][t] + law[t] for t in range(size)] for s in range(size)]
    unit = [[Fraction(int(s == t)) for t in range(size)] for s in range(size)]
    inverse = solve(shifted, unit)  # the group inverse plus the law in each row
    pairs = ((a, b) for a in inverse for b in inverse)
    return float(max(sum(abs(x - y) for x, y in zip(a, b, strict=True)) for a, b in pairs) / 2)


def banded_law(sources, targets, rates, size: int, digits: int) -> list[decimal.Decimal]:
    """The law of an irreducible chain of many states, near the diagonal, in decimals.

    Plain Gaussian elimination of the balance equations with subtractions; `digits` must be far more
    than what cancels.
    """
    with decimal.localcontext(prec=digits, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN):
        one = decimal.Decimal(1)
        balance: list[dict[int, decimal.Decimal]] = [{s: 0 * one} for s in range(size)]
        for s, t, rate in zip(sources, targets, rates, strict=True):
            amount = decimal.Decimal(float(rate))
            balance[t][s] = balance[t].get(s, 0 * one) - amount  # row t: what flows into t
            balance[s][s] += amount
        above = [[] for _ in range(size)]
        for t in range(size):
            for s in balance[t]:
                above[s].append(t)
        for s in range(size - 1):  # the last equation follows from the others
            for t in [t for t in above[s] if t > s]:
                factor = balance[t].pop(s) / balance[s][s]
                for u, entry in balance[s].items():
                    if u > s:
                        if u not in balance[t]:
                            above[u].append(t)
                        balance[t][u] = balance[t].get(u, 0 * one) - factor * entry
        law = [one] * size
        for s in reversed(range(size - 1)):
            later = ((u, entry) for u, entry in balance[s].items() if u > s)
            law[s] = -sum((entry * law[u] for u, entry in later), 0 * one) / balance[s][s]
        total = sum(law)
        return [m / total for m in law]
