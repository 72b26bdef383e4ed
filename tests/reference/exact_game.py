"""Tiny games solved without rounding: rationals, all policies, all corners of nature's sets.

A row of a polyhedral set is a list of laws that holds every corner that can be worst, found by
enumeration (orders of the states, targets of every source), not by a dual or a search.
"""

import itertools
from collections.abc import Iterable, Sequence
from fractions import Fraction

Law = tuple[Fraction, ...]
ONE, ZERO = Fraction(1), Fraction(0)


def law_of(weights: Iterable[float]) -> Law:
    """The law that doubles stand for: divided by their exact sum."""
    exact = [Fraction(float(w)) for w in weights]
    total = sum(exact)
    return tuple(w / total for w in exact)


def point(size: int, at: int) -> Law:
    return tuple(ONE if k == at else ZERO for k in range(size))


def mixed(law: Law, other: Law, share: Fraction) -> Law:
    return tuple((1 - share) * x + share * y for x, y in zip(law, other, strict=True))


def contamination(p: Law, radius: Fraction, reachable: Sequence[int]) -> list[Law]:
    return [mixed(p, point(len(p), k), radius) for k in reachable]


def total_variation(p: Law, radius: Fraction, reachable: Sequence[int]) -> list[Law]:
    """Take the radius from the states in every order, and give it to every state."""
    corners = []
    for order in itertools.permutations(range(len(p))):
        left, law = radius, list(p)
        for k in order:
            taken = min(law[k], left)
            law[k] -= taken
            left -= taken
        for sink in reachable:
            corner = list(law)
            corner[sink] += radius - left
            corners.append(tuple(corner))
    return corners


def box(lower: Law, upper: Law) -> list[Law]:
    """Fill up from the lower bounds in every order."""
    corners = []
    for order in itertools.permutations(range(len(lower))):
        law, left = list(lower), 1 - sum(lower)
        for k in order:
            added = min(upper[k] - lower[k], left)
            law[k] += added
            left -= added
        assert left == 0
        corners.append(tuple(law))
    return corners


def transport(
    p: Law, cost: Sequence[Sequence[Fraction | None]], budget: Fraction, reachable: Sequence[int]
) -> list[Law]:
    """Every source goes to one target, but for one source that may be split to use the budget.

    A cost of None is infinite.
    """
    size = len(p)
    options = [[y for y in (*reachable, x) if cost[x][y] is not None] for x in range(size)]
    plans = list(itertools.product(*(sorted(set(option)) for option in options)))

    def spent(plan: Sequence[int]) -> Fraction:
        return sum((p[x] * cost[x][y] for x, y in enumerate(plan)), ZERO)

    def reached(plan: Sequence[int]) -> Law:
        return tuple(sum((p[x] for x in range(size) if plan[x] == y), ZERO) for y in range(size))

    corners = []
    for plan in plans:
        cheap = spent(plan)
        if cheap > budget:
            continue
        corners.append(reached(plan))
        for x in range(size):
            for y in options[x]:
                other = (*plan[:x], y, *plan[x + 1 :])
                dear = spent(other)
                if dear > budget:
                    share = (budget - cheap) / (dear - cheap)
                    corners.append(mixed(reached(plan), reached(other), share))
    return corners


def mean(law: Law, values: Sequence[Fraction]) -> Fraction:
    return sum((q * v for q, v in zip(law, values, strict=True)), ZERO)


def solved(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Gauss's elimination."""
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    size = len(rows)
    for k in range(size):
        pivot = next(i for i in range(k, size) if rows[i][k] != 0)
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(size):
            if i != k and rows[i][k] != 0:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]


class Game:
    """Rewards (S, A), a discount, and the corners of every row, all rational."""

    def __init__(self, reward: list[list[Fraction]], discount: Fraction, corners: dict):
        self.reward, self.discount, self.corners = reward, discount, corners
        self.size, self.actions = len(reward), len(reward[0])

    def value(self, policy: Sequence[Law]) -> list[Fraction]:
        """The robust value of a policy: nature improves its choice of corners until none is better."""
        size, actions = self.size, self.actions
        places = list(itertools.product(range(size), range(actions)))
        choice = {place: self.corners[place][0] for place in places}
        while True:
            matrix = [
                [
                    (ONE if s == t else ZERO)
                    - self.discount * sum(policy[s][a] * choice[s, a][t] for a in range(actions))
                    for t in range(size)
                ]
                for s in range(size)
            ]
            right = [
                sum(policy[s][a] * self.reward[s][a] for a in range(actions)) for s in range(size)
            ]
            values = solved(matrix, right)
            better = {
                place: min(self.corners[place], key=lambda law: mean(law, values))
                for place in places
            }
            if all(mean(better[at], values) == mean(choice[at], values) for at in places):
                return values
            choice = {
                at: better[at]
                if mean(better[at], values) < mean(choice[at], values)
                else choice[at]
                for at in places
            }

    def optimal(self) -> list[Fraction]:
        """The largest values of all deterministic policies."""
        choices = itertools.product(range(self.actions), repeat=self.size)
        values = [self.value([point(self.actions, a) for a in choice]) for choice in choices]
        return [max(column) for column in zip(*values, strict=True)]

    def worst(self, place: tuple[int, int], values: Sequence[Fraction]) -> Fraction:
        return min(mean(law, values) for law in self.corners[place])
