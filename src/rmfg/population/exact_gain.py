"""The gain of the best deviation in the exact game of N agents, and the bounds on it by verification.

With v and h as in `sampled_gain`, suprema over all ways of agent 1 take the place of samples:

    S(g)(n) = sup E sum of discount^t g(n_t),    S(g) = g + discount * max over s of E S(g)(n').

The bounds are S(max_s (T v - v)) + S(max_s -h) and S(R), R as there with Z = S(max_s h) + S(max_s -h).
"""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.population.dynamics import Dynamics
from rmfg.population.exact import FiniteGame, blockwise, facing
from rmfg.population.first_order import Prospects, TestFunction, prospects
from rmfg.population.gain import Estimate, FiniteGap


def exact_gain(
    dynamics: Dynamics, test: TestFunction, law: np.ndarray, agents: int, tolerance: float
) -> FiniteGap:
    """Solve the game of N agents exactly, and bound the gain without solving it."""
    game = facing(dynamics, agents)
    best, played = game.optimal(tolerance), game.played(tolerance)
    start, gain = game.start(law), best.value - played.value
    bound = _exact_bound(dynamics, test, game, start)
    error = best.error + played.error
    # The best policy gains nothing less than zero; rounding may say so.
    value = max(float((start * gain).sum()), 0.0)
    return FiniteGap(
        num_agents=agents,
        value=value,
        low=max(value - error, 0.0),
        high=value + error,
        upper=Estimate(bound, bound, bound),
        proved=True,
        reason="over all ways of agent 1",
        method="exact",
        largest=float(gain.max()),
        num_situations=game.num_situations,
        seconds=0.0,
    )


def _exact_bound(
    dynamics: Dynamics, test: TestFunction, game: FiniteGame, start: Float[np.ndarray, "S L"]
) -> float:
    """The smaller of the two bounds, under all ways of agent 1."""
    policy = np.asarray(dynamics.policy)[:, None]
    q, now = _everywhere(dynamics, test, game)
    best, mean = q.max(axis=2), (policy * q).sum(axis=2)
    missed = mean - now
    above, below = game.worst_case(missed), game.worst_case(-missed)
    first = game.worst_case(best - now) + below
    ahead = np.stack([moves @ (above + below) for moves in game.moves])
    discount = float(game.problem.game.discount)
    gains = q - mean[..., None] + discount * (1 - policy) * ahead[..., None]
    second = game.worst_case(gains.max(axis=2))
    return float(min((start * bound).sum() for bound in (first, second)))


def _everywhere(
    dynamics: Dynamics, test: TestFunction, game: FiniteGame
) -> tuple[Float[np.ndarray, "S L A"], Float[np.ndarray, "S L"]]:
    """Action values and the test function in all situations."""
    size, length = game.laws.shape[:2]
    states, rows = np.divmod(np.arange(size * length), length)
    agents = np.array(float(game.num_agents))

    def seen(states: np.ndarray, counts: np.ndarray) -> tuple[Array, Array]:
        found = _prospects(dynamics, test, states, counts, agents)
        return found.q, found.now

    q, now = blockwise(seen, states, game.others.table[rows].astype(float))
    return q.reshape(size, length, -1), now.reshape(size, length)


@eqx.filter_jit
def _prospects(
    dynamics: Dynamics, test: TestFunction, states: Array, counts: Array, agents: Array
) -> Prospects:
    return jax.vmap(lambda s, n: prospects(dynamics, test, s, n, agents))(states, counts)
