"""What one of N agents can gain by leaving the mean-field policy: exactly, or between sampled bounds.

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

import dataclasses
import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import checks
from rmfg.core.dependence import Dependence, dependence
from rmfg.core.precision import Array, Number
from rmfg.model.ambiguity import Ambiguity
from rmfg.model.game import MeanFieldGame, check_game
from rmfg.model.kernel import Kernel
from rmfg.operators.response import evaluate, value_scale
from rmfg.operators.robust_mdp import RobustMDP
from rmfg.population.exact import FiniteGame, work
from rmfg.population.first_order import (
    Prospects,
    TestFunction,
    first_order,
    prospects,
)
from rmfg.population.nature import Conduct, checked_policy, conduct, problem_of
from rmfg.population.simulator import initial_law, interval, normalized, whole

METHODS = ("auto", "exact", "sample")
# Multiplications for the transitions up to which "auto" is exact: some seconds.
SMALL_GAME = 200_000_000
# What discounting leaves of the first step's weight where sampling stops.
CUT_OFF = 1e-6
TOGETHER = 4096


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number with the ends of its 95% interval; all three are equal where it is exact."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.value:.6g}"
        return f"{self.value:.6g} [{self.low:.3g}, {self.high:.3g}]"


@dataclasses.dataclass(frozen=True)
class FiniteGap:
    """The gain of the best deviation of one among N agents, all starting independently.

    `value` is epsilon_N, or where it is sampled the gain of a deviation that plans ahead, a bound from
    below; epsilon_N lies between `low` and `high`. `upper` is the bound by verification, `proved` where
    it rests on nothing but theorems (and, where it is sampled, on its 95% interval, and on taking the
    millionth that discounting leaves to be like what was seen), and `reason` says why or why not.
    `largest` is the gain from the worst situation to start in.
    """

    num_agents: int
    value: float
    low: float
    high: float
    upper: Estimate
    proved: bool
    reason: str
    method: str
    largest: float | None
    num_situations: int | None
    seconds: float

    def __str__(self) -> str:
        return (
            f"N = {self.num_agents}: epsilon {self.value:.4g} in [{self.low:.4g}, {self.high:.4g}] "
            f"({self.method}), bound {self.upper}"
        )


def finite_gap(
    game: MeanFieldGame,
    ambiguity: Ambiguity | None,
    policy: Float[Array, "S A"] | Equilibrium,
    num_agents: Number,
    *,
    method: str = "auto",
    initial: Array | Sequence[float] | None = None,
    nature: str | Kernel | Array = "worst_case",
    tol: Number = 1e-10,
    num_runs: Number = 100,
    num_steps: Number | None = None,
    seed: int = 0,
) -> FiniteGap:
    """Return epsilon_N: the most that one of N agents gains by leaving the policy, robustly.

    The other agents play `policy` and move by `nature`'s kernel at the empirical law, as in
    `rmfg.simulate`; agent 1 faces the worst case of its own set at that law, with full knowledge.
    All start independently from `initial`, an equilibrium's law by default.

    `method` "exact" solves the game on (own state, counts of the others), to `tol` times the range
    of values; "sample" simulates `num_runs` times `num_steps` steps (until discounting leaves a
    millionth) and gives bounds from both sides with 95% intervals; "auto" is exact where that takes
    some seconds. Raises ValueError for wrong input, and where "exact" is out of reach.
    """
    begin = time.perf_counter()
    problem = problem_of(policy, game, ambiguity)
    check_game(game)
    plan = checked_policy(policy, problem)
    agents, runs = whole("num_agents", num_agents), whole("num_runs", num_runs)
    checks.known("method", method, METHODS)
    checks.tolerance(tol, 1e-13)
    law = initial_law(game, policy, initial)
    if method == "auto":
        method = "exact" if work(agents, game.num_states) <= SMALL_GAME else "sample"
    if method == "sample" and runs < 2:
        raise ValueError(f"`num_runs` must be at least 2 for an interval, but is {runs}.")
    with jax.enable_x64(True):
        moving = conduct(problem, policy, nature, law)
        field = np.asarray(game.mean_field_of(law, plan))
        scale = value_scale(RobustMDP.at(game, problem.ambiguity, jnp.asarray(field))) or 1.0
        value = np.asarray(evaluate(game, problem.ambiguity, plan, field))
        test = first_order(moving, value, law)
        if method == "exact":
            found = _exact(moving, test, law, agents, float(tol) * scale)
        else:
            steps = whole("num_steps", num_steps) if num_steps else _enough(float(game.discount))
            found = _sampled(moving, test, law, agents, runs, steps, int(seed))
    return dataclasses.replace(found, seconds=time.perf_counter() - begin)


def _enough(discount: float) -> int:
    return max(1, math.ceil(math.log(CUT_OFF) / math.log(discount)))


def _exact(
    conduct: Conduct, test: TestFunction, law: np.ndarray, agents: int, tolerance: float
) -> FiniteGap:
    game = FiniteGame(conduct, agents)
    best, played = game.optimal(tolerance), game.played(tolerance)
    start, gain = game.start(law), best.value - played.value
    bound = _exact_bound(conduct, test, game, start)
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
    conduct: Conduct, test: TestFunction, game: FiniteGame, start: Float[np.ndarray, "S L"]
) -> float:
    """The smaller of the two bounds, under all ways of agent 1."""
    policy = np.asarray(conduct.policy)[:, None]
    q, now = _everywhere(conduct, test, game)
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
    conduct: Conduct, test: TestFunction, game: FiniteGame
) -> tuple[Float[np.ndarray, "S L A"], Float[np.ndarray, "S L"]]:
    """Action values and the test function in all situations."""
    size, length = game.laws.shape[:2]
    states, rows = np.divmod(np.arange(size * length), length)
    parts = []
    for begin in range(0, len(states), TOGETHER):
        some = slice(begin, begin + TOGETHER)
        table = game.others.table[rows[some]].astype(float)
        found = _prospects(conduct, test, states[some], table, np.array(float(game.num_agents)))
        parts.append((np.asarray(found.q), np.asarray(found.now)))
    q, now = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return q.reshape(size, length, -1), now.reshape(size, length)


def _sampled(
    conduct: Conduct,
    test: TestFunction,
    law: np.ndarray,
    agents: int,
    runs: int,
    steps: int,
    seed: int,
) -> FiniteGap:
    leaving = _Walk(conduct, test, law, agents, runs, seed).sums(steps, deviates=True)
    staying = _Walk(conduct, test, law, agents, runs, seed + 1).sums(steps, deviates=False)
    gain, gain_low, _ = interval(leaving.ahead - staying.ahead)
    # Without influence both walks see the others do the same: the larger of the two is no more true.
    bounds = zip(*(map(interval, walk.bounds) for walk in (leaving, staying)), strict=True)
    uppers = [max(pair, key=lambda found: found[2]) for pair in bounds]
    mean, low, high = min(uppers, key=lambda found: found[2])
    still = dependence(conduct.chain, jnp.asarray(law))
    alone = all(level == Dependence.NONE for level in still)
    reason = "agent 1 has no influence on the others"
    if not alone:
        reason = "agent 1's influence on the others is that of the ways it was seen to take"
    return FiniteGap(
        num_agents=agents,
        value=gain,
        low=max(gain_low, 0.0),
        high=high,
        upper=Estimate(mean, low, high),
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
        conduct: Conduct,
        test: TestFunction,
        law: np.ndarray,
        agents: int,
        runs: int,
        seed: int,
    ):
        self.conduct, self.test, self.agents = conduct, test, np.array(float(agents))
        self.random = np.random.default_rng(seed)
        self.states = self.random.choice(len(law), size=runs, p=law)
        self.counts = self.random.multinomial(agents - 1, law, size=runs)

    def sums(self, steps: int, deviates: bool) -> _Sums:
        """Walk by the best action for v, or by the policy, and add up what is met."""
        policy = np.asarray(self.conduct.policy)
        discount = float(self.conduct.problem.game.discount)
        each = np.arange(len(self.states))
        ahead, first, gains, uneven = np.zeros(len(each)), [], [], []
        for step in range(steps):
            found, rows = _seen(
                self.conduct, self.test, self.states, self.counts.astype(float), self.agents
            )
            q, now = np.asarray(found.q), np.asarray(found.now)
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
        if q is None:
            action = _drawn(self.random, np.asarray(self.conduct.policy)[self.states])
        else:
            action = q[each, self.states].argmax(axis=1)
        self.counts = self.random.multinomial(self.counts, normalized(rows)).sum(axis=1)
        self.states = _drawn(self.random, laws[each, action])


def _drawn(random: np.random.Generator, laws: Float[np.ndarray, "R K"]) -> np.ndarray:
    """One draw from each row."""
    below = np.cumsum(normalized(laws), axis=1)
    return (random.random(len(laws))[:, None] >= below[:, :-1]).sum(axis=1)


@eqx.filter_jit
def _prospects(
    conduct: Conduct, test: TestFunction, states: Array, counts: Array, agents: Array
) -> Prospects:
    return jax.vmap(lambda s, n: prospects(conduct, test, s, n, agents))(states, counts)


@eqx.filter_jit
def _seen(
    conduct: Conduct, test: TestFunction, states: Array, counts: Array, agents: Array
) -> tuple[Prospects, Float[Array, "R S S"]]:
    """Prospects for every own state (R, S), and the rows of the others given the real one."""
    size = counts.shape[1]
    every = jnp.arange(size)

    def one(state: Array, others: Array) -> tuple[Prospects, Array]:
        found = jax.vmap(lambda s: prospects(conduct, test, s, others, agents))(every)
        law = (jax.nn.one_hot(state, size, dtype=others.dtype) + others) / agents
        return found, conduct.chain(law)

    return jax.vmap(one)(states, counts)
