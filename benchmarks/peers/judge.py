"""The judge: the exploitability of a stationary policy, in NumPy alone.

A method reports a policy pi and the law m0 that it believes the population to have. The population
is then left to itself under pi: the judge takes the law m that it reaches from m0,

    a law that stands still:  m = m0;
    kernel without m:         m = m0 lim (1 / n) sum of P_pi^k, by repeated squaring of (I + P_pi) / 2;
    kernel with m:            m <- m P_pi(m) until it stands still.

All start from what the method itself reports, which is best for the method wherever the long run
depends on the start. What is left of |m - m P_pi(m)| is the consistency. At m,

    regret(s) = V*_m(s) - V^pi_m(s),

the first by policy iteration, the second by a linear solve, and the exploitability is its mean under
m (the definition of the peers, blind where nobody goes) and its largest value over states (that of
rmfg's certificate). Nothing here knows which method it judges.
"""

from typing import NamedTuple

import numpy as np
from games import GAMMA, Game

SQUARINGS = 60
PUSHES = 3000
PUSHES_OF_LARGE = 150
LARGE = 50
# A claimed law that moves less than this in a step is accepted: what it would become in the very long
# run hangs on probabilities that are nothing but rounding.
ACCEPTED = 1e-10
STILL = 1e-14
ROUNDING = 1e-13


class Verdict(NamedTuple):
    """What the judge finds; an exploitability below `resolution` is zero but for rounding."""

    mean: float
    largest: float
    consistency: float
    resolution: float


def judge(game: Game, policy: np.ndarray, law: np.ndarray) -> Verdict:
    """Judge a policy with the law from which the population starts."""
    policy = np.maximum(np.asarray(policy, float), 0)
    policy = policy / policy.sum(1, keepdims=True)
    start = np.maximum(np.asarray(law, float), 0)
    law = long_run(game, policy, start / start.sum())
    kernel, reward = game.kernel(law), game.reward(law)
    own = evaluate(kernel, reward, policy)
    best = optimal(kernel, reward, own)
    regret = np.maximum(best - own, 0)
    gap = np.abs(law - law @ chain(kernel, policy)).sum()
    resolution = ROUNDING * np.ptp(reward) / (1 - GAMMA)
    return Verdict(float(law @ regret), float(regret.max()), float(gap), float(resolution))


def chain(kernel: np.ndarray, policy: np.ndarray) -> np.ndarray:
    """The transition matrix of one agent who plays the policy."""
    return np.einsum("sa,sat->st", policy, kernel)


def long_run(game: Game, policy: np.ndarray, law: np.ndarray) -> np.ndarray:
    """The law that the population reaches under the policy."""
    if np.abs(law - law @ chain(game.kernel(law), policy)).sum() <= ACCEPTED:
        return law
    if game.constant_kernel:
        return law @ limit(chain(game.kernel(law), policy))
    pushes = PUSHES if game.num_states < LARGE else PUSHES_OF_LARGE
    past = []
    for _ in range(pushes):
        pushed = law @ chain(game.kernel(law), policy)
        pushed /= pushed.sum()
        moved, law = np.abs(pushed - law).sum(), pushed
        if moved <= STILL:
            return law
        past.append(law)
    # It cycles or jumps: the average is closest to a law that could stand still.
    return np.mean(past[pushes // 2 :], axis=0)


def limit(matrix: np.ndarray) -> np.ndarray:
    """The limit of the averaged powers of a stochastic matrix."""
    power = (np.eye(len(matrix)) + matrix) / 2
    for _ in range(SQUARINGS):
        power = power @ power
        power /= power.sum(1, keepdims=True)
    return power


def evaluate(kernel: np.ndarray, reward: np.ndarray, policy: np.ndarray) -> np.ndarray:
    """The value of a policy."""
    matrix = np.eye(len(policy)) - GAMMA * chain(kernel, policy)
    return np.linalg.solve(matrix, (policy * reward).sum(1))


def optimal(kernel: np.ndarray, reward: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The optimal value, by policy iteration from a value; values only rise, so it ends."""
    states = np.arange(len(value))
    while True:
        q = reward + GAMMA * kernel @ value
        greedy = np.zeros_like(reward)
        greedy[states, q.argmax(1)] = 1
        improved = np.maximum(evaluate(kernel, reward, greedy), value)
        if not (improved - value).max() > 1e-13 * (1 + np.abs(value).max()):
            return improved
        value = improved
