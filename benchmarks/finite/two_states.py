"""Forty random games of two states: the exact gain of leaving, and how large the bounds on it are.

    python two_states.py [TABLE.md] [--games N]

Kernels are two draws of Dirichlet laws mixed by the share of agents in the first state, rewards
normal draws plus a random matrix times the law; total variation 0.1, discount 0.9, N = 2, 5, 20, 60.
Ratios are over the games in which leaving gains more than 1e-5 of the range of values: where it
gains nothing, every ratio is infinite and none says anything.
"""

import argparse
from pathlib import Path

import numpy as np

import rmfg

AGENTS = (2, 5, 20, 60)
WORTH = 1e-5
SLACK = 1e-8
TITLES = (
    *("N", "games with a gain", "largest gain", "verification / gain: least", "median", "largest"),
    *("global / gain: least", "median", "largest", "below the truth"),
)


class Crowded(rmfg.MeanFieldGame):
    """A random game whose kernel and rewards move with the population.

    Its arrays are attributes, so that all games share what has been compiled for one.
    """

    num_states, num_actions, discount = 2, 2, 0.9

    def __init__(self, seed: int):
        random = np.random.default_rng(seed)
        self.first, self.second = random.dirichlet(np.ones(2), (2, 2, 2))
        self.base, self.matrix = random.normal(size=(2, 2)), random.normal(size=(2, 2))

    def kernel(self, mean_field):
        share = 0.5 * mean_field[0]
        return (1 - share) * self.first + share * self.second

    def reward(self, mean_field):
        return self.base + (self.matrix @ mean_field)[:, None]


def main() -> None:
    """Solve all games, exactly among N, and lay out the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", nargs="?", type=Path)
    parser.add_argument("--games", type=int, default=40)
    given = parser.parse_args()
    gains, verified, bounds, scales = (np.zeros((given.games, len(AGENTS))) for _ in range(4))
    for seed in range(given.games):
        answer = rmfg.solve(Crowded(seed), rmfg.TotalVariation(0.1), tol=1e-10, throw=True)
        for place, agents in enumerate(AGENTS):
            truth = rmfg.finite_gap(answer.game, None, answer, agents, method="exact")
            found = rmfg.finite_bound(answer, agents, posterior=False)
            gains[seed, place] = truth.value
            verified[seed, place] = truth.upper.value
            bounds[seed, place] = found.value
            scales[seed, place] = answer.certificate.scale
    worth, lines = (
        gains > WORTH * scales,
        [f"| {' | '.join(TITLES)} |", "|---:" * len(TITLES) + "|"],
    )
    slack = SLACK * scales
    below = ~((verified >= gains - slack) & (bounds >= gains - slack))
    for place, agents in enumerate(AGENTS):
        some = worth[:, place]
        cells = [str(agents), f"{some.sum()} of {given.games}", f"{gains[:, place].max():.2g}"]
        for upper in (verified, bounds):
            ratios = upper[some, place] / gains[some, place]
            cells += [f"{each(ratios):.3g}" for each in (np.min, np.median, np.max)]
        lines.append(f"| {' | '.join(cells)} | {below[:, place].sum()} |")
    print("\n".join(lines))
    within = (verified[worth] <= 10 * gains[worth]).mean()
    print(f"within ten times of the truth by verification: {within:.0%} of {worth.sum()}")
    if given.table is not None:
        given.table.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
