"""The robust game of N agents, exactly, as one of them sees it while the others play a given policy.

Agent 1 knows its own state s and how many of the others are where, n. The empirical law is
m = (e_s + n) / N. The others move independently by their policy and nature's kernel at m; agent 1 by
its own action and by whatever nature picks for it in her set at m, with full knowledge:

    (T V)(s, n) = max over a of  r(s, a, m) + discount * min over q in U(s, a, m) of <q, W(s, n, .)>,
    W(s, n, s') = sum over n' of P(n' | n, m) V(s', n').

The others' policy may know the empirical law too. T contracts by the discount. It is solved by
modified policy iteration: policy and nature's answer are found anew when the value of the last ones
has been swept out. The error of every value is at most residual / (1 - discount).
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jaxtyping import Float, Int, Shaped

from rmfg.core.meter import report
from rmfg.core.precision import Array
from rmfg.model.actions import substituted
from rmfg.model.problem import Problem
from rmfg.operators.robust_mdp import RobustMDP
from rmfg.population.counts import Compositions, num_compositions
from rmfg.population.dynamics import Dynamics, check_finite, leaving

# Multiplications for the transitions beyond which the game is refused: an hour.
LARGEST_GAME = 500_000_000_000
# Situations looked at together: nature's answers for S rows of A actions each.
BLOCKS = (8, 64, 512, 4096)
SWEEPS, ROUNDS, SHARPNESS = 200, 1000, 1e-2
NEGLIGIBLE = 1e-17


class Answers(NamedTuple):
    """What agent 1 can do in each situation: action values, and nature's law for each action."""

    q: Float[np.ndarray, "S L A"]
    laws: Float[np.ndarray, "S L A S"]


class Value(NamedTuple):
    """A value (S, L) with what it may be off by."""

    value: Float[np.ndarray, "S L"]
    error: float


def work(num_agents: int, num_states: int) -> float:
    """Multiplications that the transitions of the game cost, nearly."""
    length = float(num_compositions(num_agents - 1, num_states))
    if num_states == 2:
        return length**3 / 3  # two binomial laws for each row, convolved by compiled code
    return num_states * length * length * num_agents


def others_of(num_agents: int, num_states: int) -> Compositions:
    """Where the others may be; refused where there are too many ways to solve the game exactly."""
    if work(num_agents, num_states) > LARGEST_GAME:
        found = num_states * num_compositions(num_agents - 1, num_states)
        raise ValueError(
            f"`num_agents` = {num_agents} agents in {num_states} states make {found:.3g} situations "
            "(own state, counts of the others), too many to solve exactly. Take fewer agents, or "
            'method="sample".'
        )
    return Compositions(num_agents - 1, num_states)


def laws_of(others: Compositions) -> Float[np.ndarray, "S L S"]:
    """The empirical law in each situation: agent 1 in a state, the others in a composition."""
    own = np.eye(others.num_states)[:, None]
    return (own + others.table) / (others.num_agents + 1)


def facing(dynamics: Dynamics, num_agents: int) -> "FiniteGame":
    """Return the game against others who behave alike at each empirical law."""
    others = others_of(num_agents, dynamics.problem.game.num_states)
    laws = laws_of(others)
    (rows,) = blockwise(lambda block: (_chains(dynamics, block),), laws.reshape(-1, laws.shape[2]))
    rows = rows.reshape(*laws.shape, laws.shape[2])
    return FiniteGame(dynamics.problem, np.asarray(dynamics.policy), others, rows)


