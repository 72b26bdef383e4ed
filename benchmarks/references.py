"""Every ambiguity set against independent linear, convex and high-precision programs.

    python benchmarks/references.py [TABLE.md]

The references live in `tests/reference` and know nothing of rmfg. For each set, over random rows
with zeros, ties and point masses: the largest error of the support function, of the value that the
worst kernel attains (both as a share of the span of the values), how far that kernel lies outside
its set, and the largest difference between dense and sparse kernels. Then the reference values of
robust Markov decision processes.
"""

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import rmfg

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))
from reference import worst_case as reference  # noqa: E402

STATES, ACTIONS, ROUNDS = 7, 4, 5
LINE = np.abs(np.subtract.outer(np.arange(STATES), np.arange(STATES))).astype(float)
WEIGHTS = np.linspace(0.5, 2.0, STATES)
Reference = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


def sets() -> dict[str, tuple[rmfg.Ambiguity, Reference]]:
    """Each set beside the program that answers one row."""

    def bind(program: Callable, *sizes, **options) -> Reference:
        return functools.partial(_row, program, sizes, options)

    nominal = {"support": "nominal"}
    lower, upper = np.full(STATES, 0.05), np.full(STATES, 0.6)
    return {
        "contamination 0.1": (rmfg.Contamination(0.1), bind(reference.contamination, 0.1)),
        "contamination 0.1, nominal": (
            rmfg.Contamination(0.1, **nominal),
            bind(reference.contamination, 0.1, **nominal),
        ),
        "total variation 0.2": (rmfg.TotalVariation(0.2), bind(reference.total_variation, 0.2)),
        "total variation 0.2, nominal": (
            rmfg.TotalVariation(0.2, **nominal),
            bind(reference.total_variation, 0.2, **nominal),
        ),
        "CVaR 0.4": (rmfg.CVaR(0.4), bind(reference.cvar, 0.4)),
        "interval [0.05, 0.6]": (
            rmfg.Interval(0.05, 0.6),
            bind(reference.interval, lower, upper),
        ),
        "L1 0.3": (rmfg.Lp(0.3, 1), bind(reference.lp, 0.3, 1)),
        "L1 0.3, weighted": (rmfg.Lp(0.3, 1, WEIGHTS), bind(reference.lp, 0.3, 1, WEIGHTS)),
        "L2 0.1": (rmfg.Lp(0.1, 2), bind(reference.lp_dual, 0.1, 2)),
        "L2 0.1, nominal": (
            rmfg.Lp(0.1, 2, **nominal),
            bind(reference.lp_dual, 0.1, 2, **nominal),
        ),
        "L3 0.1, weighted": (rmfg.Lp(0.1, 3, WEIGHTS), bind(reference.lp_dual, 0.1, 3, WEIGHTS)),
        "L-infinity 0.05": (rmfg.Lp(0.05, np.inf), bind(reference.lp, 0.05, np.inf)),
        "KL 0.1": (rmfg.KullbackLeibler(0.1), bind(reference.kullback_leibler_dual, 0.1)),
        "KL 2": (rmfg.KullbackLeibler(2.0), bind(reference.kullback_leibler_dual, 2.0)),
        "reverse KL 0.1": (
            rmfg.ReverseKullbackLeibler(0.1),
            bind(reference.reverse_kullback_leibler_dual, 0.1),
        ),
        "reverse KL 3": (
            rmfg.ReverseKullbackLeibler(3.0),
            bind(reference.reverse_kullback_leibler_dual, 3.0),
        ),
        "reverse KL 0.1, nominal": (
            rmfg.ReverseKullbackLeibler(0.1, **nominal),
            bind(reference.reverse_kullback_leibler_dual, 0.1, **nominal),
        ),
        "chi-square 0.2": (rmfg.ChiSquare(0.2), bind(reference.chi_square_dual, 0.2)),
        "chi-square 3": (rmfg.ChiSquare(3.0), bind(reference.chi_square_dual, 3.0)),
        "Hellinger 0.05": (rmfg.Hellinger(0.05), bind(reference.hellinger_dual, 0.05)),
        "Hellinger 0.4": (rmfg.Hellinger(0.4), bind(reference.hellinger_dual, 0.4)),
        "Hellinger 0.05, nominal": (
            rmfg.Hellinger(0.05, **nominal),
            bind(reference.hellinger_dual, 0.05, **nominal),
        ),
        "Wasserstein-1 0.3": (
            rmfg.Wasserstein(0.3, LINE),
            bind(reference.wasserstein, 0.3, LINE),
        ),
        "Wasserstein-2 0.5": (
            rmfg.Wasserstein(0.5, LINE, 2),
            bind(reference.wasserstein, 0.5, LINE, 2),
        ),
        "Wasserstein-1 0.3, nominal": (
            rmfg.Wasserstein(0.3, LINE, **nominal),
            bind(reference.wasserstein, 0.3, LINE, **nominal),
        ),
        "entropy penalty 0.7": (
            rmfg.EntropyPenalty(0.7),
            bind(reference.entropy_penalty_dual, 0.7),
        ),
    }


