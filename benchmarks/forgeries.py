"""Attacks on the certificate: what they claim, and what it says to them.

    python benchmarks/forgeries.py TABLE.md [--count 300]

The first table is of claims that passed an earlier certificate. The second counts random forgeries:
true answers of games whose agents do not see each other, moved by amounts of every size, for each
ambiguity set, with dense and sparse kernels; those that pass are judged by
`tests/reference/judge.py`, which shares nothing with the library. Fails if one is refuted.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.special import rel_entr

import rmfg

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))
import eight_states  # noqa: E402
import forgery as attacks  # noqa: E402
import registry  # noqa: E402
import set_rows  # noqa: E402
from reference import judge  # noqa: E402

TOL, MOST_JUDGED = 1e-6, 1
KINDS = ("policy", "law", "lazy nature", "nature outside", "slack", "all of them")


def seen() -> Iterator[tuple[str, str, rmfg.Certificate]]:
    """Claims that were certified once: what they are, how wrong they are, the certificate now."""
    _, game = attacks.log_crowd()
    yield "uniform play, rewards with -log m", *judged(game, np.full((5, 3), 1 / 3))
    for name, cost in (("exp(25 m)", "exponential"), ("0.15 (m / 0.05)^6", "road")):
        game = attacks.line_game(attacks.CROWD_COSTS[cost], 11)
        yield f"uniform play, crowds cost {name}", *judged(game, np.full((11, 3), 1 / 3))
    pair = np.array([[[0.5, 0.5], [0, 1]], [[0, 1], [0.5, 0.5]]])
    game = rmfg.TabularGame(pair, np.array([[5, 10], [-1, -1e10]]), 0.95)
    wrong = np.array([[0.0, 1], [1, 0]])
    yield "a loss of 3/7 beside a penalty of 1e10", *judged(game, wrong)
    base = registry.lonely_game("dense")
    claim = attacks.truth(base, rmfg.Nominal())
    shifted = attacks.Moved(base, offset=np.asarray(1e8))
    worse = 0.999999 * claim.policy + 1e-6 / eight_states.SHAPE[1]
    bent = claim._replace(policy=worse * (1 + 9e-10))
    found = attacks.certificate(shifted, rmfg.Nominal(), bent)
    yield "rows that sum to 1 + 9e-10, rewards around 1e8", gained(found), found
    robust = rmfg.TotalVariation(0.1)
    claim = attacks.truth(base, robust)
    lazy = 0.999 * claim.nature + 1e-3 * eight_states.array(base.kernel(claim.law))
    law = rmfg.stationary_distribution(lazy, claim.policy)
    moved = attacks.Claim(claim.policy, law, lazy * (1 - 9e-10))
    found = attacks.certificate(shifted, robust, moved)
    yield "a lazy nature, kernel rows short by 9e-10, rewards around 1e8", gap(found), found
    away = np.zeros((*eight_states.SHAPE, eight_states.NUM_STATES))
    away[..., 0] = 1
    line = 1e-9 * eight_states.LINE
    found = attacks.certificate(base, rmfg.Wasserstein(1e-11, line), claim._replace(nature=away))
    yield "all mass on one state, metric in units of 1e-9", outside(found), found
    nominal = eight_states.array(base.kernel(claim.law))
    near = 0.93 * nominal + 0.07 * away
    entropy = rmfg.KullbackLeibler(0.001)
    found = attacks.certificate(base, entropy, claim._replace(nature=near), tol=1e-2)
    yield "a kernel 0.07 away from a small Kullback-Leibler ball, tol 1e-2", outside(found), found
    leak = np.array([[[1 - 4e-9, 4e-9]], [[0, 1]]])
    game = rmfg.TabularGame(leak, np.array([[1.0], [0.0]]), 0.9)
    found = rmfg.certify(game, rmfg.Nominal(), np.ones((2, 1)), np.array([1.0, 0.0]))
    yield "all mass in a state that leaks by 4e-9", f"drift {found.drift:g}", found
    chain, _ = attacks.birth_death(*attacks.NEARLY_DECOMPOSABLE["five"])
    game = rmfg.TabularGame(chain[:, None], np.arange(5.0)[:, None], 0.9)
    ends = np.array([0.2, 0, 0, 0, 0.8])
    found = rmfg.certify(game, rmfg.Nominal(), np.ones((5, 1)), ends)
    yield "a fifth of the mass at the wrong end of a slow chain", f"drift {found.drift:.2g}", found


def judged(game: rmfg.MeanFieldGame, policy: np.ndarray) -> tuple[str, rmfg.Certificate]:
    """A policy with the law that it leads to."""
    uniform = np.full(game.num_states, 1 / game.num_states)
    law = rmfg.stationary_distribution(game.kernel(uniform), policy)
    found = rmfg.certify(game, rmfg.Nominal(), policy, law)
    return gained(found), found


def gained(found: rmfg.Certificate) -> str:
    return (
        f"exploitability {found.exploitability:.2g}, {found.relative_exploitability:.1e} of scale"
    )


def gap(found: rmfg.Certificate) -> str:
    return f"nature's gap {found.relative_nature_gap:.1e} of scale"


def outside(found: rmfg.Certificate) -> str:
    return f"infeasibility {found.infeasibility:.2g}"


def tried(row: set_rows.SetRow, form: str, count: int) -> dict[str, list[int]]:
    """For each kind of forgery: how many were tried, passed, were judged, and were refuted.

    The judge is slow: `MOST_JUDGED` of each kind are put before him, the boldest first.
    """
    base = registry.lonely_game(form)
    kernel = base.kernel(np.ones(eight_states.NUM_STATES))
    ambiguity = attacks.small_set(row, kernel)
    claim, rows = attacks.truth(base, ambiguity), row.rows(row.sizes[1], kernel)
    payoff = np.asarray(base.reward(np.ones(eight_states.NUM_STATES)))
    nominal, tallies = eight_states.array(kernel), {kind: [0, 0, 0, 0] for kind in KINDS}
    price = row.sizes[1] if row.penalized else 0.0
    passed: dict[str, list[attacks.Claim]] = {kind: [] for kind in KINDS}

    def worst(s: int, a: int, values: np.ndarray) -> tuple[float, np.ndarray]:
        return row.reference(rows[s * eight_states.SHAPE[1] + a], values)

    for seed in range(max(1, count // attacks.NUM_FORGERIES)):
        found = attacks.forgeries(claim, nominal, 1000 + seed)
        for number, (forged, unit, offset) in enumerate(found):
            unit, offset = (1.0, 0.0) if row.penalized else (unit, offset)
            game = attacks.Moved(base, unit=np.asarray(unit), offset=np.asarray(offset))
            tally = tallies[KINDS[number % len(KINDS)]]
            tally[0] += 1
            if attacks.certificate(game, ambiguity, forged, TOL).certified:
                tally[1] += 1
                passed[KINDS[number % len(KINDS)]].append(forged)
    for kind, claims in passed.items():
        boldest = sorted(claims, key=lambda forged: -apart(forged, claim))[:MOST_JUDGED]
        for forged in boldest:
            exact = attacks.Claim(*(part / part.sum(-1, keepdims=True) for part in forged))
            paid = price * rel_entr(exact.nature, nominal).sum(-1) if price else 0.0
            faults = judge.faults(payoff, base.discount, *exact, worst, paid)
            tallies[kind][2] += 1
            tallies[kind][3] += not faults.worst <= 4 * TOL
    return tallies


def apart(one: attacks.Claim, other: attacks.Claim) -> float:
    """How far a claim was moved, in its boldest entry."""
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--count", type=int, default=48, help="forgeries for each set and kernel")
    given = parser.parse_args()
    lines = ["| claim | how wrong it is | verdict at tol 1e-8 |", "|---|---|---|"]
    for name, wrong, found in seen():
        refused = [key.replace("_", " ") for key, holds in found.conditions.items() if not holds]
        verdict = "certified" if found.certified else f"refused: {', '.join(refused)}"
        lines.append(f"| {name} | {wrong} | {verdict} |")
        print(lines[-1], flush=True)
    lines += [
        "",
        "| forged | tried | passed | judged | refuted |",
        "|---|---|---|---|---|",
    ]
    totals = {kind: np.zeros(4, int) for kind in KINDS}
    for row in registry.ONE_OF_EACH:
        for form in registry.KERNELS:
            tallies = tried(row, form, given.count)
            print(row.name, form, tallies, flush=True)
            for kind, tally in tallies.items():
                totals[kind] += tally
    for kind, total in totals.items():
        lines.append(f"| {kind} | {total[0]} | {total[1]} | {total[2]} | {total[3]} |")
    given.table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    wrongly = sum(total[3] for total in totals.values())
    return 1 if wrongly else 0


if __name__ == "__main__":
    sys.exit(main())
