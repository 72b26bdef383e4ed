"""What the options of Newton's method do: each one half and twice as large, on games that need both
the path and the proximal steps.

python benchmarks/newton_options.py [TABLE.md]

Costs are counted in linearizations of the smoothed equations, nearly all of the work, so that they
do not depend on the machine. An answer counts as reached at a relative exploitability, nature's gap
and a consistency of 1e-9, within `MAX_STEPS` steps.
"""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np

import rmfg
from rmfg.solvers import corrector, path, proximal

GOAL, MAX_STEPS = 1e-9, 400
GAMES = {
    "beach-bar": {"num_states": 21},
    "crowded-actions": {},
    "kinetic-congestion": {},
    "lasry-lions-chain": {},
    "malware-spread": {},
    "rock-paper-scissors": {},
    "sis-epidemic": {},
    "two-beach-bars": {"num_states": 11},
}
SETS = {
    "total variation 0.1": rmfg.TotalVariation(0.1),
    "KL 0.1": rmfg.KullbackLeibler(0.1),
}
GROUPS = {"path": rmfg.PathOptions(), "proximal": rmfg.ProximalOptions()}


def variants() -> Iterator[tuple[str, str, rmfg.Newton]]:
    """The defaults, and every option half and twice as large."""
    yield "defaults", "", rmfg.Newton()
    for group, defaults in GROUPS.items():
        for field in dataclasses.fields(defaults):
            value = getattr(defaults, field.name)
            for factor in (0.5, 2.0):
                changed = max(round(factor * value), 1) if field.type is int else factor * value
                if changed != value:
                    options = dataclasses.replace(defaults, **{field.name: changed})
                    label = f"{group}.{field.name}"
                    yield label, f"{changed:g}", rmfg.Newton(**{group: options})


def cost_of(
    game: rmfg.MeanFieldGame, ambiguity: rmfg.Ambiguity, solver: rmfg.Newton
) -> tuple[bool, int]:
    """Whether the goal is reached, and after how many linearizations."""
    count = 0

    def counted(*arguments: object) -> object:
        nonlocal count
        count += 1
        return linearize(*arguments)

    linearize = corrector.linearize
    with (
        mock.patch.object(corrector, "linearize", counted),
        mock.patch.object(path, "linearize", counted),
        mock.patch.object(proximal, "linearize", counted),
    ):
        answer = rmfg.solve(game, ambiguity, solver=solver, tol=GOAL, max_steps=MAX_STEPS)
    return bool(answer.certificate.certified), count


def main() -> None:
    problems = [
        (rmfg.zoo.make(name, **parameters), ambiguity)
        for name, parameters in GAMES.items()
        for ambiguity in SETS.values()
    ]
    found: dict[tuple[str, str], list[tuple[bool, int]]] = {}
    for label, value, solver in variants():
        found[label, value] = [cost_of(*problem, solver) for problem in problems]
        print(label, value, found[label, value], flush=True)
    usual = found["defaults", ""]
    rows = ["| option | value | reached | linearizations, of the defaults' |", "|---|---|---|---|"]
    for (label, value), costs in found.items():
        # Medians over problems that both reach: sums would be those of the hardest one.
        both = [
            (cost, base)
            for (ok, cost), (fine, base) in zip(costs, usual, strict=True)
            if ok and fine
        ]
        ratio = np.median([cost / base for cost, base in both])
        total = sum(cost for cost, _ in both) / sum(base for _, base in both)
        reached = f"{sum(ok for ok, _ in costs)} of {len(costs)}"
        rows.append(f"| {label} | {value} | {reached} | median {ratio:.2f}, in all {total:.2f} |")
    text = "\n".join(rows) + "\n"
    print(text)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text)


if __name__ == "__main__":
    main()
