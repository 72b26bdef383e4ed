"""The exact robust equilibrium of N agents, who all know where everybody is.

A policy pi(a | s, c) of the own state and of how many of all N agents are where, c, and a law
kappa(s' | s, a, c) for each: when all others play and move so, pi is optimal for agent 1 against the
worst case in its set, from every situation, and kappa is that worst case. This is a symmetric
Markov perfect equilibrium of the robust game. Its situations grow like N^(S - 1), which is what a
mean-field equilibrium spares.

Best responses are played until that no longer helps, and from the best answer so far on, fictitiously:
policy and nature move by 1 / (k + 2) of the way to the answers. No theorem says that this converges in
every game: what is returned is measured, the exploitability from the worst situation and nature's gap.
"""

import dataclasses
import math
import time
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from rmfg.core import checks
from rmfg.core.meter import Meter, metered
from rmfg.core.precision import Number
from rmfg.core.status import Status
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame, check_game, uniform_policy
from rmfg.model.problem import Problem
from rmfg.population.counts import Compositions
from rmfg.population.exact import FiniteGame, others_of
from rmfg.population.setting import problem_of
from rmfg.population.simulator import whole

# How much more accurately the games of one agent are solved than what is asked for.
SHARPER = 0.05
MAX_STEPS = 1000


@dataclasses.dataclass(frozen=True)
class FiniteEquilibrium:
    """A policy for N agents who know where everybody is, and what was measured of it.

    `counts` (L, S) are the ways in which the others can stand. `policy` (S, L, A), `kernel`
    (S, L, A, S), nature's law for it, and `value` (S, L) are those of an agent in a state while the
    others stand so. `exploitability` is the most that one gains by leaving the policy, from the worst
    situation, and `nature_gap` the most by which the kernel misses nature's best where it is played,
    both with the errors of their solves; both are at most tol * scale where the status is
    "certified". `memory` is what the transitions take in bytes.
    """

    num_agents: int
    counts: Int[np.ndarray, "L S"]
    policy: Float[np.ndarray, "S L A"]
    kernel: Float[np.ndarray, "S L A S"]
    value: Float[np.ndarray, "S L"]
    exploitability: float
    nature_gap: float
    scale: float
    tol: float
    status: Status
    steps: int
    seconds: float
    memory: int

    @property
    def num_situations(self) -> int:
        """Own states times compositions of the others."""
        return self.value.size

    def __str__(self) -> str:
        relative = self.exploitability / self.scale
        return (
            f"N = {self.num_agents}: {self.num_situations} situations, exploitability "
            f"{self.exploitability:.3e} (relative {relative:.1e}), {self.status} at tol {self.tol:g} "
            f"after {self.steps} steps, {self.seconds:.2f} s"
        )


class _Point(NamedTuple):
    """What everybody does, and nature's laws for them."""

    policy: Float[np.ndarray, "S L A"]
    laws: Float[np.ndarray, "S L A S"]

    def toward(self, other: "_Point", share: float) -> "_Point":
        """The point on the way to another one."""
        mixed = (old + share * (new - old) for old, new in zip(self, other, strict=True))
        return _Point(*mixed)


class _Answer(NamedTuple):
    """What agent 1 and nature answer to a point, how good the point is, and what it was worth."""

    best: _Point
    value: Float[np.ndarray, "S L"]
    exploitability: float
    nature_gap: float
    memory: int

    @property
    def merit(self) -> float:
        """The larger of the two gaps."""
        return max(self.exploitability, self.nature_gap)


