"""The robust game of N agents, exactly, as one of them faces it while the others play a given policy.

A situation is the state s of agent 1 and the composition n of the others: how many of them are in each
state. The empirical law is m = (e_s + n) / N. The others move independently by their policy and by
nature's kernel at m. Agent 1 moves by its own action and the worst law in its set at m; both it and its
nature know the situation:

    (T V)(s, n) = max over a of  r(s, a, m) + discount * min over q in U(s, a, m) of <q, W(s, n, .)>,
    W(s, n, s') = sum over n' of P(n' | n, m) V(s', n').

The others' policy may depend on the empirical law too. T contracts by the discount. It is solved by
modified policy iteration (Puterman & Shin 1978): policy and nature's answer are found, their value is
approached by sweeps, and so on. The error of every value is at most residual / (1 - discount).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from rmfg.core.meter import report
from rmfg.core.precision import Array
from rmfg.model.problem import Problem
from rmfg.population.blocks import blockwise
from rmfg.population.counts import Compositions, num_compositions
from rmfg.population.dynamics import Dynamics, check_finite, mdp_at, worst_from

# A game whose transitions take more multiplications than this, an hour, is refused.
LARGEST_GAME = 500_000_000_000
# Policies and nature's answers found, and sweeps for each of them, at most.
ROUNDS, SWEEPS = 1000, 200
# A policy's value is swept until it moves by less than this share of the residual.
SWEEP_ACCURACY = 1e-2
# Transitions below this are dropped, and sums are summed up to it: rounding is larger.
NEGLIGIBLE = 1e-17


class Answers(NamedTuple):
    """Agent 1's action values in each situation, and nature's law of the next state for each action."""

    q: Float[np.ndarray, "S L A"]
    laws: Float[np.ndarray, "S L A S"]


class Value(NamedTuple):
    """A value of each situation, and a bound of its error in the sup norm."""

    value: Float[np.ndarray, "S L"]
    error: float


def num_multiplications(num_agents: int, num_states: int) -> float:
    """About how many multiplications the transitions of the game take."""
    length = float(num_compositions(num_agents - 1, num_states))
    if num_states == 2:
        return length**3 / 3  # two binomial laws for each row, convolved by compiled code
    return num_states * length * length * num_agents


def others_of(num_agents: int, num_states: int) -> Compositions:
    """The compositions of the others. Raises ValueError where the game is too large to solve."""
    if num_multiplications(num_agents, num_states) > LARGEST_GAME:
        found = num_states * num_compositions(num_agents - 1, num_states)
        raise ValueError(
            f"`num_agents` = {num_agents} agents in {num_states} states make {found:.3g} situations "
            "(own state, counts of the others), too many to solve exactly. Take fewer agents, or "
            'method="sample".'
        )
    return Compositions(num_agents - 1, num_states)


def finite_game(dynamics: Dynamics, num_agents: int) -> "FiniteGame":
    """Return the game of N agents in which the others move by these dynamics."""
    others = others_of(num_agents, dynamics.problem.game.num_states)
    distributions = _distributions(others)
    flat = distributions.reshape(-1, others.num_states)
    (chains,) = blockwise(lambda block: (_chains(dynamics, block),), flat)
    chains = chains.reshape(*distributions.shape, others.num_states)
    return FiniteGame(dynamics.problem, np.asarray(dynamics.policy), others, chains)


class FiniteGame:
    """The game of N agents as agent 1 faces it; see the module.

    `chains` say where one of the others goes from each state in each situation. `policy` is what games
    read whose mean field is over states and actions.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Float[np.ndarray, "S A"],
        others: Compositions,
        chains: Float[np.ndarray, "S L S S"],
    ):
        self.problem, self.policy, self.others = problem, policy, others
        self.num_agents = others.num_agents + 1
        self.distributions = _distributions(others)
        self.transitions = [self._transitions(each) for each in chains]

    @property
    def num_situations(self) -> int:
        """Own states times compositions of the others."""
        return self.distributions.shape[0] * self.distributions.shape[1]

    def optimal(self, tolerance: float) -> Value:
        """Return the robust value of the best policy of agent 1."""
        return self._solve(None, tolerance)

    def played(self, tolerance: float, policy: Float[np.ndarray, "S L A"] | None = None) -> Value:
        """Return the robust value of `policy`, or of the game's own, which knows the own state only."""
        plan = self.policy[:, None] if policy is None else policy
        shape = (*self.distributions.shape[:2], plan.shape[-1])
        return self._solve(np.broadcast_to(plan, shape), tolerance)

    def expected(self, values: Float[np.ndarray, "S L"]) -> Float[np.ndarray, "S L S"]:
        """Return W: what each next state of agent 1 is worth, expected over where the others go."""
        return np.stack([moves @ values.T for moves in self.transitions])

    def answers(self, expected: Float[np.ndarray, "S L S"]) -> Answers:
        """Return action values and nature's laws for given W."""
        size, length = self.distributions.shape[:2]
        states = np.repeat(np.arange(size), length)
        distributions, values = self.distributions.reshape(-1, size), expected.reshape(-1, size)
        q, answered = blockwise(
            lambda *block: _answers(self.problem, self.policy, *block),
            states,
            distributions,
            values,
        )
        found = Answers(q.reshape(size, length, -1), answered.reshape(size, length, -1, size))
        check_finite(self.distributions, *found)
        return found

    def start(self, distribution: Float[np.ndarray, " S"]) -> Float[np.ndarray, "S L"]:
        """Return the law of the situation when all agents start independently from a law."""
        return distribution[:, None] * self.others.probabilities(distribution)

    def largest_sum(self, gains: Float[np.ndarray, "S L"]) -> Float[np.ndarray, " L"]:
        """Return sup E sum of discount^t max over s of gains(s, n_t), whatever agent 1 does."""
        discount = float(self.problem.game.discount)
        most = gains.max(axis=0)
        total, change = most / (1 - discount), np.inf
        for _ in range(ROUNDS):
            reached = np.stack([moves @ total for moves in self.transitions]).max(axis=0)
            following = most + discount * reached
            change = np.abs(following - total).max()
            total = following
            if change <= NEGLIGIBLE * np.abs(total).max() + np.finfo(float).tiny:
                break
        # The rest of the iteration is added, so that the sum is a bound and not an estimate.
        return total + discount * change / (1 - discount)

    def _transitions(self, chains: Float[np.ndarray, "L S S"]) -> scipy.sparse.csr_array:
        """The others' transitions (L, L) while agent 1 is in a state."""
        table, parts = self.others.table, []
        for begin in range(0, len(table), self.others.block):
            report(begin, {"of": len(table), "agents": self.num_agents})
            some = slice(begin, begin + self.others.block)
            rows = self.others.convolved(chains[some], table[some])
            parts.append(scipy.sparse.csr_array(np.where(rows < NEGLIGIBLE, 0, rows)))
        return scipy.sparse.csr_array(scipy.sparse.vstack(parts))

    def _solve(self, policy: Float[np.ndarray, "S L A"] | None, tolerance: float) -> Value:
        """The value of a policy, or of the best one, by modified policy iteration."""
        discount = float(self.problem.game.discount)
        value = best = np.zeros(self.distributions.shape[:2])
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
            # What agent 1 gets now, without what comes after it.
            reward = best - discount * np.einsum("slt,slt->sl", laws, expected)
            value = self._swept(reward, laws, best, SWEEP_ACCURACY * residual)
        return Value(best, discount * residual / (1 - discount))

    def _swept(
        self,
        reward: Float[np.ndarray, "S L"],
        laws: Float[np.ndarray, "S L S"],
        value: Float[np.ndarray, "S L"],
        small: float,
    ) -> Float[np.ndarray, "S L"]:
        """The value of a policy while nature's answer stays the same, nearly, from a guess."""
        discount = float(self.problem.game.discount)
        for _ in range(SWEEPS):
            following = reward + discount * np.einsum("slt,slt->sl", laws, self.expected(value))
            moved = float(np.abs(following - value).max())
            value = following
            if moved <= small:
                break
        return value


def _distributions(others: Compositions) -> Float[np.ndarray, "S L S"]:
    """The empirical law in each situation: agent 1 in a state, the others in a composition."""
    own = np.eye(others.num_states)[:, None]
    return (own + others.table) / (others.num_agents + 1)


@eqx.filter_jit
def _answers(
    problem: Problem,
    policy: Float[Array, "S A"],
    states: Int[Array, " B"],
    distributions: Float[Array, "B S"],
    expected: Float[Array, "B S"],
) -> tuple[Float[Array, "B A"], Float[Array, "B A S"]]:
    """Action values in each state at each empirical law, and nature's law for each action."""

    def one(state: Array, distribution: Array, values: Array) -> tuple[Array, Array]:
        return worst_from(mdp_at(problem, policy, distribution), state, values)

    return jax.vmap(one)(states, distributions, expected)


@eqx.filter_jit
def _chains(dynamics: Dynamics, distributions: Float[Array, "B S"]) -> Float[Array, "B S S"]:
    return jax.vmap(dynamics.chain)(distributions)
