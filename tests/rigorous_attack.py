"""Attacks on the checker of `rmfg.rigorous`: random cases whose truth is known without rounding.

    python tests/rigorous_attack.py [CASES] [SEED]

Games are solved in rationals by enumeration (`reference.exact_game`); arithmetic is compared with
rationals, and exponentials with Arb. A case is refuted where a bound lies beyond the truth.
"""

import math
import sys
from collections import Counter
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from reference import exact_game, worst_case

from rmfg.rigorous import check, claim, rounding, search
from rmfg.rigorous.claim import Claim, Laws
from rmfg.rigorous.named import set_of
from rmfg.rigorous.rounding import Interval

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


# Games ------------------------------------------------------------------------------------------


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


def random_case(seed: int) -> tuple[Claim, dict[str, tuple[Fraction | None, Fraction]]]:
    """A claim, and what is true of it: a number, or bounds of it (None where none is known)."""
    given, (nature, mover), corners = _random_case(seed)
    return given, truth(given, corners, nature, mover)


def _random_case(seed: int) -> tuple[Claim, tuple[np.ndarray, np.ndarray], dict]:
    random = np.random.default_rng(seed)
    size, actions = int(random.integers(2, 4)), 2
    kernel = np.array([[weights(random, size) for _ in range(actions)] for _ in range(size)])
    name, fields = random_set(random, kernel)
    laws = {at: exact_game.law_of(kernel[at]) for at in np.ndindex(size, actions)}
    corners = {at: exact_row(name, fields, at, p) for at, p in laws.items()}
    reward = rewards(random, (size, actions))
    discount = float(random.choice([0.0, 0.5, 0.9, 0.99]))
    policy = np.array([weights(random, actions) for _ in range(size)])
    if random.integers(2):
        policy = np.eye(actions)[random.integers(actions, size=size)]
    nature = kernel.copy()
    if random.integers(4):
        for at in laws:
            nature[at] = [float(x) for x in corners[at][random.integers(len(corners[at]))]]
    if not random.integers(4):
        nature = 0.5 * nature + 0.5 * np.array([[weights(random, size)] * actions] * size)
    distribution = weights(random, size)
    population = str(random.choice(["worst_case", "nominal"]))
    mover = nature if population == "worst_case" else kernel
    if random.integers(2):
        rows = policy / policy.sum(axis=1, keepdims=True)
        chain = np.einsum("sa,sat->st", rows, mover / mover.sum(axis=-1, keepdims=True))
        distribution = np.full(size, 1 / size) @ np.linalg.matrix_power(
            0.5 * (chain + np.eye(size)), 400
        )
    sparse = bool(random.integers(2))
    wrong = random.normal(size=size) if random.integers(2) else None
    found = Claim(
        reward,
        scattered(random, kernel) if sparse else Laws(kernel),
        scattered(random, nature) if sparse and random.integers(2) else Laws(nature),
        discount,
        name,
        fields,
        policy,
        distribution,
        population,
        start=wrong,
    )
    return found, (nature, mover), corners


def truth(given: Claim, corners: dict, nature: np.ndarray, mover: np.ndarray) -> dict:
    reward = [[Fraction(float(x)) for x in row] for row in given.reward]
    return truth_of(
        reward, given.discount, corners, given.policy, given.distribution, nature, mover
    )


