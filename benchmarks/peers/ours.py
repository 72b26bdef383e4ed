"""rmfg's solvers on the games of the comparison, recorded as its users call them: `rmfg.solve`.

    python ours.py FOLDER [GAME ...]

A wrapper around each solver records the candidates that `solve` asks for, when it asks. The clock
starts at the call and runs through checks and certificates. For the bare times, as for the peers,
the same steps are taken once more by hand, with nothing measured. Every solver starts from the law
from which Bench-MFG starts on the same game, or from the uniform law.
"""

import sys
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from catalog import ENTRIES
from coupled import Affine, Infection, Passage, Tilted
from games import GAMMA, Constant, Crowding, Game, Linear
from traces import Tape, load, record

import rmfg

LIBRARY = "rmfg"
TOLERANCE = 1e-13  # the least that `solve` accepts
LIMITS = {"max_steps": 2000, "max_seconds": 1.0}
LIMITS_OF_NEWTON = {"max_steps": 100, "max_seconds": 20.0}  # it ends by itself
# While it compiles, a run must not be cut off before it has seen everything.
LIMITS_OF_FIRST = {"max_steps": 60}

# Arrays are arguments of compiled code, and not constants in it; the rest is fixed.
for kind, fixed in (
    (Constant, ()),
    (Linear, ()),
    (Affine, ()),
    (Crowding, ("floor", "added")),
    (Infection, ("steps",)),
    (Passage, ("steps",)),
    (Tilted, ("steps",)),
):
    fields = [name for name in kind.__dataclass_fields__ if name not in fixed]
    jax.tree_util.register_dataclass(kind, fields, fixed)


class Marks:
    """After how many steps each candidate was asked for."""

    def __init__(self) -> None:
        self.steps, self.at = 0, list[int]()


class Recorded(rmfg.Solver):
    """A solver whose candidates are taped as they are asked for, with the steps before each."""

    solver: rmfg.Solver
    tape: Tape = eqx.field(static=True)
    marks: Marks = eqx.field(static=True)

    def init(self, problem: rmfg.Problem, guess: Any) -> Any:
        return self.solver.init(problem, guess)

    def step(self, problem: rmfg.Problem, state: Any) -> Any:
        self.marks.steps += 1
        return self.solver.step(problem, state)

    def candidate(self, problem: rmfg.Problem, state: Any) -> rmfg.Candidate:
        candidate = self.solver.candidate(problem, state)
        self.tape.add(candidate.policy, candidate.distribution)
        self.marks.at.append(self.marks.steps)
        return candidate

    def arriving(self, state: Any) -> bool:
        return self.solver.arriving(state)

    def __str__(self) -> str:
        return str(self.solver)


SOLVERS = {
    "Newton": rmfg.Newton(),
    "MirrorDescent": rmfg.MirrorDescent(),
    "FictitiousPlay": rmfg.FictitiousPlay(),
    "Picard": rmfg.Picard(),
    "PolicyIteration": rmfg.PolicyIteration(),
}


def main(folder: Path, names: list[str]) -> None:
    """Record every solver on every game."""
    for name in names or ENTRIES:
        entry = ENTRIES[name]
        game = tabular(entry.build())
        start = first_law(folder, entry.played_as, game.num_states)
        for number, (method, solver) in enumerate(SOLVERS.items()):
            jax.clear_caches()  # games of one shape would share what one of them has compiled
            player = Player(game, solver, start)
            trace = record((name, LIBRARY, method), player.measured, player.bare)
            trace.save(folder, number)
            print(
                f"{name}: {method}: {trace.seconds[-1]:.3f} s, first {trace.compile:.1f} s more",
                flush=True,
            )


def tabular(game: Game) -> rmfg.TabularGame:
    """The game as a user of rmfg writes it."""
    kernel = game.kernel.value if isinstance(game.kernel, Constant) else game.kernel
    reward = game.reward.value if isinstance(game.reward, Constant) else game.reward
    states, actions = game.shape
    return rmfg.TabularGame(kernel, reward, GAMMA, num_states=states, num_actions=actions)


def first_law(folder: Path, name: str, num_states: int) -> np.ndarray:
    """The law from which Bench-MFG starts, where it plays the game."""
    traces = sorted(folder.glob(f"{name}--Bench-MFG--*.npz"))
    law = load(traces[0]).laws[0].astype(float) if traces else np.ones(num_states)
    return law / law.sum()


class Player:
    """Solves a game as far as it goes, with and without measuring, by the same steps."""

    def __init__(self, game: rmfg.TabularGame, solver: rmfg.Solver, start: np.ndarray):
        self.game, self.solver, self.start = game, solver, start
        self.marks, self.limits = Marks(), LIMITS_OF_FIRST

    def measured(self, tape: Tape) -> None:
        self.marks = Marks()
        solver = Recorded(self.solver, tape, self.marks)
        rmfg.solve(self.game, solver=solver, initial=self.start, tol=TOLERANCE, **self.limits)
        self.limits = LIMITS_OF_NEWTON if isinstance(self.solver, rmfg.Newton) else LIMITS

    def bare(self, tape: Tape) -> None:
        problem = rmfg.Problem(self.game)
        with jax.enable_x64(True):
            state, done = self.solver.init(problem, jnp.asarray(self.start)), 0
            for mark in self.marks.at:
                for _ in range(mark - done):
                    state = self.solver.step(problem, state)
                done = mark
                candidate = self.solver.candidate(problem, state)
                tape.add(candidate.policy, candidate.distribution)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
