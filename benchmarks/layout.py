"""The hot loop against its naive form, as ratios measured in one run.

    python benchmarks/layout.py [TABLE.md]

Each line times a robust expectation over all rows against the plain expectation of the same kernel
(how much robustness costs), and the naive form of the same sum against ours (what the layout
saves): successors first and one loop over them, against sorting and cumulating every row.
"""

import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import rmfg

REPEATS = 5
DENSE_STATES, DENSE_ACTIONS = 1000, 10
SPARSE_STATES, SPARSE_ACTIONS, SUCCESSORS = 100_000, 5, 5


def best_time(function, *arguments) -> float:
    """The least seconds of several runs, after one that compiles."""
    jax.block_until_ready(function(*arguments))
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        times.append(time.perf_counter() - begin)
    return min(times)


def kernels() -> dict[str, rmfg.Kernel]:
    """One dense kernel and one sparse one."""
    generator = np.random.default_rng(0)
    shape = (DENSE_STATES, DENSE_ACTIONS, DENSE_STATES)
    dense = generator.random(shape)
    dense /= dense.sum(-1, keepdims=True)
    rows = (SPARSE_STATES, SPARSE_ACTIONS)
    offsets = np.arange(SUCCESSORS) * generator.integers(1, 100, rows)[..., None]
    successors = (np.arange(SPARSE_STATES)[:, None, None] + offsets) % SPARSE_STATES
    sparse = generator.dirichlet(np.ones(SUCCESSORS), rows)
    return {
        f"dense {DENSE_STATES} x {DENSE_ACTIONS}": rmfg.DenseKernel(dense),
        f"sparse {SPARSE_STATES} x {SPARSE_ACTIONS} x {SUCCESSORS}": rmfg.SparseKernel(
            successors, sparse
        ),
    }


def naive_total_variation(kernel: rmfg.Kernel, values: jax.Array, radius: float) -> jax.Array:
    """Sort every row, cumulate, take away from the top: the textbook form, successors last."""
    law = kernel.probabilities
    shape = law.shape
    rows = (
        values[kernel.successors]
        if hasattr(kernel, "successors")
        else jnp.broadcast_to(values, shape)
    )
    order = jnp.argsort(-rows, axis=-1)
    rows, law = jnp.take_along_axis(rows, order, -1), jnp.take_along_axis(law, order, -1)
    before = jnp.cumsum(law, axis=-1) - law
    moved = jnp.clip(radius - before, 0, law)
    return jnp.sum(law * rows, -1) - jnp.sum(moved * (rows - values.min()), -1)


def main(table: Path | None) -> None:
    """Print the table."""
    sets = {
        "total variation": rmfg.TotalVariation(0.1),
        "total variation, nominal support": rmfg.TotalVariation(0.1, support="nominal"),
        "contamination": rmfg.Contamination(0.1),
        "CVaR": rmfg.CVaR(0.1),
        "KL": rmfg.KullbackLeibler(0.1),
        "chi-square": rmfg.ChiSquare(0.1),
        "reverse KL": rmfg.ReverseKullbackLeibler(0.1),
    }
    lines = ["| kernel | set | time / plain expectation | naive / ours |", "|---|---|---:|---:|"]
    with jax.enable_x64(True):
        for name, kernel in kernels().items():
            kernel = jax.tree.map(jnp.asarray, kernel)
            values = jnp.asarray(np.random.default_rng(1).normal(size=kernel.num_states))
            plain = best_time(jax.jit(lambda k, v: k.expectation(v)), kernel, values)
            for label, ambiguity in sets.items():
                ours = best_time(ambiguity.worst_value, kernel, values)
                naive = ""
                if label == "total variation":
                    slow = best_time(jax.jit(naive_total_variation), kernel, values, 0.1)
                    naive = f"{slow / ours:.1f}"
                lines.append(f"| {name} | {label} | {ours / plain:.1f} | {naive} |")
                print(lines[-1], flush=True)
    if table is not None:
        table.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
