"""The game of one agent when all others behave alike, and what agent 1 and nature answer in it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from rmfg.model.game import uniform_policy
from rmfg.model.problem import Problem
from rmfg.population.counts import Compositions
from rmfg.population.finite_game import FiniteGame, others_of


class Profile(NamedTuple):
    """What everybody does in each situation, and the laws of the next state that nature picks."""

    policy: Float[np.ndarray, "S L A"]
    laws: Float[np.ndarray, "S L A S"]

    def toward(self, other: "Profile", share: float) -> "Profile":
        """Return the profile at this share of the way to another one."""
        mixed = (old + share * (new - old) for old, new in zip(self, other, strict=True))
        return Profile(*mixed)


class BestReply(NamedTuple):
    """What agent 1 and nature reply to a profile of the others, and how good that profile is itself.

    `profile` is the reply. The other numbers belong to the profile that is replied to: `value` is what
    agent 1 gets by it, `exploitability` the most that it gains by leaving it, and `nature_gap` the most
    by which nature's laws miss her worst case. The last two are from the worst situation, and contain
    the errors of their solves. `memory` is what the transitions take in bytes.
    """

    profile: Profile
    value: Float[np.ndarray, "S L"]
    exploitability: float
    nature_gap: float
    memory: int

    @property
    def merit(self) -> float:
        """The larger of the two gaps."""
        return max(self.exploitability, self.nature_gap)


class SymmetricGame:
    """The situations of N agents who all know where everybody is, and answers to what they do."""

    def __init__(self, problem: Problem, num_agents: int):
        self.problem, size = problem, problem.game.num_states
        self.others: Compositions = others_of(num_agents, size)
        # The number of the composition of all agents that a situation belongs to.
        self.everybody: Int[np.ndarray, "S L"] = self.others.joined()

    def start(self) -> tuple[Profile, float]:
        """Return the uniform policy with the nominal kernel, and the scale of values."""
        game = self._facing(np.full((*self.everybody.shape, self.problem.game.num_states), 1.0))
        size, length = self.everybody.shape
        # With nothing at stake afterwards, action values are rewards and nature has no preference.
        reward, laws = game.answers(np.zeros((size, length, size)))
        uniform = uniform_policy(self.problem.game)[:, None]
        policy = np.repeat(uniform, length, axis=1)
        scale = self._usual_range(reward) / (1 - float(self.problem.game.discount))
        return Profile(policy, laws), scale or 1.0

    def best_reply(self, profile: Profile, tolerance: float) -> BestReply:
        """Solve the game of agent 1 when the others, and nature for them, follow a profile."""
        game = self._facing(np.einsum("slat,sla->slt", profile.laws, profile.policy))
        played, optimal = game.played(tolerance, profile.policy), game.optimal(tolerance)
        error = played.error + optimal.error
        expected = game.expected(played.value)
        q, laws = game.answers(expected)
        missed = np.einsum("slat,slt->sla", profile.laws - laws, expected)
        actions = self.problem.game.actions
        there = np.ones(q.shape[2], bool) if actions is None else np.asarray(actions)[:, None]
        greedy = np.eye(q.shape[2])[np.where(there, q, -np.inf).argmax(axis=2)]
        stored = [(moves.data, moves.indices, moves.indptr) for moves in game.transitions]
        return BestReply(
            profile=Profile(greedy, laws),
            value=played.value,
            exploitability=float((optimal.value - played.value).max()) + error,
            nature_gap=float((missed * profile.policy).max()) + error,
            memory=sum(array.nbytes for arrays in stored for array in arrays),
        )

    def _usual_range(self, reward: Float[np.ndarray, "S L A"]) -> float:
        """What rewards range over where the others usually are: the median over their compositions.

        A crowd that independent agents hardly ever form is no unit, whatever it would cost.
        """
        ranges = np.ptp(reward, axis=(0, 2))
        size = len(reward)
        weights = self.others.probabilities(np.full(size, 1 / size))
        order = np.argsort(ranges)
        usual = np.searchsorted(np.cumsum(weights[order]), 0.5 * weights.sum())
        return float(ranges[order][min(usual, len(order) - 1)])

    def _facing(self, moves: Float[np.ndarray, "S L S"]) -> FiniteGame:
        """The game of agent 1 when an agent in each situation moves by `moves`."""
        size = len(moves)
        chains = np.full((self.everybody.max() + 1, size, size), 1 / size)
        for state in range(size):
            chains[self.everybody[state], state] = moves[state]
        policy = np.full((size, self.problem.game.num_actions), np.nan)  # nobody reads it
        return FiniteGame(self.problem, policy, self.others, chains[self.everybody])