def _row(
    program: Callable, sizes: tuple, options: dict, law: np.ndarray, values: np.ndarray
) -> tuple[float, np.ndarray]:
    return program(law, values, *sizes, **options)


def random_kernel(generator: np.random.Generator) -> np.ndarray:
    """Laws with zeros, and a point mass."""
    law = generator.dirichlet(np.full(STATES, 0.4), (STATES, ACTIONS))
    law[generator.random(law.shape) < 0.3] = 0
    law[law.sum(-1) == 0, 0] = 1
    law[0, 0] = np.eye(STATES)[3]
    return law / law.sum(-1, keepdims=True)


def measure(ambiguity: rmfg.Ambiguity, answer_row: Reference) -> tuple[float, ...]:
    """The largest errors over random kernels and values."""
    errors = []
    for seed in range(ROUNDS):
        generator = np.random.default_rng(seed)
        dense = rmfg.DenseKernel(random_kernel(generator))
        values = generator.normal(size=STATES) * 3
        values[2] = values[5]
        span = np.ptp(values)
        truth = np.array(
            [[answer_row(law, values)[0] for law in rows] for rows in dense.probabilities]
        )
        sigma = ambiguity.worst_value(dense, values)
        worst = ambiguity.worst_kernel(dense, values)
        attained = worst.expectation(values) + ambiguity.penalty(worst, dense)
        spare = dense.to_sparse()
        errors.append(
            (
                np.abs(sigma - truth).max() / span,
                np.abs(attained - truth).max() / span,
                ambiguity.violation(worst, dense).max(),
                np.abs(ambiguity.worst_value(spare, values) - sigma).max() / span,
            )
        )
    return tuple(np.max(errors, axis=0))


ROBUST_MDP_SETS = {
    "nominal": rmfg.Nominal(),
    "contamination 0.1": rmfg.Contamination(0.1),
    "total variation 0.1, all states": rmfg.TotalVariation(0.1),
    "total variation 0.1, nominal support": rmfg.TotalVariation(0.1, support="nominal"),
    "L2 0.1, all states": rmfg.Lp(0.1),
    "L2 0.1, nominal support": rmfg.Lp(0.1, support="nominal"),
    "Linf 0.05, all states": rmfg.Lp(0.05, np.inf),
    "density ratio q <= p/0.8": rmfg.CVaR(0.2),
    "KL(q,p) <= 0.1": rmfg.KullbackLeibler(0.1),
    "sum (q-p)^2/p <= 0.2": rmfg.ChiSquare(0.2),
    "KL(p,q) <= 0.1, all states": rmfg.ReverseKullbackLeibler(0.1),
    "KL(p,q) <= 0.1, nominal support": rmfg.ReverseKullbackLeibler(0.1, support="nominal"),
    "Hellinger: 4 (1 - sum sqrt(pq)) <= 0.1, all states": rmfg.Hellinger(0.025),
}


def robust_mdps() -> tuple[int, float]:
    """How many published values there are, and the largest relative deviation from them."""
    domains = json.loads((TESTS / "data" / "robust_mdps.json").read_text())["domains"]
    deviations = []
    for domain in domains.values():
        kernel, reward = np.array(domain["kernel"]), np.array(domain["reward"])
        size = kernel.shape[0]
        game = rmfg.TabularGame(kernel, reward, domain["discount"])
        line = np.abs(np.subtract.outer(np.arange(size), np.arange(size))).astype(float)
        known = ROBUST_MDP_SETS | {"Wasserstein-1 0.1, metric |i-j|": rmfg.Wasserstein(0.1, line)}
        for name, published in domain["sets"].items():
            found = rmfg.best_response(game, known[name], np.full(size, 1 / size), tol=1e-12)
            value = np.array(published["value"])
            deviations.append(np.abs(found.value - value).max() / np.abs(value).max())
    return len(deviations), max(deviations)


def main(table: Path | None) -> None:
    """Print the table."""
    lines = [
        f"{ROUNDS} random kernels of {STATES} states and {ACTIONS} actions for each set; errors as a "
        "share of the span of the values.",
        "",
        "| set | support function | attained | outside the set | sparse against dense |",
        "|---|---:|---:|---:|---:|",
    ]
    print("\n".join(lines))
    for name, (ambiguity, answer_row) in sets().items():
        shown = " | ".join(f"{error:.1e}" for error in measure(ambiguity, answer_row))
        lines.append(f"| {name} | {shown} |")
        print(lines[-1], flush=True)
    count, deviation = robust_mdps()
    lines += [
        "",
        f"Robust Markov decision processes: {count} reference values, largest relative "
        f"deviation {deviation:.1e}.",
    ]
    print(lines[-1])
    if table is not None:
        table.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
