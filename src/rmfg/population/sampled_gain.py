"""The gain of the best deviation among N agents between sampled bounds.

Let v be any test function of agent 1's own state s and the others' counts n (see `first_order`), and
h = T^pi v - v how far it is from the policy's value. Bounds on the gain are, for every start,

    sum over t of discount^t E[ max_s (T v - v)(s, n_t) - min_s h(s, n_t) ],
    sum over t of discount^t E[ max_s max_a  q_v(a) - q_v(pi) + discount (1 - pi(a)) Z_(t+1) ],
    Z_t = sum over k of discount^k E[ max_s h(s, n_(t+k)) - min_s h(s, n_(t+k)) | n_t ],

each expectation under the way of agent 1 that makes it largest: the verification argument with
what is met on the way, instead of with global constants. The second counts only what deviations gain:
it is zero where every action that is not played is worse by more than v can be wrong. Where the
others' law does not depend on the empirical law, agent 1 has no influence on n_t, and both are plain
expectations: they can be sampled, Z by what follows on the same path (Jensen's inequality). A deviation
that plans with v gives a bound from below. Proofs are in the documentation.
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
from rmfg.population.first_order import Prospects, TestFunction, prospects
from rmfg.population.gain import Estimate, FiniteGap
from rmfg.population.simulator import interval

# Numbers in the kernels that are held at once.
NUMBERS = 4_000_000


def sampled_gain(
    dynamics: Dynamics,
    test: TestFunction,
    law: np.ndarray,
    agents: int,
    runs: int,
    steps: int,
    seed: int,
) -> FiniteGap:
    """Walk with agent 1 as the best plan for v deviates, and as the policy stays, and add up."""
    leaving = _Walk(dynamics, test, law, agents, runs, seed).sums(steps, deviates=True)
    staying = _Walk(dynamics, test, law, agents, runs, seed).sums(steps, deviates=False)
    gain, gain_low, _ = interval(leaving.ahead - staying.ahead)
    low = max(gain_low, 0.0)
    # Without influence both walks see the others do the same: the larger of the two is no more true.
    bounds = zip(*(map(interval, walk.bounds) for walk in (leaving, staying)), strict=True)
    uppers = [max(pair, key=lambda found: found[2]) for pair in bounds]
    upper = Estimate(*min(uppers, key=lambda found: found[2]))
    high = max(upper.high, low)
    still = dependence(dynamics.chain, jnp.asarray(law))
    alone = all(level == Dependence.NONE for level in still)
    reason = "agent 1 has no influence on the others"
    if not alone:
        reason = "agent 1's influence on the others is that of the ways it was seen to take"
    return FiniteGap(
        num_agents=agents,
        value=float(np.clip(gain, low, high)),
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
    """Discounted sums, one for each run: of T v - v or T^pi v - v on the way, and of both bounds."""

    ahead: Float[np.ndarray, " R"]
    bounds: tuple[Float[np.ndarray, " R"], Float[np.ndarray, " R"]]


class _Walk:
    """Many runs of agent 1 among the others, counted."""

    def __init__(
        self,
        dynamics: Dynamics,
        test: TestFunction,
        law: np.ndarray,
        agents: int,
        runs: int,
        seed: int,
    ):
        self.dynamics, self.test, self.agents = dynamics, test, np.array(float(agents))
        self.together = max(1, NUMBERS // (dynamics.policy.size * len(law)))
        # Two walks from one seed differ by what agent 1 does and not by luck: their streams are kept
        # apart, so that what it draws does not change what the others draw.
        self.random, self.random_others = np.random.default_rng(seed).spawn(2)
        self.states = self.random.choice(len(law), size=runs, p=law)
        self.counts = self.random_others.multinomial(agents - 1, law, size=runs)

    def sums(self, steps: int, deviates: bool) -> _Sums:
        """Walk by the best action for v, or by the policy, and add up what is met."""
        policy = np.asarray(self.dynamics.policy)
        discount = float(self.dynamics.problem.game.discount)
        each = np.arange(len(self.states))
        ahead, first, gains, uneven = np.zeros(len(each)), [], [], []
        for step in range(steps):
            report(step, {"of": steps, "agents": float(self.agents)})
            counts = self.counts.astype(float)
            found, rows = _seen(
                self.dynamics, self.test, self.states, counts, self.agents, self.together
            )
            q, now = np.asarray(found.q), np.asarray(found.now)
            check_finite(counts / self.agents, q, np.asarray(rows))
            best, mean = q.max(axis=2), (policy * q).sum(axis=2)
            met = (best if deviates else mean) - now
            ahead += discount**step * met[each, self.states]
            first.append((best - now).max(axis=1) - (mean - now).min(axis=1))
            uneven.append(np.ptp(mean - now, axis=1))
            gains.append(q - mean[..., None])
            laws = np.asarray(found.laws)[each, self.states]
            self._move(laws, q if deviates else None, np.asarray(rows))
        # What comes after the last step is taken to be as large as what came there.
        wrong, second = uneven[-1] / (1 - discount), first[-1] / (1 - discount)
        total = second
        for step in reversed(range(steps)):
            gained = (gains[step] + discount * (1 - policy) * wrong[:, None, None]).max(axis=(1, 2))
            second = gained + discount * second
            total = first[step] + discount * total
            wrong = uneven[step] + discount * wrong
        return _Sums(ahead, (total, second))

    def _move(self, laws: np.ndarray, q: np.ndarray | None, rows: np.ndarray) -> None:
        """Everybody's next step: agent 1 by the best action, or without `q` by the policy."""
        each = np.arange(len(self.states))
        action = _drawn(self.random, np.asarray(self.dynamics.policy)[self.states])
        if q is not None:
            action = q[each, self.states].argmax(axis=1)
        self.counts = self.random_others.multinomial(self.counts, normalized(rows)).sum(axis=1)
        self.states = _drawn(self.random, laws[each, action])


def _drawn(random: np.random.Generator, laws: Float[np.ndarray, "R K"]) -> np.ndarray:
    """One draw from each row."""
    below = np.cumsum(normalized(laws), axis=1)
    return (random.random(len(laws))[:, None] >= below[:, :-1]).sum(axis=1)


@eqx.filter_jit
def _seen(
    dynamics: Dynamics,
    test: TestFunction,
    states: Array,
    counts: Array,
    agents: Array,
    together: int,
) -> tuple[Prospects, Float[Array, "R S S"]]:
    """Prospects for every own state (R, S), and the rows of the others given the real one."""
    runs, size = counts.shape
    every = (jnp.tile(jnp.arange(size), runs), jnp.repeat(counts, size, axis=0))

    def met(pair: tuple[Array, Array]) -> Prospects:
        return prospects(dynamics, test, *pair, agents)

    def rows(pair: tuple[Array, Array]) -> Array:
        state, others = pair
        return dynamics.chain((jax.nn.one_hot(state, size, dtype=others.dtype) + others) / agents)

    found = jax.lax.map(met, every, batch_size=min(together, runs * size))
    chains = jax.lax.map(rows, (states, counts), batch_size=min(together, runs))
    return jax.tree.map(lambda array: array.reshape(runs, size, *array.shape[1:]), found), chains