def truth_of(
    reward: list[list[Fraction]],
    discount: float,
    corners: dict,
    plays: np.ndarray,
    distribution: np.ndarray,
    nature: np.ndarray,
    mover: np.ndarray,
) -> dict[str, tuple[Fraction | None, Fraction]]:
    """What a certificate measures, by enumeration."""
    size, actions = np.shape(plays)
    game = exact_game.Game(reward, Fraction(discount), corners)
    policy = [exact_game.law_of(row) for row in plays]
    law = exact_game.law_of(distribution)
    best, own = game.optimal(), game.value(policy)
    regret = [b - o for b, o in zip(best, own, strict=True)]
    pushed = [Fraction(0)] * size
    gap = Fraction(0)
    outside = Fraction(0)
    for s, a in np.ndindex(size, actions):
        for t, q in enumerate(exact_game.law_of(mover[s, a])):
            pushed[t] += law[s] * policy[s][a] * q
        row = exact_game.law_of(nature[s, a])
        if law[s] > 0 and policy[s][a] > 0:
            gap = max(gap, exact_game.mean(row, best) - game.worst((s, a), best))
        # In any direction, a law lies beyond the set by no more than its distance times the width.
        for values in np.random.default_rng(0).normal(size=(4, size)):
            exact = [Fraction(float(v)) for v in values]
            beyond = game.worst((s, a), exact) - exact_game.mean(row, exact)
            if max(exact) > min(exact):
                outside = max(outside, beyond / (max(exact) - min(exact)))
    held = [v for v, m in zip(own, law, strict=True) if m > 0]
    return {
        "exploitability": (max(regret),) * 2,
        "mean_exploitability": (exact_game.mean(law, regret),) * 2,
        "consistency": (sum(abs(x - y) for x, y in zip(law, pushed, strict=True)),) * 2,
        "nature_gap": (gap,) * 2,
        "infeasibility": (None, outside),
        "value_range": (max(held) - min(held),) * 2,
    }


def refuted(seed: int) -> list[str]:
    """What of one random game lies beyond its bounds."""
    given, true = random_case(seed)
    proof = check.prove(given)
    wrong = []
    for name, (above, below) in true.items():
        low, high = getattr(proof, name)
        if above is not None and not Fraction(low) <= above:
            wrong.append(
                f"{seed}: {given.ambiguity}: {name} is {float(above):.17g}, not above {low:.17g}"
            )
        if not math.isinf(high) and not below <= Fraction(high):
            wrong.append(
                f"{seed}: {given.ambiguity}: {name} is {float(below):.17g}, not below {high:.17g}"
            )
    return wrong


def refuted_rows(seed: int) -> list[str]:
    """Support functions of one random set against the corners, from good guesses and from bad ones."""
    random = np.random.default_rng(seed)
    given, _, corners = _random_case(seed)
    wrong = []
    with np.errstate(all="ignore"):
        kind = set_of(given)
        for number in range(4):
            values = rewards(random, (given.reward.shape[0], 1))[:, 0]
            rows = claim.rows_at(given.nominal, values, kind.reach)
            shown = values[rows.slots]
            guess = kind.guess(rows, shown)
            if number % 2:
                guess = spoiled(random, guess)
            found = kind.support(rows, shown, guess)
            exact = [Fraction(float(v)) for v in values]
            for at, laws in corners.items():
                sigma = min(exact_game.mean(law, exact) for law in laws)
                low, high = (float(end) for end in (found.low[at], found.high[at]))
                under = math.isinf(low) or Fraction(low) <= sigma
                over = math.isinf(high) or math.isnan(high) or sigma <= Fraction(high)
                if not (under and over):
                    wrong.append(
                        f"{seed}: sigma of {given.ambiguity} is {float(sigma):.17g}, "
                        f"not in [{low:.17g}, {high:.17g}]"
                    )
    return wrong


def spoiled(random: Random, guess: search.Guess) -> search.Guess:
    """A guess as a search might return that is wrong."""
    law = random.dirichlet(np.ones(len(guess.law)), guess.law.shape[1:])
    law = np.moveaxis(law, -1, 0) * (random.uniform(size=guess.law.shape) < 0.8) + 1e-30
    parts = guess.multiplier if isinstance(guess.multiplier, tuple) else (guess.multiplier,)
    parts = tuple(np.asarray(p) * random.uniform(0.5, 2, np.shape(p)) for p in parts)
    found = parts if isinstance(guess.multiplier, tuple) else parts[0]
    return guess._replace(law=law, multiplier=found)


