"""How many steps of agents the two engines take in a second, and what more agents cost.

    python engines.py [TABLE.md]

Each row simulates 20 runs of 100 steps under the worst case at the empirical law, once to compile, then
three times; the fastest counts. The last column is the time over that of the first row of the same
engine and game.
"""

import argparse
import time
from pathlib import Path

import rmfg

RUNS, STEPS, TIMES = 20, 100, 3
ROWS = {"agents": (1_000, 10_000, 100_000), "counts": (1_000, 1_000_000, 1_000_000_000)}
GAMES = {
    "sis-epidemic": rmfg.KullbackLeibler(0.02),
    "beach-bar": rmfg.TotalVariation(0.05),
}


def seconds(game: rmfg.MeanFieldGame, answer: rmfg.Equilibrium, agents: int, method: str) -> float:
    """The least time of some runs, compiled."""
    times = []
    for seed in range(TIMES + 1):
        begin = time.perf_counter()
        rmfg.simulate(game, answer, agents, STEPS, num_runs=RUNS, seed=seed, method=method)
        times.append(time.perf_counter() - begin)
    return min(times[1:])


def main() -> None:
    """Time both engines on all games."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", nargs="?", type=Path)
    target = parser.parse_args().table
    titles = ("game", "S x A", "engine", "agents", "seconds", "agent-steps / s", "time, relative")
    lines = [f"| {' | '.join(titles)} |", "|---|---|---|---:|---:|---:|---:|"]
    print("\n".join(lines))
    for name, ambiguity in GAMES.items():
        game = rmfg.zoo.make(name)
        answer = rmfg.solve(game, ambiguity, tol=1e-6)
        for method, numbers in ROWS.items():
            first = None
            for agents in numbers:
                took = seconds(game, answer, agents, method)
                first = took if first is None else first
                rate = agents * RUNS * STEPS / took
                size = f"{game.num_states} x {game.num_actions}"
                lines.append(
                    f"| {name} | {size} | {method} | {agents:.0e} | {took:.3g} | {rate:.1e} "
                    f"| {took / first:.2f} |"
                )
                print(lines[-1], flush=True)
    if target is not None:
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
