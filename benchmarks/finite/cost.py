"""What not using the mean field costs: the exact robust equilibrium of N agents against the limit.

    python cost.py [TABLE.md FIGURE.png] [--seconds X]

For each game, numbers of agents grow until one solve takes longer than the limit or is refused; beyond
that only the number of situations (own state, counts of the others) is given, which needs no solve. The
mean field is solved to 1e-9 and does not know N. What its policy is worth among N is epsilon_N.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import rmfg

AGENTS = (2, 3, 5, 8, 12, 20, 30, 50, 100, 200, 500, 1_000)
BEYOND = (2_000, 10_000, 100_000, 1_000_000)
CASES = {
    "sis-epidemic": ({}, rmfg.KullbackLeibler(0.02)),
    "lasry-lions-chain, 3 states": (
        {"num_states": 3},
        rmfg.TotalVariation(0.1, support="nominal"),
    ),
    "beach-bar, 5 states": ({"num_states": 5}, rmfg.TotalVariation(0.1, support="nominal")),
}
COLORS = ("#0072b2", "#d55e00", "#009e73")
TOL = 5e-3


def situations(agents: int, states: int) -> int:
    """Own state and counts of the others."""
    return states * math.comb(agents + states - 2, states - 1)


def main() -> None:
    """Solve while it can be done, and count beyond."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*", type=Path, metavar="TABLE.md FIGURE.png")
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    titles = ("game", "N", "situations", "seconds", "memory, MB", "exploitability", "mean field, s")
    lines = [f"| {' | '.join(titles)} |", "|---|---:|---:|---:|---:|---:|---:|"]
    found = {}
    print("\n".join(lines))
    for name, (parameters, ambiguity) in CASES.items():
        game = rmfg.zoo.make(name.split(",")[0], **parameters)
        rmfg.solve(game, ambiguity, tol=1e-9, throw=True)  # compiles
        limit = rmfg.solve(game, ambiguity, tol=1e-9, throw=True).seconds
        exact, last = [], 0.0
        for agents in AGENTS + BEYOND:
            count = situations(agents, game.num_states)
            answer = None
            if agents in AGENTS and last <= given.seconds:
                answer = solved(game, ambiguity, agents, given.seconds)
            if answer is None:
                last = math.inf
                cells = (f"{agents:,}", f"{count:.3g}", "", "", "", "")
            else:
                last = answer.seconds
                exact.append(answer)
                cells = (
                    f"{agents:,}",
                    f"{count:,}",
                    f"{last:.3g}",
                    f"{answer.memory / 1e6:.3g}",
                    f"{answer.exploitability / answer.scale:.0e} {answer.status}",
                    f"{limit:.3g}",
                )
            lines.append(f"| {name} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
        found[name] = (exact, limit, game.num_states)
    if given.files:
        table, figure = given.files
        table.write_text("\n".join(lines) + "\n", encoding="utf-8")
        drawn(found).savefig(figure, dpi=160)


def solved(
    game: rmfg.MeanFieldGame, ambiguity: rmfg.Ambiguity, agents: int, seconds: float
) -> rmfg.FiniteEquilibrium | None:
    """The equilibrium of N agents, compiled before it is timed; None where it is out of reach."""
    try:
        rmfg.finite_equilibrium(game, ambiguity, agents, max_steps=1)
    except ValueError as error:
        if "num_agents" not in str(error):
            raise
        return None
    begin = time.perf_counter()
    answer = rmfg.finite_equilibrium(game, ambiguity, agents, tol=TOL, max_seconds=seconds)
    return answer if time.perf_counter() - begin <= 3 * seconds else None


def drawn(found: dict[str, tuple[list[rmfg.FiniteEquilibrium], float, int]]) -> Figure:
    """Seconds and memory against N, the mean field as a line that does not move."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    across = np.array(AGENTS + BEYOND)
    for color, (name, (exact, limit, states)) in zip(COLORS, found.items(), strict=True):
        agents = [each.num_agents for each in exact]
        left.loglog(agents, [each.seconds for each in exact], "o-", color=color, markersize=4)
        left.loglog(across, np.full(len(across), limit), "--", color=color, linewidth=1)
        memory = [each.memory / 1e6 for each in exact]
        right.loglog(agents, memory, "o-", color=color, markersize=4, label=name)
        counted = [situations(int(number), states) * 8 / 1e6 for number in across]
        right.loglog(across, counted, ":", color=color, linewidth=1.2)
    left.plot([], [], "o-", color="#1f2933", markersize=4, label="N agents, exactly")
    left.plot([], [], "--", color="#1f2933", linewidth=1, label="mean field")
    right.plot([], [], ":", color="#1f2933", linewidth=1.2, label="one value for each situation")
    left.set(xlabel="agents", title="seconds")
    right.set(xlabel="agents", title="memory (MB): transitions of the others")
    for axes in (left, right):
        axes.grid(color="#d5dae0", linewidth=0.6)
        axes.legend(frameon=False, fontsize=8)
    return figure


if __name__ == "__main__":
    main()