def looseness(seed: int) -> float:
    """The width of the bounds of exploitability as a share of what the values may be."""
    given, _ = random_case(seed)
    proof = check.prove(given)
    scale = max(np.ptp(given.reward), 1e-300) / (1 - given.discount)
    return (proof.exploitability[1] - proof.exploitability[0]) / scale


# Arithmetic -------------------------------------------------------------------------------------


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


# Smooth sets ------------------------------------------------------------------------------------

SMOOTH = ("kl", "reverse-kl", "chi-square", "hellinger", "entropy-penalty")


def refuted_smooth(seed: int) -> list[str]:
    """Support functions of smooth sets against their duals in 50 digits, rounded once."""
    random = np.random.default_rng(seed)
    name = SMOOTH[seed % len(SMOOTH)]
    size = int(random.integers(2, 6))
    p = random.dirichlet(np.ones(size))
    if random.integers(2):
        p[random.integers(size)] = 0
    p /= p.sum()
    p = np.round(p * 2**40) / 2**40
    p[p.argmax()] += 1 - p.sum()  # a law whose doubles sum to one exactly
    values = np.round(random.normal(size=size), int(random.integers(1, 9)))
    radius = float(random.choice([1e-6, 1e-3, 0.1, 0.5, random.uniform()]))
    support = str(random.choice(["all", "nominal"]))
    reference = {
        "kl": lambda: worst_case.kullback_leibler_dual(p, values, radius),
        "reverse-kl": lambda: worst_case.reverse_kullback_leibler_dual(p, values, radius, support),
        "chi-square": lambda: worst_case.chi_square_dual(p, values, radius),
        "hellinger": lambda: worst_case.hellinger_dual(p, values, radius, support),
        "entropy-penalty": lambda: worst_case.entropy_penalty_dual(p, values, radius),
    }[name]()[0]
    field = "strength" if name == "entropy-penalty" else "radius"
    fields = {field: radius, "support": support}
    laws = Laws(np.broadcast_to(p, (size, 1, size)).copy())
    given = Claim(np.zeros((size, 1)), laws, laws, 0.5, name, fields, np.ones((size, 1)), p)
    with np.errstate(all="ignore"):
        kind = set_of(given)
        rows = claim.rows_at(laws, values, kind.reach)
        shown = values[rows.slots]
        guess = kind.guess(rows, shown)
        found = kind.support(rows, shown, guess)[0, 0]
        spoilt = kind.support(rows, shown, spoiled(random, guess))[0, 0]
    slack = 4 * np.spacing(np.abs(values).max())
    wrong = []
    for each in (found, spoilt):
        if each.low > reference + slack:
            wrong.append(f"{seed}: {name} is {reference!r}, not above {each.low!r}")
        if reference - slack > each.high:
            wrong.append(f"{seed}: {name} is {reference!r}, not below {each.high!r}")
    return wrong


def catches(most: int = 100) -> str:
    """What the attack refutes first, or nothing: arithmetic, smooth sets, rows, then games."""
    kinds = ((refuted_arithmetic, 3), (refuted_smooth, 25), (refuted_rows, most), (refuted, 60))
    for attack, count in kinds:
        for seed in range(count):
            if wrong := attack(seed):
                return wrong[0]
    return ""


def main() -> int:
    """Try many cases of each kind, and say how many were refuted."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    tried: Counter = Counter()
    wrong: list[str] = []
    for number in range(seed, seed + count):
        tried["games"] += 1
        wrong += refuted(number) + refuted_rows(number)
        if number % 10 == 0:
            tried["arithmetic"] += 1
            wrong += refuted_arithmetic(number)
            tried["smooth sets"] += 1
            wrong += refuted_smooth(number // 10)
    print(f"tried {dict(tried)}; refuted {len(wrong)}")
    print("\n".join(wrong[:20]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
