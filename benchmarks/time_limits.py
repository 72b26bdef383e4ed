"""How long `solve(..., max_seconds=...)` takes when the limit is what ends it.

    python benchmarks/time_limits.py docs/tables/time_limits.md

Accuracies are asked for that are not reached in time. All that is compiled is compiled before, by a
run of a few steps with the same arguments, so that what is over the limit is not XLA's.
"""

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

import rmfg


def road_network():
    return rmfg.zoo.make("road-network"), rmfg.TotalVariation(0.05)


def beach():
    return rmfg.zoo.make("beach-bar", num_states=2000), rmfg.Nominal()


def wasserstein(size):
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size))).astype(float)
    ring = np.minimum(apart, size - apart)
    game = rmfg.zoo.make("beach-bar", num_states=size)
    return game, rmfg.Wasserstein(0.3, ring)


GAMES = {
    "Sioux Falls, total variation": road_network,
    "beach bar, 2000 states, nominal": beach,
    "beach bar, 101 states, Wasserstein": lambda: wasserstein(101),
    "beach bar, 401 states, Wasserstein": lambda: wasserstein(401),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("output", nargs="?", help="a file for the table")
    parser.add_argument("--asked", default="5,20,60")
    parser.add_argument("--games", default=",".join(map(str, range(len(GAMES)))))
    parser.add_argument("--warm", type=float, default=300)
    given = parser.parse_args()
    asked = [float(part) for part in given.asked.split(",")]
    chosen = [list(GAMES.items())[int(part)] for part in given.games.split(",")]
    lines = [
        f"One process on {os.cpu_count()} cores of {platform.machine()}, tol 1e-13; one-minute load "
        "average of the machine beside each run.",
        "",
        "| game | states | asked, s | taken, s | over | steps | exploitability, relative | status "
        "| load |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, build in chosen:
        game, ambiguity = build()
        rmfg.solve(game, ambiguity, tol=1e-13, max_steps=8, max_seconds=given.warm)
        lines += [row(name, game, ambiguity, seconds) for seconds in asked]
    text = "\n".join(lines) + "\n"
    if given.output:
        Path(given.output).write_text(text)
    print(text)


def row(name: str, game: rmfg.MeanFieldGame, ambiguity: rmfg.Ambiguity, seconds: float) -> str:
    begin = time.perf_counter()
    answer = rmfg.solve(game, ambiguity, tol=1e-13, max_steps=10**6, max_seconds=seconds)
    taken = time.perf_counter() - begin
    over = f"{100 * (taken / seconds - 1):+.0f} %" if answer.status == "max seconds" else "-"
    found = (
        f"| {name} | {game.num_states} | {seconds:g} | {taken:.1f} | {over} | {answer.steps} "
        f"| {answer.certificate.relative_exploitability:.1e} | {answer.status} "
        f"| {os.getloadavg()[0]:.0f} |"
    )
    print(found, file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    main()
