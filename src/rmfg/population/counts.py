"""How many of n agents are in each state: all compositions of n over S states, and how they move.

Agents move independently of each other, each by the row of its state. The law of the composition after
a step is therefore the convolution of these rows, taken one agent at a time: it goes from compositions
of k agents to those of k + 1. In two states the agents of one state move by one binomial law, which is
much faster.
"""

import functools
import math

import numpy as np
import scipy.special
from jaxtyping import Float, Int

# A composition of n agents is found by the number that its counts make in base n + 1 or n + 2: this
# number must fit into an integer.
LARGEST_KEY = 2**62
# How many probabilities of next compositions to hold in memory at once.
BLOCK = 20_000_000


def num_compositions(num_agents: int, num_states: int) -> int:
    """In how many ways so many agents can divide over the states."""
    return math.comb(num_agents + num_states - 1, num_states - 1)


class Compositions:
    """All (L, S) compositions of `num_agents` agents over the states, in a fixed order."""

    def __init__(self, num_agents: int, num_states: int):
        self.num_agents, self.num_states = num_agents, num_states
        if (num_agents + 2) ** num_states > LARGEST_KEY:
            raise ValueError(
                f"`num_agents` = {num_agents} others over {num_states} states have "
                f"{num_compositions(num_agents, num_states):.3g} compositions, too many to list."
            )
        digits = (num_agents + 1) ** np.arange(num_states, dtype=np.int64)
        keys, self.added = np.zeros(1, np.int64), []
        for _ in range(num_agents):
            more = keys[:, None] + digits
            following = np.unique(more)
            self.added.append(np.searchsorted(following, more))
            keys = following
        self.table: Int[np.ndarray, "L S"] = keys[:, None] // digits % (num_agents + 1)

    def __len__(self) -> int:
        return len(self.table)

    def joined(self) -> Int[np.ndarray, "S L"]:
        """Number the compositions of one agent more: entry (s, i) has it in state s, beside row i."""
        digits = (self.num_agents + 2) ** np.arange(self.num_states, dtype=np.int64)
        keys = digits[:, None] + self.table @ digits
        return np.unique(keys, return_inverse=True)[1].reshape(keys.shape)

    def probabilities(self, distribution: Float[np.ndarray, " S"]) -> Float[np.ndarray, " L"]:
        """Return the law of the composition of agents whose states are drawn independently."""
        rows = np.broadcast_to(distribution, (1, self.num_states, self.num_states))
        return self.convolved(rows, self.table[:1])[0]

    def convolved(
        self, rows: Float[np.ndarray, "B S S"], counts: Int[np.ndarray, "B S"]
    ) -> Float[np.ndarray, "B L"]:
        """Return the law of the next composition of `counts` agents who each move by their row."""
        if self.num_states == 2:
            # The table lists compositions in the order of how many agents are in state 1.
            return np.stack([_two_binomials(*pair) for pair in zip(rows, counts, strict=True)])
        numbers = np.arange(self.num_states)
        movers = np.array([np.repeat(numbers, count) for count in counts]).reshape(len(counts), -1)
        here = np.ones((len(counts), 1))
        each = np.arange(len(counts))
        for step, added in enumerate(self.added):
            moves = rows[each, movers[:, step]]
            size = len(self.added[step + 1]) if step + 1 < len(self.added) else len(self)
            there = np.zeros((len(counts), size))
            # No two compositions lead to the same one by an agent in one state, so += adds them all.
            for state in range(self.num_states):
                there[:, added[:, state]] += here * moves[:, state, None]
            here = there
        return here

    @functools.cached_property
    def block(self) -> int:
        """How many laws of the next composition fit into memory at once."""
        return max(1, BLOCK // len(self))


def normalized(laws: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Laws along the last axis, rid of rounding errors of their sums: NumPy's draws refuse those."""
    laws = np.maximum(laws, 0)
    return laws / laws.sum(axis=-1, keepdims=True)


def _two_binomials(
    rows: Float[np.ndarray, "2 2"], counts: Int[np.ndarray, "2"]
) -> Float[np.ndarray, " L"]:
    """The law of how many agents are in state 1 after a step, for `counts` agents in states 0 and 1."""
    chances = normalized(rows)[:, 1]
    stay, come = (_binomial(int(count), float(p)) for count, p in zip(counts, chances, strict=True))
    return np.convolve(stay, come)


def _binomial(count: int, chance: float) -> Float[np.ndarray, " K"]:
    """The binomial law of `count` draws. SciPy's own overflows where the chance is tiny."""
    number = np.arange(count + 1)
    ways = scipy.special.gammaln(count + 1) - scipy.special.gammaln(
        [number + 1, count - number + 1]
    ).sum(axis=0)
    law = np.exp(
        ways + scipy.special.xlogy(number, chance) + scipy.special.xlog1py(count - number, -chance)
    )
    return law / law.sum()
