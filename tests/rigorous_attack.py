"""Attacks on the checker of `rmfg.rigorous`: random cases whose truth is known without rounding.

    python tests/rigorous_attack.py [CASES] [SEED]

Games are solved in rationals by enumeration (`reference.exact_game`), arithmetic is compared with
rationals, exponentials with Arb, and smooth sets with their duals in 50 digits. A case is refuted
where a bound lies beyond the truth.
"""

import math
import sys
from collections import Counter
from fractions import Fraction

import numpy as np
from rigorous_arithmetic import refuted_arithmetic
from rigorous_cases import drawn_case, random_case, support_of
from rigorous_games import rewards
from rigorous_smooth import refuted_smooth, spoiled

from rmfg.rigorous import check, claim
from rmfg.rigorous.named import set_of


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
    given, _, _ = drawn_case(seed)
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
            for at, sigma in support_of(seed, tuple(values.tolist())).items():
                low, high = (float(end) for end in (found.low[at], found.high[at]))
                under = math.isinf(low) or Fraction(low) <= sigma
                over = math.isinf(high) or math.isnan(high) or sigma <= Fraction(high)
                if not (under and over):
                    wrong.append(
                        f"{seed}: sigma of {given.ambiguity} is {float(sigma):.17g}, "
                        f"not in [{low:.17g}, {high:.17g}]"
                    )
    return wrong


def looseness(seed: int) -> float:
    """The width of the bounds of exploitability as a share of what the values may be."""
    given, _ = random_case(seed)
    proof = check.prove(given)
    scale = max(np.ptp(given.reward), 1e-300) / (1 - given.discount)
    return (proof.exploitability[1] - proof.exploitability[0]) / scale


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
