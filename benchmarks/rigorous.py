"""Bounds in real arithmetic beside the certificate's, and the seconds of both.

    python benchmarks/rigorous.py [TABLE.md SUMMARY.md] [--games NAMES] [--seconds N] [--rows FILE]
        [--answers FOLDER]

Every game of the zoo under every kind of set, Sioux Falls, and a sparse game of 100,000 states. Each
cell takes the answer that `benchmarks/zoo_table.py` kept, or else what `solve` has after some seconds,
certified or not: bounds must hold for any.
Rows are appended to the file of rows as they are found, and cells that stand there are not made again.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from zoo_table import LARGE, SETS, file_of

import rmfg

TOL = 1e-9


def ring(size: int = 100_000) -> rmfg.MeanFieldGame:
    """Agents on a ring look for good places that are not crowded: three moves, each may slip."""
    place = np.arange(size)
    moves = np.array([-1, 0, 1])
    successors = (place[:, None, None] + moves[None, None, :]) % size
    slips = 0.1 + 0.7 * np.eye(3)
    kernel = rmfg.SparseKernel(
        np.broadcast_to(successors, (size, 3, 3)), np.broadcast_to(slips, (size, 3, 3))
    )
    good = np.cos(2 * np.pi * place / 50)
    effort = 0.1 * np.abs(moves)

    def reward(mean_field: jax.Array) -> jax.Array:
        return good[:, None] - effort - 0.3 * jnp.minimum(size * mean_field, 10.0)[:, None]

    return rmfg.TabularGame(kernel, reward, 0.9, num_states=size, num_actions=3, name="large-ring")


# What is beside the zoo: how to make the game, and the sets.
LARGE_GAMES: dict[str, tuple[Callable[[], rmfg.MeanFieldGame], tuple[str, ...]]] = {
    "road-network": (
        lambda: rmfg.zoo.make("road-network"),
        ("nominal", "total variation 0.1, nominal support", "KL 0.1", "CVaR 0.2"),
    ),
    "large-ring": (
        ring,
        ("nominal", "total variation 0.1, nominal support", "KL 0.1", "chi-square 0.1"),
    ),
}


def answer_of(
    game: rmfg.MeanFieldGame, nature: str, seconds: float, folder: Path
) -> rmfg.Equilibrium:
    """An answer that was kept, on the live game and set, or a new one."""
    ambiguity, path = SETS[nature][0](game), file_of(folder, game.name, nature)
    if path.exists():
        return dataclasses.replace(rmfg.load(path), game=game, ambiguity=ambiguity)
    return rmfg.solve(game, ambiguity, tol=TOL, max_seconds=seconds)


def measured(
    game: rmfg.MeanFieldGame, nature: str, seconds: float, folder: Path
) -> dict[str, object]:
    """One cell: an answer, its certificate twice (with compilation and without), and its proof."""
    answer = answer_of(game, nature, seconds, folder)
    ambiguity = answer.ambiguity
    given = (game, ambiguity, answer.policy, answer.distribution, answer.kernel)
    times = []
    for _ in range(2):
        begin = time.perf_counter()
        found = rmfg.certify(*given)
        times.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    proof = rmfg.prove(answer)
    spent = time.perf_counter() - begin
    return {
        "game": game.name,
        "size": f"{game.num_states} x {game.num_actions}",
        "nature": nature,
        "proved": proof.proved,
        "unproved": "; ".join(proof.unproved),
        "frozen": proof.frozen,
        "scale": found.scale,
        "exploitability": (found.exploitability_lower, found.exploitability),
        "proved_exploitability": proof.exploitability,
        "consistency": found.consistency,
        "proved_consistency": proof.consistency,
        "gap": found.nature_gap,
        "proved_gap": proof.nature_gap,
        "infeasibility": found.infeasibility,
        "proved_infeasibility": proof.infeasibility,
        "certify": times[0],
        "certify_again": times[1],
        "prove": spent,
    }


def table(rows: list[dict]) -> str:
    """All cells: exploitability and nature's gap relative to the certificate's scale."""
    lines = [
        "| game | S x A | nature | exploitability | proved, from | to | consistency | proved, to "
        "| nature's gap | proved, to | outside | proved, to | certify, s | again | prove, s | |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        scale = row["scale"]
        low, high = row["proved_exploitability"]
        note = row["unproved"] or (f"frozen: {row['frozen']}" if row["frozen"] else "")
        lines.append(
            f"| {row['game']} | {row['size']} | {row['nature']} "
            f"| {row['exploitability'][1] / scale:.1e} | {low / scale:.1e} | {high / scale:.1e} "
            f"| {row['consistency']:.0e} | {row['proved_consistency'][1]:.0e} "
            f"| {row['gap'] / scale:.0e} | {row['proved_gap'][1] / scale:.0e} "
            f"| {row['infeasibility']:.0e} | {row['proved_infeasibility'][1]:.0e} "
            f"| {row['certify']:.2f} | {row['certify_again']:.2f} | {row['prove']:.2f} | {note} |"
        )
    return "\n".join(lines) + "\n"


def summary(rows: list[dict]) -> str:
    """What the cells have in common, in sentences."""
    proved = [row for row in rows if row["proved"]]
    own = [row for row in proved if not row["frozen"]]
    width = [np.ptp(row["proved_exploitability"]) / row["scale"] for row in proved]
    apart = [
        max(row["proved_exploitability"][0] - row["exploitability"][1], 0) / row["scale"]
        for row in proved
    ]
    above = [
        row["proved_exploitability"][1] / max(row["exploitability"][1], 1e-12 * row["scale"])
        for row in proved
    ]
    again = [row["prove"] / row["certify_again"] for row in proved]
    first = [row["prove"] / row["certify"] for row in proved]
    reasons = sorted({row["frozen"] for row in proved if row["frozen"]})
    failed = [
        f"{row['game']}, {row['nature']}: {row['unproved']}" for row in rows if not row["proved"]
    ]
    beyond = "No certificate's upper bound is below the proved lower bound."
    if max(apart) > 0:
        beyond = (
            f"In {sum(a > 0 for a in apart)} cells the certificate's upper bound is below the proved "
            f"lower bound, by {max(apart):.0e} of the range at most: that is its rounding."
        )
    lines = [
        f"- {len(proved)} of {len(rows)} cells are proved, {len(own)} of them for the game's own "
        f"functions, the others for the game frozen at its mean field "
        f"({'; '.join(reasons) or 'none'}).",
        f"- Proved bounds of exploitability are {np.median(width):.0e} of the range of values wide in "
        f"the median, {max(width):.0e} at most. {beyond}",
        f"- The proved upper bound is {np.median(above):.2g} times the certificate's in the median, "
        f"{max(above):.2g} times at most, where a certificate below 1e-12 of the range counts as that.",
        f"- A proof takes {np.median(again):.2g} times the seconds of a certificate that is already "
        f"compiled in the median, {max(again):.2g} times at most, and {np.median(first):.2g} times "
        f"(at most {max(first):.2g}) those of the first certificate of a process, as in `rmfg verify`.",
        *(f"- Not proved: {text}" for text in failed),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make the cells that are missing, and lay all of them out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", nargs="*", type=Path)
    parser.add_argument("--games", default=",".join([*rmfg.zoo.names(), "large-ring"]))
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rows", type=Path, default=Path("out/rigorous.jsonl"))
    parser.add_argument("--answers", type=Path, default=Path("out/zoo"))
    options = parser.parse_args()
    options.rows.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    if options.rows.exists():
        rows = [json.loads(line) for line in options.rows.read_text().splitlines()]
    found = {(row["game"], row["nature"]) for row in rows}
    for name in options.games.split(","):
        make, natures = LARGE_GAMES.get(name, (lambda name=name: rmfg.zoo.make(name), tuple(SETS)))
        game = make()
        for nature in natures:
            if (name, nature) in found or (SETS[nature][1] and game.num_states > LARGE):
                continue
            rows.append(measured(game, nature, options.seconds, options.answers))
            with options.rows.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rows[-1]) + "\n")
            print({key: rows[-1][key] for key in ("game", "nature", "proved", "prove")}, flush=True)
        jax.clear_caches()
    order = [*rmfg.zoo.names(), "large-ring"]
    natures = list(SETS)
    rows.sort(key=lambda row: (order.index(row["game"]), natures.index(row["nature"])))
    if options.tables:
        options.tables[0].write_text(table(rows), encoding="utf-8")
        options.tables[1].write_text(summary(rows), encoding="utf-8")
    print(summary(rows))


if __name__ == "__main__":
    main()
