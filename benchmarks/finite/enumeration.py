"""Exact gains of leaving against enumeration of all joint states, by a program without rmfg.

    python enumeration.py [TABLE.md]

Random games whose kernels and rewards move with the population, random policies and starts. Agent 1
faces the worst case of its set; the others move by a kernel of the set at the start, which they
keep. `tests/reference/joint_game.py` enumerates.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import rmfg

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from reference import joint_game

DISCOUNT, SEEDS = 0.9, 2
SHAPES = [(2, 2, 2), (2, 3, 3), (3, 2, 2), (3, 2, 3)]  # states, actions, agents
SETS = {
    "nominal": (rmfg.Nominal(), joint_game.nominal),
    "total variation 0.1": (rmfg.TotalVariation(0.1), joint_game.total_variation(0.1)),
    "total variation 0.1, nominal support": (
        rmfg.TotalVariation(0.1, support="nominal"),
        joint_game.total_variation(0.1, support="nominal"),
    ),
    "contamination 0.1": (rmfg.Contamination(0.1), joint_game.contamination(0.1)),
}


def difference(shape: tuple[int, int, int], name: str, seed: int) -> float:
    """How far the two programs are apart in epsilon_N."""
    (states, actions, agents), (ambiguity, worst) = shape, SETS[name]
    random = np.random.default_rng(seed)
    kernels = random.dirichlet(np.ones(states), (2, states, actions))
    base, matrix = random.normal(size=(states, actions)), random.normal(size=(states, states))
    policy = random.dirichlet(np.ones(actions), states)
    law = random.dirichlet(np.ones(states))

    def kernel(mean_field):
        return kernels[0] + 0.5 * mean_field[0] * (kernels[1] - kernels[0])

    def reward(mean_field):
        return base + (matrix @ mean_field)[:, None]

    game = rmfg.TabularGame(kernel, reward, DISCOUNT, num_states=states, num_actions=actions)
    kept = ambiguity.worst_kernel(game.kernel(law), random.normal(size=states), law).to_dense()
    others = np.asarray(kept)
    found = rmfg.finite_gap(
        game, ambiguity, policy, agents, method="exact", initial=law, nature=others, tol=1e-13
    )
    truth = joint_game.solve(kernel, reward, DISCOUNT, agents, policy, lambda _: others, worst)
    return abs(found.value - truth.gap(law))


def main() -> None:
    """Compare all cases."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", nargs="?", type=Path)
    target = parser.parse_args().table
    lines = ["| nature | S x A, N | largest difference |", "|---|---|---:|"]
    print("\n".join(lines))
    for name in SETS:
        for shape in SHAPES:
            most = max(difference(shape, name, seed) for seed in range(SEEDS))
            lines.append(f"| {name} | {shape[0]} x {shape[1]}, {shape[2]} | {most:.1e} |")
            print(lines[-1], flush=True)
    if target is not None:
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
