"""epsilon_N between sampled bounds.

Let v be any test function of agent 1's own state s and the others' counts n (see `first_order`), and
h = T^pi v - v its residual in the policy's Bellman equation. Two numbers bound the gain from above,

    sum over t of discount^t E[ max_s (T v - v)(s, n_t) - min_s h(s, n_t) ],
    sum over t of discount^t E[ max_s max_a  q_v(a) - q_v(pi) + discount (1 - pi(a)) Z_(t+1) ],
    Z_t = sum over k of discount^k E[ max_s h(s, n_(t+k)) - min_s h(s, n_(t+k)) | n_t ],

where each expectation is the largest that agent 1 can bring about. The second one counts only what
deviations gain: it is zero where every action that is not played is worse by more than v can be wrong.

Where the others' chain does not depend on the empirical law, agent 1 has no influence on n_t, and both
bounds are plain expectations that can be sampled; Z is sampled by what follows on the same path, which
makes the bound no smaller (Jensen's inequality). From below, the gain is bounded by that of a deviation
that plans with v and is really played. Proofs are in docs/finite_theory.md (F24 and F25).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.dependence import Dependence, dependence
from rmfg.core.meter import report
from rmfg.core.precision import Array
from rmfg.population.counts import normalized
from rmfg.population.dynamics import Dynamics, check_finite
from rmfg.population.first_order import Lookahead, TestFunction, lookahead, residuals
from rmfg.population.gap import FiniteGap
from rmfg.population.statistics import confidence_interval

# How many probabilities of kernels to hold in memory at once.
NUMBERS = 4_000_000


def sampled_gap(
    dynamics: Dynamics,
    test: TestFunction,
    distribution: Float[np.ndarray, " S"],
    agents: int,
    runs: int,
    steps: int,
    seed: int,
) -> FiniteGap:
    """Walk among the others twice, deviating by the best plan for v and staying, and add up."""
    deviating = _Walk(dynamics, test, distribution, agents, runs, seed).sums(steps, deviates=True)
    staying = _Walk(dynamics, test, distribution, agents, runs, seed).sums(steps, deviates=False)
    gain = confidence_interval(deviating.gained - staying.gained)
    low = max(gain.low, 0.0)
    # Each bound holds on both walks. Without influence the others do the same on both; with influence
    # the larger number is the safer one.
    pairs = zip(
        *(map(confidence_interval, walk.bounds) for walk in (deviating, staying)), strict=True
    )
    bounds = [max(pair, key=lambda found: found.high) for pair in pairs]
    upper = min(bounds, key=lambda found: found.high)
    high = max(upper.high, low)
    levels = dependence(dynamics.chain, jnp.asarray(distribution))
    alone = all(level == Dependence.NONE for level in levels)
    reason = "agent 1 has no influence on the others"
    if not alone:
        reason = "agent 1's influence on the others is that of the ways it was seen to take"
    return FiniteGap(
        num_agents=agents,
        value=float(np.clip(gain.value, low, high)),
        low=low,
        high=high,
        upper=upper,
        proved=alone,
        reason=reason,
        method="sample",
        largest=None,
        num_situations=None,
        seconds=0.0,
    )


class _Sums(NamedTuple):
    """Discounted sums over each run: agent 1's residuals of Bellman's equation, and the two bounds."""

    gained: Float[np.ndarray, " R"]
    bounds: tuple[Float[np.ndarray, " R"], Float[np.ndarray, " R"]]


class _Walk:
    """Runs of agent 1 among the others, of whom only the counts are kept."""

    def __init__(
        self,
        dynamics: Dynamics,
        test: TestFunction,
        distribution: Float[np.ndarray, " S"],
        agents: int,
        runs: int,
        seed: int,
    ):
        size = len(distribution)
        self.dynamics, self.test, self.agents = dynamics, test, np.array(float(agents))
        self.batch = max(1, NUMBERS // (dynamics.policy.size * size))
        # Two walks from one seed shall differ by what agent 1 does and not by luck. Its stream is kept
        # apart from the others', so that what it draws does not change what they draw.
        self.random, self.random_others = np.random.default_rng(seed).spawn(2)
        self.states = self.random.choice(size, size=runs, p=distribution)
        self.counts = self.random_others.multinomial(agents - 1, distribution, size=runs)

    def sums(self, steps: int, deviates: bool) -> _Sums:
        """Walk by the best action for v, or by the policy, and add up what is met on the way."""
        policy = np.asarray(self.dynamics.policy)
        discount = float(self.dynamics.problem.game.discount)
        each = np.arange(len(self.states))
        # In each step: the terms of the first bound, the gains of the second one, and max h - min h.
        gained, first, gains, spreads = np.zeros(len(each)), [], [], []
        for step in range(steps):
            report(step, {"of": steps, "agents": float(self.agents)})
            ahead, chains = self._seen()
            q = np.asarray(ahead.q)
            found = residuals(q, np.asarray(ahead.value), policy)
            met = found.optimal if deviates else found.policy
            gained += discount**step * met[each, self.states]
            first.append(found.optimal.max(axis=1) - found.policy.min(axis=1))
            spreads.append(np.ptp(found.policy, axis=1))
            gains.append(found.advantage)
            self._move(np.asarray(ahead.laws), q if deviates else None, chains)
        # What comes after the last step is taken to be as large as what came there.
        wrong, second = spreads[-1] / (1 - discount), first[-1] / (1 - discount)
        total = second
        for step in reversed(range(steps)):
            gain = (gains[step] + discount * (1 - policy) * wrong[:, None, None]).max(axis=(1, 2))
            second = gain + discount * second
            total = first[step] + discount * total
            wrong = spreads[step] + discount * wrong
        return _Sums(gained, (total, second))

    def _seen(self) -> tuple[Lookahead, np.ndarray]:
        """What agent 1 can reach from every own state (R, S), and the others' chains (R, S, S)."""
        counts = self.counts.astype(float)
        ahead, chains = _seen(
            self.dynamics, self.test, self.states, counts, self.agents, self.batch
        )
        chains = np.asarray(chains)
        check_finite(counts / self.agents, np.asarray(ahead.q), chains)
        return ahead, chains

    def _move(self, laws: np.ndarray, q: np.ndarray | None, chains: np.ndarray) -> None:
        """Everybody's next step: agent 1 by the best action, or without `q` by the policy."""
        each = np.arange(len(self.states))
        action = _drawn(self.random, np.asarray(self.dynamics.policy)[self.states])
        if q is not None:
            action = q[each, self.states].argmax(axis=1)
        self.counts = self.random_others.multinomial(self.counts, normalized(chains)).sum(axis=1)
        self.states = _drawn(self.random, laws[each, self.states, action])


