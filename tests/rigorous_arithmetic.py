"""Attacks on the checker's arithmetic, by rationals, and on its functions, by Arb."""

import math
from fractions import Fraction

import flint
import numpy as np
from reference import exact_game

from rmfg.rigorous import check, claim, rounding
from rmfg.rigorous.rounding import Interval

Random = np.random.Generator


def numbers(random: Random, count: int) -> np.ndarray:
    found = random.normal(size=count) * 10.0 ** random.integers(-12, 12, count)
    return np.where(random.uniform(size=count) < 0.1, np.round(found), found)


def refuted_arithmetic(seed: int) -> list[str]:
    """Sums, products, quotients, roots and sums of many terms against rationals."""
    random = np.random.default_rng(seed)
    x, y = numbers(random, 64), numbers(random, 64)
    width = np.abs(numbers(random, 64)) * random.integers(0, 2, 64)
    wide = Interval(x - width, x + width)
    inner = [Fraction(float(v)) for v in x]
    other = [Fraction(float(v)) for v in y]
    results = {
        "+": (wide + y, [a + b for a, b in zip(inner, other, strict=True)]),
        "-": (wide - y, [a - b for a, b in zip(inner, other, strict=True)]),
        "reversed -": (y - wide, [b - a for a, b in zip(inner, other, strict=True)]),
        "*": (wide * y, [a * b for a, b in zip(inner, other, strict=True)]),
        "square": (wide.square(), [a * a for a in inner]),
        "magnitude": (wide.magnitude(), [abs(a) for a in inner]),
        "power": (wide.magnitude().power(3), [abs(a) ** 3 for a in inner]),
        "neg": (-wide, [-a for a in inner]),
        "clip": (wide.clip(-1, 1), [min(max(a, Fraction(-1)), Fraction(1)) for a in inner]),
    }
    for ends in (wide.low, wide.high):  # the corners of products of intervals
        edge = [Fraction(float(v)) for v in ends]
        results[f"* {id(ends)}"] = (
            wide * wide,
            [a * b for a, b in zip(edge, edge[::1], strict=True)],
        )
        results[f"x {id(ends)}"] = (
            wide * Interval(np.minimum(y, 1), np.maximum(y, 1)),
            [a * b for a, b in zip(edge, other, strict=True)],
        )
    safe = np.where(y == 0, 1, y)
    results["/"] = (wide / safe, [a / Fraction(float(b)) for a, b in zip(inner, safe, strict=True)])
    terms = 10.0 ** random.integers(-9, 9) * random.normal(size=(int(random.integers(1, 300)), 3))
    results["total"] = (
        Interval.of(terms).total(),
        [sum(Fraction(float(v)) for v in column) for column in terms.T],
    )
    rows = np.abs(terms) + 1e-12
    results["normalized"] = (
        claim.normalized(rows)[0],
        [exact_game.law_of(column)[0] for column in rows.T],
    )
    wrong = [name for name, (found, true) in results.items() if not encloses(found, true)]
    root = Interval.of(np.abs(x)).sqrt()
    squares = [
        (Fraction(float(a)) ** 2, Fraction(float(b)) ** 2)
        for a, b in zip(root.low, root.high, strict=True)
    ]
    if not all(a <= abs(v) <= b for (a, b), v in zip(squares, inner, strict=True)):
        wrong.append("sqrt")
    targets = random.integers(0, 4, (3, 5, 2))
    flow = random.uniform(size=(3, 5, 2))
    true = [sum((Fraction(float(f)) for f in flow[targets == t]), Fraction(0)) for t in range(4)]
    if not encloses(check._gathered(Interval.of(flow), targets, 4), true):
        wrong.append("gathered")
    return [f"{seed}: {name}" for name in wrong] + refuted_functions(seed)


def encloses(found: Interval, true: list[Fraction]) -> bool:
    return all(
        Fraction(float(low)) <= value <= Fraction(float(high))
        for low, high, value in zip(found.low, found.high, true, strict=True)
    )


def refuted_functions(seed: int) -> list[str]:
    """Exponentials, logarithms and powers against Arb."""
    random = np.random.default_rng(seed)
    flint.ctx.prec = 2400  # expm1(-700) must be told from -1
    x = random.normal(size=40) * 10.0 ** random.integers(-18, 3, 40)
    x = np.clip(np.where(random.uniform(size=40) < 0.1, 0.0, x), -740, 700)
    positive = np.abs(x) + 10.0 ** random.integers(-300, 2)
    above = np.where(x > -1, x, random.uniform(-1, 0, 40))
    exponent = float(random.choice([0.5, 1.5, 1 / 3, 7.3]))
    results = {
        "expm1": (Interval.of(x).expm1(), [flint.arb(v).expm1() for v in x.tolist()]),
        "exp": (rounding.exp(Interval.of(x)), [flint.arb(v).exp() for v in x.tolist()]),
        "log1p": (Interval.of(above).log1p(), [flint.arb(v).log1p() for v in above.tolist()]),
        "log": (
            rounding.log(Interval.of(positive)),
            [flint.arb(v).log() for v in positive.tolist()],
        ),
        "power": (
            Interval.of(positive).power(exponent),
            [flint.arb(v) ** flint.arb(exponent) for v in positive.tolist()],
        ),
    }
    wrong = []
    for name, (found, true) in results.items():
        for low, high, value in zip(found.low.tolist(), found.high.tolist(), true, strict=True):
            under = math.isinf(low) or flint.arb(low) <= value
            over = math.isinf(high) or value <= flint.arb(high)
            if not (under and over):
                wrong.append(f"{seed}: {name}")
                break
    return wrong
