"""Hard cases for exact solvers, one by one, and derivatives against differences.

python benchmarks/hard_cases.py [HARD.md SENSITIVITY.md] [--seconds N]
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

import rmfg

GOAL = 1e-9
STEP = 1e-3


def islands() -> rmfg.MeanFieldGame:
    """Two pairs of crowded places without a way between the pairs; most agents are on the first."""
    stay, switch = np.eye(4), np.eye(4)[[1, 0, 3, 2]]
    kernel = np.stack([stay, 0.9 * switch + 0.1 * stay], axis=1)
    charm = np.array([1.0, 0.0, 0.5, 0.0])

    def reward(mean_field):
        here = charm - 2 * mean_field
        return here[:, None] - np.array([0.0, 0.05])

    return rmfg.TabularGame(kernel, reward, 0.9, initial=[0.4, 0.3, 0.2, 0.1], name="two islands")


def cyclic() -> rmfg.MeanFieldGame:
    """A random game with an antisymmetric interaction: best responses chase each other."""
    random = np.random.default_rng(1)
    kernel = np.zeros((20, 4, 20))
    for place in np.ndindex(20, 4):
        kernel[place][random.choice(20, 5, replace=False)] = random.dirichlet(np.ones(5))
    base, matrix = random.normal(size=(20, 4)), random.normal(size=(20, 20))
    matrix = 10 * (matrix - matrix.T)

    def reward(mean_field):
        return base + (matrix @ mean_field)[:, None]

    return rmfg.TabularGame(kernel, reward, 0.9, name="cyclic garnet")


CASES: dict[str, tuple[Callable[[], rmfg.MeanFieldGame], rmfg.Ambiguity]] = {
    "rock-paper-scissors, indifferent everywhere": (
        lambda: rmfg.zoo.make("rock-paper-scissors"),
        rmfg.TotalVariation(0.1),
    ),
    "kinetic-congestion, gridlocks": (
        lambda: rmfg.zoo.make("kinetic-congestion"),
        rmfg.TotalVariation(0.1),
    ),
    "garnet, cyclic best responses": (cyclic, rmfg.TotalVariation(0.1)),
    "coordination, several equilibria": (
        lambda: rmfg.zoo.make("coordination"),
        rmfg.TotalVariation(0.1),
    ),
    "lasry-lions-chain, nature mixes": (
        lambda: rmfg.zoo.make("lasry-lions-chain"),
        rmfg.TotalVariation(0.1),
    ),
    "two islands, two recurrent classes": (islands, rmfg.KullbackLeibler(0.1)),
}
NETWORKS = {
    f"Sioux Falls, discount {discount:g}": (
        lambda discount=discount: rmfg.zoo.make("road-network", discount=discount),
        rmfg.TotalVariation(0.01, support="nominal"),
    )
    for discount in (0.9, 0.99, 0.999)
}
DERIVATIVES = {
    "beach-bar": ({"num_states": 11}, rmfg.TotalVariation, 0.07),
    "lasry-lions-chain": ({}, rmfg.ChiSquare, 0.1),
    "sis-epidemic": ({}, rmfg.CVaR, 0.15),
    "investment": ({}, rmfg.KullbackLeibler, 0.05),
    "malware-spread": ({}, rmfg.Hellinger, 0.02),
    "two-beach-bars": ({"num_states": 11}, rmfg.Contamination, 0.1),
}


def hard_row(name: str, seconds: float) -> str:
    """Solve one case and lay its certificate out."""
    make, ambiguity = (CASES | NETWORKS)[name]
    game = make()
    solver = rmfg.Newton(1e-3) if name in NETWORKS else None
    answer = rmfg.solve(game, ambiguity, solver=solver, tol=GOAL, max_seconds=seconds)
    proof = answer.certificate
    return (
        f"| {name} | {game.num_states} x {game.num_actions} | {ambiguity.__class__.__name__} "
        f"| {proof.relative_exploitability:.0e} | {proof.consistency:.0e} "
        f"| {proof.relative_nature_gap:.0e} | {answer.steps} | {answer.seconds:.1f} | {answer.status} |"
    )


def derivative_row(name: str) -> str:
    """Compare the slopes of one game with central differences of fourth order."""
    parameters, family, radius = DERIVATIVES[name]
    game = rmfg.zoo.make(name, **parameters)
    offsets = np.array([0, -1, -2, 1, 2])
    path = rmfg.trace(game, family, radius + STEP * offsets, tol=1e-11)
    _, low, lowest, high, highest = path.equilibria
    errors = []
    for field, slope in (
        ("value", path.value_slope),
        ("distribution", path.distribution_slope),
        ("policy", path.policy_slope),
    ):
        near = getattr(high, field) - getattr(low, field)
        far = getattr(highest, field) - getattr(lowest, field)
        difference = (8 * near - far) / (12 * STEP)
        errors.append(np.abs(slope[0] - difference).max() / max(np.abs(difference).max(), 1e-6))
    cells = " | ".join(f"{error:.1e}" for error in errors)
    return f"| {name} | {family.__name__}({radius:g}) | {cells} |"


def main() -> None:
    """Write both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--without-networks", action="store_true")
    options = parser.parse_args()
    hard = [
        "| case | S x A | nature | exploitability | consistency | nature's gap | steps | seconds | |",
        "|---|---|---|---:|---:|---:|---:|---:|---|",
    ]
    slopes = ["| game | nature | value | distribution | policy |", "|---|---|---:|---:|---:|"]
    for name in DERIVATIVES:
        slopes.append(derivative_row(name))
        print(slopes[-1], flush=True)
    for name in CASES if options.without_networks else CASES | NETWORKS:
        hard.append(hard_row(name, options.seconds))
        print(hard[-1], flush=True)
    for path, lines in zip(options.tables, (hard, slopes), strict=False):
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
