"""Stationary laws without subtractions against a factorization with them, as ratios of one run.

    python benchmarks/stationary.py [TABLE.md]

Each line times our law of one chain against solving its balance equations with LAPACK or SuperLU, one
state's mass fixed, and shows the largest error of an entry, relative to it. The truth is a product
form, known entry by entry: walks on a line or on a grid, on which every rate is known.
"""

import sys
import time
from pathlib import Path

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from rmfg.operators.sensitivity import sensitivity
from rmfg.operators.stationary import long_run_law

REPEATS = 5
ENOUGH = 2.0  # seconds
DENSE_UP_TO = 300


def line(weights: np.ndarray, pace: float = 0.4) -> scipy.sparse.csr_array:
    """A walk on a line whose law is proportional to the weights: detailed balance."""
    up = pace * np.minimum(1, weights[1:] / weights[:-1])
    down = pace * np.minimum(1, weights[:-1] / weights[1:])
    return scipy.sparse.csr_array(scipy.sparse.diags_array([up, down], offsets=[1, -1]))


def well(size: int, depth: float) -> np.ndarray:
    """Weights of two valleys with a ridge between them, 10^-depth high."""
    return 10.0 ** (-depth * np.sin(np.linspace(0, np.pi, size)) ** 2)


def chains() -> dict[str, tuple[scipy.sparse.csr_array, np.ndarray]]:
    """Name to chain and law."""
    table = {}
    for size in (10, 100, 1000):
        weights = np.random.default_rng(size).dirichlet(np.ones(size))
        jump = np.broadcast_to(weights, (size, size)) * 0.5
        table[f"{size} states, full"] = scipy.sparse.csr_array(jump), weights
    for depth in (0, 8, 30):
        table[f"2,000 on a line, ridge 1e-{depth}"] = line(well(2000, depth)), well(2000, depth)
    for width, height, depths in ((60, 40, (0, 8, 30)), (500, 200, (0, 8))):
        for depth in depths:
            along, across = well(width, depth), well(height, 0)
            grid = scipy.sparse.kronsum(line(along, 0.2), line(across, 0.2), format="csr")
            name = f"{width * height:,} on a grid, ridge 1e-{depth}"
            table[name] = scipy.sparse.csr_array(grid), np.kron(across, along)
    return table


def with_subtractions(chain: scipy.sparse.csr_array, start: np.ndarray) -> np.ndarray:
    """Balance equations with the mass of the state of most inflow fixed."""
    size = start.size
    fixed = int(np.argmax(chain.sum(axis=0)))
    rest = np.delete(np.arange(size), fixed)
    stays = 1 - (chain.sum(axis=1) - chain.diagonal())
    whole = scipy.sparse.diags_array(stays - chain.diagonal()) + chain
    system = (scipy.sparse.eye_array(size) - whole.T).tocsc()[rest][:, rest].tocsc()
    inflow = whole.tocsr()[[fixed]][:, rest].toarray()[0]
    law = np.ones(size)
    law[rest] = (
        np.linalg.solve(system.toarray(), inflow)
        if size <= DENSE_UP_TO
        else scipy.sparse.linalg.splu(system).solve(inflow)
    )
    return law / law.sum()


def measured(function, *arguments) -> tuple[float, np.ndarray]:
    """The least seconds of processor time of several runs, or of one long run, and what came out."""
    times = []
    while len(times) < REPEATS and sum(times) < ENOUGH:
        begin = time.process_time()
        found = function(*arguments)
        times.append(time.process_time() - begin)
    return min(times), found


def main(table: Path | None) -> None:
    """Measure, print, write."""
    lines = [
        "| chain | times slower | error of an entry | with subtractions | sensitivity |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, (chain, weights) in chains().items():
        law = weights / weights.sum()
        start = np.full(law.size, 1 / law.size)
        ours, found = measured(long_run_law, chain, start)
        theirs, other = measured(with_subtractions, chain, start)
        errors = (np.max(np.abs(which - law) / law) for which in (found, other))
        shown = " | ".join(f"{error:.0e}" for error in errors)
        lines.append(f"| {name} | {ours / theirs:.1f} | {shown} | {sensitivity(chain, law):.1e} |")
        print(lines[-1], flush=True)
    if table is not None:
        table.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