class FiniteGame:
    """The game of N agents from the eyes of one; see the module.

    `rows` say where one of the others goes from each state in each situation, and `policy` is what
    games whose mean field is over states and actions read.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Float[np.ndarray, "S A"],
        others: Compositions,
        rows: Float[np.ndarray, "S L S S"],
    ):
        self.problem, self.policy, self.others = problem, policy, others
        self.num_agents = others.num_agents + 1
        self.laws = laws_of(others)
        self.moves = [self._moves(each) for each in rows]

    @property
    def num_situations(self) -> int:
        """Own states times compositions of the others."""
        return self.laws.shape[0] * self.laws.shape[1]

    def optimal(self, tolerance: float) -> Value:
        """Return the robust value of the best policy of agent 1."""
        return self._solve(None, tolerance)

    def played(self, tolerance: float, policy: Float[np.ndarray, "S L A"] | None = None) -> Value:
        """Return the robust value of playing `policy`, or one that looks at the own state only."""
        plan = self.policy[:, None] if policy is None else policy
        return self._solve(np.broadcast_to(plan, (*self.laws.shape[:2], plan.shape[-1])), tolerance)

    def expected(self, values: Float[np.ndarray, "S L"]) -> Float[np.ndarray, "S L S"]:
        """Return W: the expected value of agent 1's next state, over where the others go."""
        return np.stack([moves @ values.T for moves in self.moves])

    def answers(self, expected: Float[np.ndarray, "S L S"]) -> Answers:
        """Return action values and nature's laws for given W."""
        size, length = self.laws.shape[:2]
        states = np.repeat(np.arange(size), length)
        laws, values = self.laws.reshape(-1, size), expected.reshape(-1, size)
        q, rows = blockwise(
            lambda *block: _answers(self.problem, self.policy, *block), states, laws, values
        )
        found = Answers(q.reshape(size, length, -1), rows.reshape(size, length, -1, size))
        check_finite(self.laws, *found)
        return found

    def start(self, distribution: Float[np.ndarray, " S"]) -> Float[np.ndarray, "S L"]:
        """Return the law of the situation when all agents start independently."""
        return distribution[:, None] * self.others.probabilities(distribution)

    def worst_case(self, gains: Float[np.ndarray, "S L"]) -> Float[np.ndarray, " L"]:
        """Return sup E sum of discount^t max over s of gains(s, n_t), over all ways of agent 1."""
        discount = float(self.problem.game.discount)
        most = gains.max(axis=0)
        total, change = most / (1 - discount), np.inf
        for _ in range(ROUNDS):
            reached = np.stack([moves @ total for moves in self.moves]).max(axis=0)
            following = most + discount * reached
            change = np.abs(following - total).max()
            total = following
            if change <= NEGLIGIBLE * np.abs(total).max() + np.finfo(float).tiny:
                break
        # What is left of the iteration is added: the sum is a bound, not an estimate of one.
        return total + discount * change / (1 - discount)

    def _moves(self, rows: Float[np.ndarray, "L S S"]) -> scipy.sparse.csr_array:
        """The others' transitions (L, L) while agent 1 is in a state."""
        table, parts = self.others.table, []
        for begin in range(0, len(table), self.others.block):
            report(begin, {"of": len(table), "agents": self.num_agents})
            some = slice(begin, begin + self.others.block)
            laws = self.others.convolved(rows[some], table[some])
            parts.append(scipy.sparse.csr_array(np.where(laws < NEGLIGIBLE, 0, laws)))
        return scipy.sparse.csr_array(scipy.sparse.vstack(parts))

    def _solve(self, policy: Float[np.ndarray, "S L A"] | None, tolerance: float) -> Value:
        discount = float(self.problem.game.discount)
        value = best = np.zeros(self.laws.shape[:2])
        residual = np.inf
        for number in range(ROUNDS):
            report(number, {"residual": residual, "agents": self.num_agents})
            expected = self.expected(value)
            q, laws = self.answers(expected)
            if policy is None:
                best, chosen = q.max(axis=2), q.argmax(axis=2)[:, :, None, None]
                laws = np.take_along_axis(laws, chosen, axis=2)[:, :, 0]
            else:
                best = np.einsum("sla,sla->sl", q, policy)
                laws = np.einsum("slat,sla->slt", laws, policy)
            residual = float(np.abs(best - value).max())
            if residual <= tolerance * (1 - discount):
                break
            # What agent 1 gets now, beside what comes after it.
            reward = best - discount * np.einsum("slt,slt->sl", laws, expected)
            value = self._swept(reward, laws, best, SHARPNESS * residual)
        return Value(best, discount * residual / (1 - discount))

    def _swept(
        self,
        reward: Float[np.ndarray, "S L"],
        laws: Float[np.ndarray, "S L S"],
        value: Float[np.ndarray, "S L"],
        small: float,
    ) -> Float[np.ndarray, "S L"]:
        """Move to the value of a policy to which nature's answer stays the same."""
        discount = float(self.problem.game.discount)
        for _ in range(SWEEPS):
            following = reward + discount * np.einsum("slt,slt->sl", laws, self.expected(value))
            moved = float(np.abs(following - value).max())
            value = following
            if moved <= small:
                break
        return value


def blockwise(
    function: Callable[..., tuple[Array, ...]], *arrays: Shaped[np.ndarray, "L ..."]
) -> tuple[Float[np.ndarray, "L ..."], ...]:
    """Apply a compiled function to blocks of rows, filled up to one of few lengths.

    Each length is compiled once, which takes a second: more than the rows filled in.
    """
    parts = []
    for begin in range(0, len(arrays[0]), BLOCKS[-1]):
        block = [array[begin : begin + BLOCKS[-1]] for array in arrays]
        count = len(block[0])
        more = next(length for length in BLOCKS if length >= count) - count
        filled = [np.concatenate([array, np.repeat(array[-1:], more, axis=0)]) for array in block]
        parts.append([np.asarray(array)[:count] for array in function(*filled)])
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


@eqx.filter_jit
def _answers(
    problem: Problem,
    policy: Float[Array, "S A"],
    states: Int[Array, " B"],
    laws: Float[Array, "B S"],
    expected: Float[Array, "B S"],
) -> tuple[Float[Array, "B A"], Float[Array, "B A S"]]:
    """Action values of an agent in each state at each law, and nature's law for each action."""
    game = problem.game

    def one(state: Array, law: Array, values: Array) -> tuple[Array, Array]:
        field = game.mean_field_of(law, jnp.asarray(policy))
        mdp = RobustMDP.at(game, problem.ambiguity, field)
        worst = mdp.worst(values)
        kernel = substituted(worst.kernel, game.actions)
        return mdp.q_before(worst.value)[state], leaving(kernel, state)

    return jax.vmap(one)(states, laws, expected)


@eqx.filter_jit
def _chains(dynamics: Dynamics, laws: Float[Array, "B S"]) -> Float[Array, "B S S"]:
    return jax.vmap(dynamics.chain)(jnp.asarray(laws))
