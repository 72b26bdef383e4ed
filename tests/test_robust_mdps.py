"""Robust Markov decision processes of craam2 with reference values for 14 sets: 42 numbers each,
found elsewhere by another program and re-checked with a conic solver.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import rmfg

DOMAINS = json.loads((Path(__file__).parent / "data" / "robust_mdps.json").read_text())["domains"]


def line(size: int) -> np.ndarray:
    return np.abs(np.subtract.outer(np.arange(float(size)), np.arange(float(size))))


SETS = {
    "nominal": lambda size: rmfg.Nominal(),
    "contamination 0.1": lambda size: rmfg.Contamination(0.1),
    "total variation 0.1, all states": lambda size: rmfg.TotalVariation(0.1),
    "total variation 0.1, nominal support": lambda size: rmfg.TotalVariation(
        0.1, support="nominal"
    ),
    "L2 0.1, all states": lambda size: rmfg.Lp(0.1),
    "L2 0.1, nominal support": lambda size: rmfg.Lp(0.1, support="nominal"),
    "Linf 0.05, all states": lambda size: rmfg.Lp(0.05, np.inf),
    "density ratio q <= p/0.8": lambda size: rmfg.CVaR(0.2),
    "KL(q,p) <= 0.1": lambda size: rmfg.KullbackLeibler(0.1),
    "sum (q-p)^2/p <= 0.2": lambda size: rmfg.ChiSquare(0.2),
    "KL(p,q) <= 0.1, all states": lambda size: rmfg.ReverseKullbackLeibler(0.1),
    "KL(p,q) <= 0.1, nominal support": lambda size: rmfg.ReverseKullbackLeibler(
        0.1, support="nominal"
    ),
    "Hellinger: 4 (1 - sum sqrt(pq)) <= 0.1, all states": lambda size: rmfg.Hellinger(0.025),
    "Wasserstein-1 0.1, metric |i-j|": lambda size: rmfg.Wasserstein(0.1, line(size)),
}


def test_every_reference_set_is_here():
    for domain in DOMAINS.values():
        assert set(domain["sets"]) == set(SETS)
    assert sum(len(domain["sets"]) for domain in DOMAINS.values()) == 42


@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("name", SETS)
def test_reference_values(name, form, ledger):
    for domain in DOMAINS.values():
        reward, expected = np.array(domain["reward"]), domain["sets"][name]
        kernel = rmfg.DenseKernel(np.array(domain["kernel"]))
        kernel = kernel.to_sparse() if form == "sparse" else kernel
        game = rmfg.TabularGame(kernel, reward, domain["discount"])
        field = np.full(len(reward), 1 / len(reward))
        best = rmfg.best_response(game, SETS[name](len(reward)), field, tol=1e-12)
        value = np.array(expected["value"])
        off = np.abs(best.value - value).max() / np.abs(value).max()
        ledger.at_most("robust values of craam2's processes, relative", off, 1e-10)
        scale = np.ptp(reward) / (1 - domain["discount"])
        ledger.at_most("the error that best_response claims", best.error, 1e-12 * scale)
        # Ties are decided either way; the reference's action must be as good as the best.
        states, actions = np.arange(len(reward)), np.asarray(expected["policy"], dtype=int)
        regret = best.value - best.q[states, actions]
        ledger.at_most("regret of the reference policy", regret, 1e-7 * np.ptp(value))
