"""Random sets and games for attacks on the checker, with the corners of every set in rationals."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
from reference import exact_game

from rmfg.rigorous.claim import Laws

POLYHEDRAL = (
    "nominal",
    "contamination",
    "total-variation",
    "l1",
    "l1-weighted",
    "linf",
    "interval",
    "interval-around",
    "cvar",
    "wasserstein",
    "scenarios",
)
Random = np.random.Generator


def weights(random: Random, size: int) -> np.ndarray:
    """A row of a kernel: laws, counts, tiny and missing entries, one state alone."""
    kind = random.integers(6)
    row = random.dirichlet(np.ones(size))
    if kind == 1:
        row = random.integers(1, 12, size).astype(float)
    if kind == 2:
        row[random.integers(size)] = 10.0 ** -random.integers(10, 40)
    if kind == 3:
        row[random.integers(size)] = 0.0
    if kind == 4:
        row = np.eye(size)[random.integers(size)] * random.choice([1.0, 0.3])
    if kind == 5:
        row = row / row.sum()
    return row


def size_of(random: Random, largest: float) -> float:
    sizes = [0.0, 1e-17, 1e-8, 0.01, random.uniform(), 0.5 * random.uniform(), 1.0]
    return float(min(random.choice(sizes), largest))


def rewards(random: Random, shape: tuple[int, int]) -> np.ndarray:
    reward = random.normal(size=shape)
    kind = random.integers(6)
    if kind == 1:
        return 1e8 + reward
    if kind == 2:
        return 1e-9 * reward
    if kind == 3:
        return np.round(reward)
    if kind == 4:
        return np.exp(8 * reward)
    return reward


def exact_row(name: str, fields: dict[str, Any], at: tuple[int, int], p: exact_game.Law) -> list:
    """The corners of a set at a row."""
    s, a = at
    size = len(p)
    allowed = [k for k in range(size) if fields.get("support", "all") == "all" or p[k] > 0]

    def number(field: str) -> Fraction:
        array = np.asarray(fields[field])
        return Fraction(float(array[at] if array.ndim else array))

    def around(below: list[Fraction], above: list[Fraction]) -> list:
        lower = tuple(max(x - b, Fraction(0)) for x, b in zip(p, below, strict=True))
        upper = (min(x + b, Fraction(1)) for x, b in zip(p, above, strict=True))
        return exact_game.box(
            lower, tuple(u if k in allowed else Fraction(0) for k, u in enumerate(upper))
        )

    w = [Fraction(float(x)) for x in fields.get("weights", np.ones(size))]
    match name:
        case "nominal":
            return [p]
        case "contamination":
            return exact_game.contamination(p, number("radius"), allowed)
        case "total-variation":
            return exact_game.total_variation(p, number("radius"), allowed)
        case "lp" if fields["p"] == 1 and "weights" not in fields:
            return exact_game.total_variation(p, min(number("radius") / 2, Fraction(1)), allowed)
        case "lp" if fields["p"] == 1:
            star = [
                [w[x] + w[y] if x != y else Fraction(0) for y in range(size)] for x in range(size)
            ]
            return exact_game.transport(p, star, number("radius"), allowed)
        case "lp":
            margin = [number("radius") / x for x in w]
            return around(margin, margin)
        case "interval-around":
            return around([number("below")] * size, [number("above")] * size)
        case "interval":
            bounds = (fields[field][at].tolist() for field in ("lower", "upper"))
            return exact_game.box(*(tuple(map(Fraction, bound)) for bound in bounds))
        case "cvar":
            factor = 1 / (1 - number("level"))
            return exact_game.box((Fraction(0),) * size, tuple(factor * x for x in p))
        case "wasserstein":
            cost = [
                [None if math.isinf(d) else Fraction(float(d)) ** int(fields["order"]) for d in row]
                for row in fields["metric"]
            ]
            budget = number("radius") ** int(fields["order"])
            return exact_game.transport(p, cost, budget, allowed)
        case "scenarios":
            return [exact_game.law_of(kernel[s, a]) for kernel in fields["kernels"]]
    raise AssertionError(name)


def random_set(random: Random, kernel: np.ndarray) -> tuple[str, dict[str, Any]]:
    size, actions, _ = kernel.shape
    kind = POLYHEDRAL[random.integers(len(POLYHEDRAL))]
    support = str(random.choice(["all", "nominal"]))
    shape = (size, actions) if random.integers(2) else ()

    def sizes(largest: float) -> np.ndarray:
        return np.array([size_of(random, largest) for _ in range(math.prod(shape))]).reshape(shape)

    w = random.uniform(0.3, 3, size)
    match kind:
        case "nominal":
            return kind, {}
        case "contamination" | "total-variation":
            return kind, {"radius": sizes(1.0), "support": support}
        case "l1":
            return "lp", {"radius": 2 * sizes(1.0), "p": 1.0, "support": support}
        case "l1-weighted":
            return "lp", {"radius": 2 * sizes(1.0), "p": 1.0, "weights": w, "support": support}
        case "linf":
            return "lp", {"radius": sizes(1.0), "p": np.inf, "weights": w, "support": support}
        case "interval-around":
            return kind, {"below": sizes(1.0), "above": sizes(1.0), "support": support}
        case "interval":
            row = kernel / kernel.sum(axis=-1, keepdims=True)
            margin = random.uniform(0.01, 0.4, (2, *kernel.shape))
            return kind, {
                "lower": np.maximum(row - margin[0], 0),
                "upper": np.minimum(row + margin[1], 1),
            }
        case "cvar":
            return kind, {"level": sizes(0.99)}
        case "wasserstein":
            place = random.uniform(0, 3, size)
            metric = np.abs(np.subtract.outer(place, place))
            if random.integers(3) == 0:
                metric[0, 1] = np.inf
            order = float(random.integers(1, 3))
            return kind, {
                "radius": sizes(1.0),
                "metric": metric,
                "order": order,
                "support": support,
            }
        case _:
            others = [weights(random, size * actions * size).reshape(kernel.shape) + 1e-3]
            return kind, {"kernels": [kernel, *others]}


def scattered(random: Random, kernel: np.ndarray) -> Laws:
    """The kernel with named successors, in another order in every row, and a slot of padding."""
    size, actions, _ = kernel.shape
    successors = np.zeros((size, actions, size + 1), int)
    laws = np.zeros((size, actions, size + 1))
    for s, a in np.ndindex(size, actions):
        order = random.permutation(size)
        successors[s, a, :size], laws[s, a, :size] = order, kernel[s, a, order]
    return Laws(laws, successors)
