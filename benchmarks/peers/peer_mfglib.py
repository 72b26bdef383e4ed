"""MFGLib's own algorithms on stationary games, recorded. Runs in an environment that holds it.

    python peer_mfglib.py FOLDER [GAME ...]

MFGLib solves games of finite horizon without discount, so this is not its home ground. A stationary
game becomes one of its own with the reward 0.9^t r and 50 steps, at whose end 0.9^50 = 0.5 % of the
weight is left, from the library's own first law. Its answer is then a policy for each time. Those
in the middle, far from both ends, are taken as claims of the stationary policy, with the law at that
time as the population's, and the best of them counts.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import games
import mfglib.alg.abc
import mfglib.alg.mf_omo
import numpy as np
import torch
from mfglib.alg import (
    MFOMO,
    FictitiousPlay,
    OccupationMeasureInclusion,
    OnlineMirrorDescent,
    PriorDescent,
)
from mfglib.env import Environment
from mfglib.scoring import exploitability_score
from mfglib.utils import mean_field_from_policy
from traces import Tape, Trace, record

LIBRARY = "MFGLib"
HORIZON, STEPS = 50, 150
MIDDLE = np.arange(10, 41, 5)


def own(name: str, **options: Any) -> Environment:
    """One of its environments, made stationary."""
    environment = getattr(Environment, name)(**options)
    environment.T = HORIZON  # some of its constructors have no argument for it
    return stationary(environment)


def ours(game: games.Game) -> Environment:
    """A game with a constant kernel and a linear reward, in its tensors (to, from, action)."""
    assert isinstance(game.reward, games.Linear)
    base, matrix = torch.tensor(game.reward.base).float(), torch.tensor(game.reward.matrix).float()
    reward = games.Linear(base, matrix)
    law = np.full(game.num_states, 1 / game.num_states)
    kernel = torch.tensor(game.kernel(law)).float().permute(2, 0, 1)
    states, actions = game.shape
    return stationary(
        Environment(
            T=HORIZON,
            S=(states,),
            A=(actions,),
            mu0=torch.ones(states) / states,
            r_max=float(base.abs().max() + matrix.abs().max()),
            reward_fn=lambda _env, _t, mass: reward(mass.sum(1)),
            transition_fn=lambda _env, _t, _mass: kernel,
        )
    )


def stationary(environment: Environment) -> Environment:
    """The same environment with rewards discounted by hand."""
    reward = environment.reward_fn
    environment.reward_fn = lambda env, t, mass: games.GAMMA**t * reward(env, t, mass)
    return environment


GAMES = {
    "left-right": lambda: own("left_right"),
    "uneven-rock-paper-scissors": lambda: own("rock_paper_scissors"),
    "beach-bar": lambda: own("beach_bar", n=4),
    "susceptible-infected": lambda: own("susceptible_infected"),
    "lasry-lions-chain": lambda: ours(games.lasry_lions_chain()),
}


def settings() -> Iterator[tuple[str, Any]]:
    """Its algorithms: defaults, and others of its own that are known to do well."""
    yield "fictitious play", FictitiousPlay()
    for rate in (0.1, 1.0, 10.0):
        yield f"OMD, rate {rate:g}", OnlineMirrorDescent(rate)
    yield "prior descent, 20 inner", PriorDescent(1.0, n_inner=20)
    yield "MF-OMO", MFOMO()
    yield (
        "occupation measure inclusion, 0.01",
        OccupationMeasureInclusion(alpha=1e-2, osqp_atol=1e-6, osqp_rtol=1e-6),
    )


def main(folder: Path, names: list[str]) -> None:
    """Record every algorithm on every game."""
    torch.set_num_threads(1)  # more threads make it slower at these sizes
    for name in names or GAMES:
        for number, (method, algorithm) in enumerate(settings()):
            environment = GAMES[name]()
            try:
                trace = _recorded((name, LIBRARY, method), environment, algorithm)
            except (ValueError, RuntimeError, ZeroDivisionError) as error:
                print(f"{name}: {method}: failed: {error}", flush=True)
                continue
            trace.save(folder, number)
            print(f"{name}: {method}: {trace.seconds[-1]:.2f} s", flush=True)
        _save_tensors(folder, name)


def _recorded(labels: tuple[str, str, str], environment: Environment, algorithm: Any) -> Trace:
    def play(tape: Tape, measuring: bool = True) -> None:
        def measure(env: Environment, policy: torch.Tensor) -> float:
            tape.add(policy.detach().clone(), 0.0)
            return exploitability_score(env, policy) if measuring else 1.0

        mfglib.alg.abc.expl_score = measure
        mfglib.alg.mf_omo.exploitability_score = measure
        algorithm.solve(environment, max_iter=STEPS, atol=None, rtol=None)

    whole = record(labels, play, lambda tape: play(tape, measuring=False))
    laws = [
        mean_field_from_policy(torch.tensor(policy), env=environment).sum(2).numpy()[MIDDLE]
        for policy in whole.policies
    ]
    policies = whole.policies[:, MIDDLE]
    return whole._replace(
        policies=policies.reshape(-1, *policies.shape[2:]),
        laws=np.concatenate(laws),
        seconds=np.repeat(whole.seconds, len(MIDDLE)),
        bare=np.repeat(whole.bare, len(MIDDLE)),
    )


def _save_tensors(folder: Path, name: str) -> None:
    """What the library plays, at two laws, for the judge to compare with its own definition."""
    environment = GAMES[name]()
    size, actions = environment.n_states, environment.n_actions
    laws = np.array([np.full(size, 1 / size), np.random.default_rng(1).dirichlet(np.ones(size))])
    masses = torch.tensor(laws).float()[:, :, None].repeat(1, 1, actions) / actions
    rewards = [environment.reward(0, mass).numpy() for mass in masses]
    kernels = [environment.prob(0, mass).permute(1, 2, 0).numpy() for mass in masses]
    np.savez_compressed(folder / f"{name}.tensors.npz", laws=laws, rewards=rewards, kernels=kernels)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
