"""Every game of the zoo under every kind of ambiguity set, solved to a certified 1e-9.

    python benchmarks/zoo_table.py [TABLE.md] [--games NAMES] [--seconds N] [--rows ROWS.jsonl]
        [--answers FOLDER]

Each cell is the answer that `solve` returns within the limits: the certified exploitability and
nature's gap as shares of the certificate's scale, the consistency residual, steps, and seconds
with and without compilation (a second solve). Rows are appended to the file of rows as they are found,
and cells that stand there are not solved again. The folder keeps the answers, for
`benchmarks/rigorous.py`.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

import rmfg
from rmfg.model.game import uniform_mean_field
from rmfg.model.kernel import as_dense

GOAL = 1e-9
LARGE = 1000  # states, from which sets that spread rows over all states are left out


def hops(game: rmfg.MeanFieldGame) -> np.ndarray:
    """The ground metric (S, S): how many moves two states are apart, in the better direction."""
    kernel = game.kernel(uniform_mean_field(game))
    moves = np.asarray(kernel.to_dense()).max(axis=1) > 0
    graph = scipy.sparse.csr_array(moves.astype(float))
    steps = scipy.sparse.csgraph.shortest_path(graph, unweighted=True)
    steps = np.minimum(steps, steps.T)
    np.fill_diagonal(steps, 0)
    return np.where(np.isfinite(steps), steps, steps[np.isfinite(steps)].max() + 1)


def scenarios(game: rmfg.MeanFieldGame) -> rmfg.Scenarios:
    """The nominal kernel, and two that mix in a tenth of standing still and of going anywhere."""
    size = game.num_states
    stay = np.eye(size)[:, None, :]

    def kernels(mean_field: jax.Array) -> list[jax.Array]:
        nominal = as_dense(game.kernel(mean_field)).probabilities
        return [nominal, 0.9 * nominal + 0.1 * stay, 0.9 * nominal + 0.1 / size]

    return rmfg.Scenarios(kernels)


def penalty(game: rmfg.MeanFieldGame) -> rmfg.EntropyPenalty:
    """A tenth of the range of values at the uniform mean field."""
    reward = np.asarray(game.reward(uniform_mean_field(game)))
    span = float(reward.max() - reward.min()) / (1 - game.discount)
    return rmfg.EntropyPenalty(0.1 * span if span > 1e-9 else 1.0)


# Name -> set for a game, and whether it spreads sparse rows over all states.
SETS: dict[str, tuple[Callable[[rmfg.MeanFieldGame], rmfg.Ambiguity], bool]] = {
    "nominal": (lambda _: rmfg.Nominal(), False),
    "contamination 0.1": (lambda _: rmfg.Contamination(0.1), False),
    "total variation 0.1": (lambda _: rmfg.TotalVariation(0.1), False),
    "total variation 0.1, nominal support": (
        lambda _: rmfg.TotalVariation(0.1, support="nominal"),
        False,
    ),
    "L2 0.1": (lambda _: rmfg.Lp(0.1), True),
    "interval p +- 0.1": (lambda _: rmfg.Interval.around(0.1), True),
    "KL 0.1": (lambda _: rmfg.KullbackLeibler(0.1), False),
    "reverse KL 0.1": (lambda _: rmfg.ReverseKullbackLeibler(0.1), False),
    "chi-square 0.1": (lambda _: rmfg.ChiSquare(0.1), False),
    "Hellinger 0.05": (lambda _: rmfg.Hellinger(0.05), False),
    "CVaR 0.2": (lambda _: rmfg.CVaR(0.2), False),
    "Wasserstein 0.1 moves": (lambda game: rmfg.Wasserstein(0.1, hops(game)), True),
    "three scenarios": (scenarios, True),
    "entropy penalty 0.1": (penalty, False),
}


def file_of(folder: Path, game: str, nature: str) -> Path:
    """Where the answer of a cell is kept."""
    return folder / f"{game}, {nature}.nc"


def solved(
    game: rmfg.MeanFieldGame, nature: str, seconds: float, folder: Path
) -> dict[str, object]:
    """One cell: the answer's certificate and what it took."""
    ambiguity = SETS[nature][0](game)
    limits = {"tol": GOAL, "max_steps": 600, "max_seconds": seconds}
    answer = rmfg.solve(game, ambiguity, **limits)
    answer.save(file_of(folder, game.name, nature))
    begin = time.perf_counter()
    if answer.seconds < seconds / 2:
        rmfg.solve(game, ambiguity, **limits)
    again = time.perf_counter() - begin
    proof = answer.certificate
    return {
        "game": game.name,
        "size": f"{game.num_states} x {game.num_actions}",
        "nature": nature,
        "certified": proof.certified,
        "status": str(answer.status),
        "exploitability": proof.relative_exploitability,
        "gap": proof.relative_nature_gap,
        "consistency": proof.consistency,
        "outside": proof.infeasibility,
        "steps": answer.steps,
        "first": answer.seconds,
        "again": again if answer.seconds < seconds / 2 else None,
        "solver": answer.solver.split("; then ")[-1].removeprefix("Auto(): "),
    }


def table(rows: list[dict[str, object]]) -> str:
    """All cells, and before them how many are certified."""
    done = sum(bool(row["certified"]) for row in rows)
    lines = [
        f"{done} of {len(rows)} cells are certified at {GOAL:g}; the others say why not.",
        "",
        "| game | S x A | nature | exploitability | nature's gap | consistency | method | steps "
        "| seconds | again | |",
        "|---|---|---|---:|---:|---:|---|---:|---:|---:|---|",
    ]
    for row in rows:
        again = "" if row["again"] is None else f"{row['again']:.2f}"
        lines.append(
            f"| {row['game']} | {row['size']} | {row['nature']} | {row['exploitability']:.0e} "
            f"| {row['gap']:.0e} | {row['consistency']:.0e} | {row['solver']} | {row['steps']} "
            f"| {row['first']:.1f} | {again} | {'' if row['certified'] else row['status']} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Solve the cells that are missing, and lay all of them out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", nargs="?", type=Path)
    parser.add_argument("--games", default=",".join(rmfg.zoo.names()))
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rows", type=Path, default=Path("out/zoo.jsonl"))
    parser.add_argument("--answers", type=Path, default=Path("out/zoo"))
    options = parser.parse_args()
    options.rows.parent.mkdir(parents=True, exist_ok=True)
    options.answers.mkdir(parents=True, exist_ok=True)
    rows = []
    if options.rows.exists():
        rows = [json.loads(line) for line in options.rows.read_text().splitlines()]
    found = {(row["game"], row["nature"]) for row in rows}
    for name in options.games.split(","):
        game = rmfg.zoo.make(name)
        for nature, (_, spreads) in SETS.items():
            if (name, nature) in found or (spreads and game.num_states > LARGE):
                continue
            rows.append(solved(game, nature, options.seconds, options.answers))
            with options.rows.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rows[-1]) + "\n")
            print({key: rows[-1][key] for key in list(rows[-1])[:8]}, flush=True)
        jax.clear_caches()
    order = {name: number for number, name in enumerate(rmfg.zoo.names())}
    natures = list(SETS)
    rows.sort(key=lambda row: (order[row["game"]], natures.index(row["nature"])))
    if options.table is not None:
        options.table.write_text(table(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
