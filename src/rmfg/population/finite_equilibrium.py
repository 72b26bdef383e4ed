"""The exact robust equilibrium of N agents, who all know where everybody is.

Let c say how many of all N agents are in each state. Let all agents but one play a policy pi(a | s, c)
and move by a kernel kappa(s' | s, a, c). The two are an equilibrium if from every situation pi is
optimal for the remaining agent against the worst case in its set, and kappa is that worst case. This is
a symmetric Markov perfect equilibrium of the robust game. The number of situations grows like
N^(S - 1), which is what a mean-field equilibrium spares.

The search first plays best responses, as long as they help. Then it goes on from the best answer by
fictitious play: policy and nature's laws move by 1 / (k + 2) of the way to the answers in step k. No
theorem says that this converges in every game, so what is returned is measured.
"""

import dataclasses
import math
import time

import jax
import numpy as np
from jaxtyping import Float, Int

from rmfg.core import checks, inputs
from rmfg.core.meter import Meter, metered
from rmfg.core.precision import Number
from rmfg.core.status import Status
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame
from rmfg.population.setting import finite_problem
from rmfg.population.symmetric import BestReply, Profile, SymmetricGame

# The games of one agent are solved to this share of what is asked for.
SHARPER = 0.05
MAX_STEPS = 1000


@dataclasses.dataclass(frozen=True)
class FiniteEquilibrium:
    """A policy for N agents who know where everybody is, and what was measured of it.

    A situation is the state s of an agent and one of the compositions `counts` (L, S): how many of the
    others are in each state. `policy` (S, L, A), `kernel` (S, L, A, S), with which nature answers the
    agent, and `value` (S, L) are given for each situation.

    `exploitability` is the most that an agent gains by leaving the policy, from the worst situation.
    `nature_gap` is the most by which the kernel misses nature's worst case where it is played. Both are
    in the unit of values, contain the errors of their solves, and are at most tol * scale where the
    status is "certified". `scale` is the unit of `tol`, `memory` what the transitions take in bytes.
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
    answer seen is returned, with a status that says whether it is certified.

    Raises ValueError or TypeError for wrong input, and ValueError for games whose mean field is over
    states and actions, where N is out of reach, and where the game is not finite at an empirical law.

    @article{maskin2001, title={Markov Perfect Equilibrium: {I}. Observable Actions}, author={Maskin,
      Eric and Tirole, Jean}, journal={Journal of Economic Theory}, volume={100}, year={2001}}
    """
    begin = time.perf_counter()
    problem = finite_problem(game, ambiguity)
    agents = inputs.integer("num_agents", num_agents, 1)
    most = inputs.integer("max_steps", max_steps, 1)
    limit = math.inf if max_seconds is None else float(checks.positive("max_seconds", max_seconds))
    checks.tolerance(tol, 1e-10)
    if game.mean_field != "state":
        raise ValueError(
            f"`game` reads a law over states and actions ({game.name or type(game).__name__}): what N "
            "agents meet would depend on actions not yet taken. Take a game that reads states."
        )
    with jax.enable_x64(True), metered(progress):
        symmetric = SymmetricGame(problem, agents)
        profile, scale = symmetric.start()
        kept, found, steps, status = _search(
            symmetric, profile, float(tol), scale, most, begin + limit
        )
    return FiniteEquilibrium(
        num_agents=agents,
        counts=symmetric.others.table,
        policy=kept.policy,
        kernel=kept.laws,
        value=found.value,
        exploitability=found.exploitability,
        nature_gap=found.nature_gap,
        scale=scale,
        tol=float(tol),
        status=status,
        steps=steps,
        seconds=time.perf_counter() - begin,
        memory=found.memory,
    )


def _search(
    game: SymmetricGame, profile: Profile, tol: float, scale: float, most: int, deadline: float
) -> tuple[Profile, BestReply, int, Status]:
    """The best profile met, the reply to it, the number of steps, and why the search ended."""
    within, accuracy = tol * scale, SHARPER * tol * scale
    found = game.best_reply(profile, accuracy)
    best, kept, steps, damped = found, profile, 0, 0
    status = Status.CERTIFIED if found.merit <= within else None
    while status is None:
        profile = profile.toward(found.profile, 1 / (damped + 1))
        found = game.best_reply(profile, accuracy)
        steps += 1
        if found.merit < best.merit:
            best, kept = found, profile
        elif not damped:
            # Best responses no longer help: go on from the best answer, with smaller steps.
            found, profile, damped = best, kept, 1
        damped += damped > 0
        status = _ended(best, within, steps >= most, deadline)
    return kept, best, steps, status


def _ended(best: BestReply, within: float, steps_are_up: bool, deadline: float) -> Status | None:
    """Why the search ends here, if it does."""
    if best.merit <= within:
        return Status.CERTIFIED
    if steps_are_up:
        return Status.MAX_STEPS
    return Status.MAX_SECONDS if time.perf_counter() >= deadline else None
