"""Every game of the zoo, without doubt and under two ambiguity sets, by the two solvers.

    python benchmarks/zoo_table.py [TABLE.md] [--steps N] [--seconds N]

Each cell is the best answer that `solve` returns within the limits: the certified exploitability
as a share of (max r - min r) / (1 - discount), the same in absolute terms, the consistency residual,
steps, and seconds with compilation.
"""

import argparse
from pathlib import Path

import rmfg

SETS = {
    "nominal": rmfg.Nominal(),
    "total variation 0.1": rmfg.TotalVariation(0.1),
    "KL 0.1": rmfg.KullbackLeibler(0.1),
}
SOLVERS = {"Picard": rmfg.Picard(), "fictitious play": rmfg.FictitiousPlay()}
GOAL = 1e-6


def main() -> None:
    """Solve and print, a line a cell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", nargs="?", type=Path)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0)
    limits = parser.parse_args()
    lines = [
        f"At most {limits.steps} steps and {limits.seconds:g} s a cell, tol {GOAL:g}; cells within "
        "it are marked *.",
        "",
        "| game | S x A | nature | solver | exploitability, relative | absolute | consistency "
        "| steps | seconds | |",
        "|---|---|---|---|---:|---:|---:|---:|---:|---|",
    ]
    print("\n".join(lines))
    for name in rmfg.zoo.names():
        game = rmfg.zoo.make(name)
        for label, ambiguity in SETS.items():
            for method, solver in SOLVERS.items():
                answer = rmfg.solve(
                    game,
                    ambiguity,
                    solver=solver,
                    tol=GOAL,
                    max_steps=limits.steps,
                    max_seconds=limits.seconds,
                )
                proof = answer.certificate
                lines.append(
                    f"| {name} | {game.num_states} x {game.num_actions} | {label} | {method} "
                    f"| {proof.relative_exploitability:.1e} | {proof.exploitability:.1e} "
                    f"| {proof.consistency:.1e} | {answer.steps} | {answer.seconds:.1f} "
                    f"| {'*' if proof.certified else ''} |"
                )
                print(lines[-1], flush=True)
    if limits.table is not None:
        limits.table.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