def _drawn(random: np.random.Generator, laws: Float[np.ndarray, "R K"]) -> np.ndarray:
    """One draw from each row."""
    cumulative = np.cumsum(normalized(laws), axis=1)
    return (random.random(len(laws))[:, None] >= cumulative[:, :-1]).sum(axis=1)


@eqx.filter_jit
def _seen(
    dynamics: Dynamics,
    test: TestFunction,
    states: Array,
    counts: Array,
    agents: Array,
    batch: int,
) -> tuple[Lookahead, Float[Array, "R S S"]]:
    """What agent 1 can reach from every own state (R, S), and the others' chains given the real one."""
    runs, size = counts.shape
    every = (jnp.tile(jnp.arange(size), runs), jnp.repeat(counts, size, axis=0))

    def ahead(pair: tuple[Array, Array]) -> Lookahead:
        return lookahead(dynamics, test, *pair, agents)

    def chain(pair: tuple[Array, Array]) -> Array:
        state, others = pair
        return dynamics.chain((jax.nn.one_hot(state, size, dtype=others.dtype) + others) / agents)

    found = jax.lax.map(ahead, every, batch_size=min(batch, runs * size))
    chains = jax.lax.map(chain, (states, counts), batch_size=min(batch, runs))
    return jax.tree.map(lambda array: array.reshape(runs, size, *array.shape[1:]), found), chains
