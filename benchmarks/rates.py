"""Rates of soft mean-field iteration: measured against the bound, on games where it contracts.

    python benchmarks/rates.py [TABLE.md]

Each row runs `Picard` at a temperature from a random law: the constants of `rmfg.contraction`, the
rate that they promise, the rate that was measured, and after `STEPS` steps the bound of the distance
to the soft equilibrium beside the distance itself. The equilibrium is the law after 200 steps.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

import rmfg

STEPS, MORE = 3, 200


class Case(NamedTuple):
    """A game in which soft iteration contracts."""

    name: str
    game: rmfg.MeanFieldGame
    ambiguity: rmfg.Ambiguity
    temperature: float
    population: str = "worst_case"
    long_run: bool = True
    damping: float = 1.0


def ladder(crowding: float = 0.1, stay: float = 0.5) -> rmfg.TabularGame:
    """Four steps, each worth one more than the last; crowds push down a little.

    r = s - crowding m(s) - [a = up] / 2; with probability `stay` the choice up or down succeeds,
    otherwise the next step is drawn from a fixed law.
    """
    steps = np.arange(4)
    kernel = np.zeros((4, 2, 4))
    kernel[steps, 0, np.maximum(steps - 1, 0)] = stay
    kernel[steps, 1, np.minimum(steps + 1, 3)] = stay
    kernel += (1 - stay) * np.array([0.1, 0.4, 0.3, 0.2])
    base = steps[:, None] - np.array([0.0, 0.5])
    return rmfg.TabularGame(kernel, lambda m: base - crowding * m[:, None], 0.8, name="ladder")


def fashion(pull: float = 7.0, choice: float = 0.2) -> rmfg.TabularGame:
    """Two shops, more attractive the more people are there; agents look one step ahead.

    r = pull m(a); s' = a with probability (1 + choice) / 2. With both shops alike the policy's
    constant is attained.
    """
    kernel = np.tile((1 - choice) / 2 + choice * np.eye(2), (2, 1, 1))
    return rmfg.TabularGame(
        kernel, lambda m: pull * np.ones((2, 1)) * m, 0.0, num_states=2, name="fashion"
    )


def cases() -> list[Case]:
    """The rows of the table."""
    roads = rmfg.zoo.make("crowded-actions", slip=0.5, crowding=1.0)
    mild = {"infection_rate": 0.2, "recovery_rate": 0.5, "infection_cost": 2.0, "discount": 0.5}
    illness = rmfg.zoo.make("sis-epidemic", num_actions=3, **mild)
    variation, mixture = rmfg.TotalVariation(0.1), rmfg.Contamination(0.1)
    return [
        Case("fashion", fashion(), rmfg.Nominal(), 1.0, long_run=False),
        Case("fashion", fashion(), rmfg.Nominal(), 1.0),
        Case("fashion", fashion(), rmfg.TotalVariation(0.05), 1.0, "nominal"),
        Case("crowded-actions", roads, rmfg.Nominal(), 2.5),
        Case("crowded-actions", roads, rmfg.Nominal(), 3.5, long_run=False),
        Case("crowded-actions", roads, rmfg.Nominal(), 3.5, long_run=False, damping=0.5),
        Case("crowded-actions", roads, variation, 2.5, "nominal"),
        Case("crowded-actions", roads, rmfg.EntropyPenalty(20.0), 3.5),
        Case("crowded-actions", roads, rmfg.KullbackLeibler(0.01), 2.5, "nominal"),
        Case("ladder", ladder(), variation, 0.25),
        Case("ladder", ladder(), mixture, 0.25),
        Case("ladder", ladder(), rmfg.CVaR(0.2), 0.25),
        Case("ladder", ladder(), rmfg.EntropyPenalty(20.0), 0.3, long_run=False),
        Case("sis-epidemic", illness, rmfg.Nominal(), 1.5),
        Case("sis-epidemic", illness, rmfg.CVaR(0.2), 1.5, "nominal"),
        Case("sis-epidemic", illness, rmfg.EntropyPenalty(40.0), 1.5, long_run=False),
    ]


def row(case: Case) -> str:
    """Run a case and lay out what was found."""
    game, heat = case.game, case.temperature
    solver = rmfg.Picard(case.damping, heat, long_run=case.long_run)
    problem = rmfg.Problem(game, case.ambiguity, case.population)
    shape = game.mean_field_shape
    guess = np.random.default_rng(0).dirichlet(np.full(np.prod(shape), 0.3)).reshape(shape)
    state, seen = solver.init(problem, guess), []
    for _ in range(MORE):
        seen.append(state)
        state = solver.step(problem, state)
    known = rmfg.contraction(
        game,
        case.ambiguity,
        heat,
        population=case.population,
        damping=case.damping,
        long_run=case.long_run,
    ).with_run([each.residual() for each in seen], seen[STEPS].residual())
    apart = float(np.abs(seen[STEPS].guess - state.guess).sum())
    measured = known.measured_rate
    constants = (known.reward, known.support, known.mover, known.dobrushin, known.modulus)
    shown = " | ".join(f"{constant.value:.3g}" for constant in constants)
    size = "".join(f" {v:g}" for v in vars(case.ambiguity).values() if isinstance(v, np.ndarray))
    return (
        f"| {case.name} | {type(case.ambiguity).__name__}{size} | {case.population} "
        f"| {'stationary' if case.long_run else 'one step'} | {case.damping:g} | {heat:g} "
        f"| {shown} | {'yes' if known.proved else 'no'} | {known.rate:.3f} "
        f"| {'' if measured is None else f'{measured:.3f}'} | {known.distance:.1e} | {apart:.1e} |"
    )


def main() -> None:
    """Run all cases, a line each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", nargs="?", type=Path)
    target = parser.parse_args().table
    titles = [
        *("game", "nature", "population", "map", "damping", "temperature"),
        *("reward", "support", "mover", "Dobrushin", "modulus", "proved"),
        *("rate, at most", "rate, measured", f"distance after {STEPS}, at most", "distance"),
    ]
    lines = [f"| {' | '.join(titles)} |", "|---|---|---|---" + "|---:" * (len(titles) - 4) + "|"]
    print("\n".join(lines))
    for case in cases():
        lines.append(row(case))
        print(lines[-1], flush=True)
    if target is not None:
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
