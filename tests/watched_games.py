"""Small games of the zoo and answers to them, for tests of what people watch."""

import numpy as np
import xarray
from registry import SMALL_ZOO

import rmfg

GAMES = {name: rmfg.zoo.make(name, **SMALL_ZOO.get(name, {})) for name in rmfg.zoo.names()}


def answer_of(game, seed=0, **changes):
    """An answer that nobody solved for: observables only look at its population."""
    random = np.random.default_rng(seed)
    policy = random.dirichlet(np.ones(game.num_actions), game.num_states)
    distribution = random.dirichlet(np.ones(game.num_states))
    measured = "exploitability exploitability_lower mean_exploitability consistency flow_imbalance "
    measured += "drift nature_gap infeasibility adjustment"
    fields = {
        "policy": policy,
        "distribution": distribution,
        "value": np.zeros(game.num_states),
        "kernel": game.kernel(game.mean_field_of(distribution, policy)),
        "certificate": rmfg.Certificate(
            **dict.fromkeys(measured.split(), 0.0), scale=1.0, tol=1e-8
        ),
        "status": rmfg.Status.CERTIFIED,
        "game": game,
        "ambiguity": rmfg.Nominal(),
    }
    return rmfg.Equilibrium(**{**fields, **changes})


def crowd_game(**observables):
    """Three places that nobody leaves."""
    kernel = np.broadcast_to(np.eye(3)[:, None], (3, 2, 3))
    return rmfg.TabularGame(
        kernel, lambda m: -m[:, None] * np.ones(2), 0.9, observables=observables
    )


def saved(answer, tmp_path, change=None):
    """The answer as its file gives it back, after a change of the file."""
    answer.save(tmp_path / "eq.nc")
    if change is not None:
        with xarray.open_dataset(tmp_path / "eq.nc") as opened:
            data = opened.load()
        change(data)
        data.to_netcdf(tmp_path / "eq.nc")
    return rmfg.load(tmp_path / "eq.nc")
