"""Input that is fine though it is not what is in the examples: a call, and the number expected."""

import numpy as np

import rmfg
from wrong_input.samples import UNIFORM, VALUES, game, kernel, reward

DENSE, LAW = rmfg.DenseKernel(kernel()), np.array([1, 0, 0])
INTEGERS, PURE = np.array([1, 2, 4]), np.eye(2, dtype=int)[[0, 1, 0]]
CHAIN = np.einsum("sat,sa->st", kernel(), PURE)
WORTH = np.linalg.solve(np.eye(3) - 0.9 * CHAIN, (PURE * reward()).sum(1))

CASES = {
    "integer radius": (
        lambda: rmfg.TotalVariation(1).worst_value(DENSE, VALUES),
        np.ones((3, 2)),
    ),
    "integer order": (
        lambda: rmfg.Lp(0, 3).worst_value(DENSE, VALUES),
        kernel() @ VALUES,
    ),
    "integer values": (
        lambda: rmfg.Nominal().worst_value(DENSE, INTEGERS),
        kernel() @ VALUES,
    ),
    "integer policy": (
        lambda: rmfg.evaluate(game(), rmfg.Nominal(), PURE, UNIFORM),
        WORTH,
    ),
    "integer mean field": (
        lambda: rmfg.robust_q(game(), rmfg.Nominal(), LAW, VALUES),
        reward() + 0.9 * kernel() @ VALUES,
    ),
    "integer rewards and discount": (
        lambda: (
            rmfg.best_response(
                rmfg.TabularGame(kernel(), np.arange(6).reshape(3, 2), 0),
                rmfg.Nominal(),
                UNIFORM,
            ).value
        ),
        [1, 3, 5],
    ),
    "lists": (
        lambda: rmfg.TabularGame(kernel().tolist(), reward().tolist(), 0.9).reward(UNIFORM),
        reward(),
    ),
    "initial as a list": (
        lambda: np.sum(rmfg.solve(game(), initial=[1, 0, 0], max_steps=1).distribution),
        1,
    ),
    "policy as a list": (
        lambda: rmfg.stationary_distribution(np.roll(np.eye(3), 1, 1)[:, None], [[1]] * 3),
        UNIFORM,
    ),
    "certify integers": (
        lambda: rmfg.certify(game(), rmfg.Nominal(), PURE, LAW).consistency,
        np.abs(LAW - LAW @ CHAIN).sum(),
    ),
    "a law in float32": (
        lambda: rmfg.robust_q(
            game(), rmfg.Nominal(), UNIFORM.astype(np.float32), VALUES.astype(np.float32)
        ),
        reward() + 0.9 * kernel() @ VALUES,
    ),
}