def finite_equilibrium(
    game: MeanFieldGame,
    ambiguity: Ambiguity | None,
    num_agents: Number,
    *,
    tol: Number = 1e-3,
    max_steps: Number = MAX_STEPS,
    max_seconds: Number | None = None,
    progress: bool | Meter = False,
) -> FiniteEquilibrium:
    """Find the symmetric robust equilibrium of N agents exactly, by dynamic programming on counts.

    For few states and agents: there are S * binomial(N + S - 2, S - 1) situations. `tol` is relative
    to what rewards range over where the others usually are, divided by 1 - discount. The best
    answer seen is returned, with a status that says whether it is certified. Raises ValueError for
    wrong input, for games whose mean field is over states and actions, and where N is out of reach.
    """
    begin = time.perf_counter()
    problem = problem_of(None, game, ambiguity)
    check_game(game)
    agents, most = whole("num_agents", num_agents), whole("max_steps", max_steps)
    limit = math.inf if max_seconds is None else float(checks.positive("max_seconds", max_seconds))
    checks.tolerance(tol, 1e-10)
    if game.mean_field != "state":
        raise ValueError(
            f"`game` reads a law over states and actions ({game.name or type(game).__name__}): what N "
            "agents meet would depend on actions not yet taken. Take a game that reads states."
        )
    with jax.enable_x64(True), metered(progress):
        table = _Table(problem, agents)
        point, scale = table.start()
        found = table.answer(point, SHARPER * float(tol) * scale)
        best, kept, steps, damped = found, point, 0, 0
        status = Status.CERTIFIED if found.merit <= tol * scale else None
        while status is None:
            point = point.toward(found.best, 1 / (damped + 1))
            found = table.answer(point, SHARPER * float(tol) * scale)
            steps += 1
            if found.merit < best.merit:
                best, kept = found, point
            elif not damped:
                # Best responses no longer help: go on from the best answer, with smaller steps.
                found, point, damped = best, kept, 1
            damped += damped > 0
            status = _ended(best, float(tol) * scale, steps >= most, begin + limit)
    return FiniteEquilibrium(
        num_agents=agents,
        counts=table.others.table,
        policy=kept.policy,
        kernel=kept.laws,
        value=best.value,
        exploitability=best.exploitability,
        nature_gap=best.nature_gap,
        scale=scale,
        tol=float(tol),
        status=status,
        steps=steps,
        seconds=time.perf_counter() - begin,
        memory=best.memory,
    )


def _ended(best: _Answer, within: float, steps_are_up: bool, deadline: float) -> Status | None:
    if best.merit <= within:
        return Status.CERTIFIED
    if steps_are_up:
        return Status.MAX_STEPS
    return Status.MAX_SECONDS if time.perf_counter() >= deadline else None


class _Table:
    """The situations of N agents, and what to answer when everybody else does something."""

    def __init__(self, problem: Problem, num_agents: int):
        self.problem, size = problem, problem.game.num_states
        self.others: Compositions = others_of(num_agents, size)
        # Which composition of all agents a situation belongs to.
        self.everybody: Int[np.ndarray, "S L"] = self.others.joined()

    def start(self) -> tuple[_Point, float]:
        """All actions alike and the nominal kernel, and the scale of values."""
        game = self._game(np.full((*self.everybody.shape, self.problem.game.num_states), 1.0))
        size, length = self.everybody.shape
        reward, laws = game.answers(np.zeros((size, length, size)))
        plan = uniform_policy(self.problem.game)[:, None]
        policy = np.repeat(plan, length, axis=1)
        scale = self._usual_range(reward) / (1 - float(self.problem.game.discount))
        return _Point(policy, laws), scale or 1.0

    def _usual_range(self, reward: Float[np.ndarray, "S L A"]) -> float:
        """What rewards range over where the others usually are: the median over their places.

        Crowds that independent agents hardly ever form are no unit, whatever they would cost.
        """
        ranges = np.ptp(reward, axis=(0, 2))
        size = len(reward)
        weights = self.others.probabilities(np.full(size, 1 / size))
        order = np.argsort(ranges)
        usual = np.searchsorted(np.cumsum(weights[order]), 0.5 * weights.sum())
        return float(ranges[order][min(usual, len(order) - 1)])

    def answer(self, point: _Point, tolerance: float) -> _Answer:
        """Solve the game of agent 1 when the others, and nature for them, behave so."""
        game = self._game(np.einsum("slat,sla->slt", point.laws, point.policy))
        played, optimal = game.played(tolerance, point.policy), game.optimal(tolerance)
        error = played.error + optimal.error
        expected = game.expected(played.value)
        q, laws = game.answers(expected)
        missed = np.einsum("slat,slt->sla", point.laws - laws, expected)
        actions = self.problem.game.actions
        there = np.ones(q.shape[2], bool) if actions is None else np.asarray(actions)[:, None]
        greedy = np.eye(q.shape[2])[np.where(there, q, -np.inf).argmax(axis=2)]
        return _Answer(
            best=_Point(greedy, laws),
            value=played.value,
            exploitability=float((optimal.value - played.value).max()) + error,
            nature_gap=float((missed * point.policy).max()) + error,
            memory=sum(m.data.nbytes + m.indices.nbytes + m.indptr.nbytes for m in game.moves),
        )

    def _game(self, own: Float[np.ndarray, "S L S"]) -> FiniteGame:
        """The game of agent 1 when an agent in each situation moves by `own`."""
        size = len(own)
        rows = np.full((self.everybody.max() + 1, size, size), 1 / size)
        for state in range(size):
            rows[self.everybody[state], state] = own[state]
        plan = np.full((size, self.problem.game.num_actions), np.nan)  # nobody reads it
        return FiniteGame(self.problem, plan, self.others, rows[self.everybody])
