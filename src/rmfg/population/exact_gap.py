"""epsilon_N from the exact game of N agents, and its bounds by verification.

The bounds are those of `sampled_gap`, with its v and h. Suprema over all that agent 1 and its nature
may do take the place of samples:

    S(g)(n) = sup E sum of discount^t g(n_t),    S(g) = g + discount * max over s of E S(g)(n').

The bounds are S(max_s (T v - v)) + S(max_s -h) and S(R), where R is as there with
Z = S(max_s h) + S(max_s -h). Proofs are in docs/finite_theory.md (F24 and F25).
"""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.population.blocks import blockwise
from rmfg.population.dynamics import Dynamics
from rmfg.population.finite_game import FiniteGame, finite_game
from rmfg.population.first_order import Lookahead, TestFunction, lookahead, residuals
from rmfg.population.gap import FiniteGap
from rmfg.population.statistics import ConfidenceInterval


def exact_gap(
    dynamics: Dynamics,
    test: TestFunction,
    distribution: Float[np.ndarray, " S"],
    agents: int,
    tolerance: float,
) -> FiniteGap:
    """Solve the game of N agents exactly, and bound the gain without solving it."""
    game = finite_game(dynamics, agents)
    best, played = game.optimal(tolerance), game.played(tolerance)
    start, gain = game.start(distribution), best.value - played.value
    bound = _bound(dynamics, test, game, start)
    error = best.error + played.error
    # The best policy gains at least nothing; rounding may say less.
    value = max(float((start * gain).sum()), 0.0)
    return FiniteGap(
        num_agents=agents,
        value=value,
        low=max(value - error, 0.0),
        high=value + error,
        upper=ConfidenceInterval(bound, bound, bound),
        proved=True,
        reason="over all ways of agent 1",
        method="exact",
        largest=float(gain.max()),
        num_situations=game.num_situations,
        seconds=0.0,
    )


def _bound(
    dynamics: Dynamics, test: TestFunction, game: FiniteGame, start: Float[np.ndarray, "S L"]
) -> float:
    """The smaller of the two bounds, whatever agent 1 does."""
    policy = np.asarray(dynamics.policy)[:, None]
    found = residuals(*_situations(dynamics, test, game), policy)
    above, below = game.largest_sum(found.policy), game.largest_sum(-found.policy)
    first = game.largest_sum(found.optimal) + below
    ahead = np.stack([moves @ (above + below) for moves in game.transitions])
    discount = float(game.problem.game.discount)
    gains = found.advantage + discount * (1 - policy) * ahead[..., None]
    second = game.largest_sum(gains.max(axis=2))
    return float(min((start * bound).sum() for bound in (first, second)))


def _situations(
    dynamics: Dynamics, test: TestFunction, game: FiniteGame
) -> tuple[Float[np.ndarray, "S L A"], Float[np.ndarray, "S L"]]:
    """Action values and the test function in all situations."""
    size, length = game.distributions.shape[:2]
    states, rows = np.divmod(np.arange(size * length), length)
    agents = np.array(float(game.num_agents))

    def values(states: np.ndarray, counts: np.ndarray) -> tuple[Array, Array]:
        found = _lookahead(dynamics, test, states, counts, agents)
        return found.q, found.value

    q, value = blockwise(values, states, game.others.table[rows].astype(float))
    return q.reshape(size, length, -1), value.reshape(size, length)


@eqx.filter_jit
def _lookahead(
    dynamics: Dynamics, test: TestFunction, states: Array, counts: Array, agents: Array
) -> Lookahead:
    return jax.vmap(lambda s, n: lookahead(dynamics, test, s, n, agents))(states, counts)
