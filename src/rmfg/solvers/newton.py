"""Newton's method for equilibria: a path of falling temperature, then proximal steps."""

import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, boundary
from rmfg.model.problem import Candidate, Problem
from rmfg.solvers.base import Solver, checked_temperature
from rmfg.solvers.options import PathOptions, ProximalOptions
from rmfg.solvers.path import RESTART, PathState, path_start, path_step
from rmfg.solvers.proximal import (
    ProximalState,
    centered,
    gave_up,
    played,
    proximal_step,
    resumed,
)

# Unknowns beyond which a path takes minutes, and `Auto` plays fictitiously first.
LARGEST_SYSTEM = 3000

NewtonState = PathState | ProximalState


class Newton(Solver):
    r"""Follow smoothed equilibria to a low temperature, then take proximal steps to an exact one.

    The equilibrium conditions are a complementarity problem in value, policy, nature's kernel and law,
    with ties on both sides. All steps solve the same smoothed equations (see `rmfg.solvers.smoothing`)
    by Newton's method:

    1. From uniform play, pseudo-arclength continuation follows their solution down to `temperature`
       (in units of (max r - min r) / (1 - discount)), also where the path turns around. In large
       games cold steps along it are dear, and 1e-3 is a better place to leave it.
    2. Proximal steps: the last policy, nature's last kernel and the last law become the centers, and
       the temperature falls. The bias is proportional to what the step changes, and vanishes with
       it: an equilibrium is reached to rounding at a temperature of 1e-5 or so, in which mixed
       policies, nature's mixtures at ties, transient states and several classes are regular. Where
       Newton's method fails, the temperature rises, and in the end the equations are relaxed by
       damped Picard sweeps.

    `restart` is the share of the population that is born anew from the last law in every step. With
    `start`, an earlier answer of this or of a nearby game, there is no path: proximal steps begin
    there. `path` and `proximal` are the options of 1 and 2. Finds one equilibrium of possibly many
    (see `rmfg.find_equilibria`). A step solves a few linear systems in 2 S (or S + S A) unknowns,
    see `rmfg.solvers.slope`.

    @article{mckelvey1995, title={Quantal Response Equilibria for Normal Form Games},
      author={McKelvey, Richard D. and Palfrey, Thomas R.}, journal={Games and Economic Behavior},
      volume={10}, year={1995}}
    @article{rockafellar1976, title={Monotone Operators and the Proximal Point Algorithm},
      author={Rockafellar, R. Tyrrell}, journal={SIAM Journal on Control and Optimization},
      volume={14}, year={1976}}
    @book{allgower2003, title={Introduction to Numerical Continuation Methods},
      author={Allgower, Eugene L. and Georg, Kurt}, publisher={SIAM}, year={2003}}
    """

    temperature: Float[Array, ""]
    restart: Float[Array, ""]
    start: Equilibrium | None
    path: PathOptions
    proximal: ProximalOptions

    def __init__(
        self,
        temperature: Number = 1e-4,
        restart: Number = RESTART,
        *,
        start: Equilibrium | None = None,
        path: PathOptions | None = None,
        proximal: ProximalOptions | None = None,
    ):
        self.temperature = checked_temperature(temperature)
        self.restart = checks.share("restart", restart)
        what = "an earlier answer of `rmfg.solve`"
        self.start = inputs.instance("start", start, Equilibrium | None, what)
        path = PathOptions() if path is None else path
        self.path = inputs.instance("path", path, PathOptions, "rmfg.PathOptions")
        proximal = ProximalOptions() if proximal is None else proximal
        what = "rmfg.ProximalOptions"
        self.proximal = inputs.instance("proximal", proximal, ProximalOptions, what)

    @boundary
    def init(self, problem: Problem, guess: Float[Array, "..."]) -> NewtonState:
        if self.start is not None:
            return self._resumed(problem, self.start)
        state = path_start(problem, guess, self.temperature, self.restart, self.path)
        return state if state.heading is not None else _arrived(state)

    def _resumed(self, problem: Problem, start: Equilibrium) -> ProximalState:
        """The state of one who has arrived at an earlier answer."""
        game, policy = problem.game, np.asarray(start.policy)
        sizes = (game.num_states, game.num_actions)
        if policy.shape != sizes:
            raise ValueError(
                f"`start` is an equilibrium with (states, actions) = {policy.shape}, but the game "
                f"has {sizes}."
            )
        candidate = Candidate(policy, np.asarray(start.distribution), start.kernel)
        return self.from_candidate(problem, candidate, start.value, start.potential)

    def from_candidate(
        self,
        problem: Problem,
        candidate: Candidate,
        value: Float[Array, " S"],
        potential: Float[Array, " S"] | None = None,
    ) -> ProximalState:
        """Return the state of one who has arrived at a candidate, and takes proximal steps there."""
        return resumed(problem, candidate, value, potential, self.temperature, self.restart)

    @boundary
    def step(self, problem: Problem, state: NewtonState) -> NewtonState:
        if isinstance(state, ProximalState):
            return proximal_step(problem, state, self.proximal)
        assert state.heading is not None
        state = path_step(problem, state, state.heading, float(np.log(self.temperature)), self.path)
        return state if state.heading is not None else _arrived(state)

    @boundary
    def candidate(self, problem: Problem, state: NewtonState) -> Candidate:
        return played(problem, state.play)

    def arriving(self, state: NewtonState) -> bool:
        return isinstance(state, ProximalState)

    def finished(self, state: NewtonState) -> bool:
        return isinstance(state, ProximalState) and gave_up(state, self.proximal)

    def potential(self, problem: Problem, state: NewtonState) -> Float[np.ndarray, " S"]:
        return centered(problem, np.asarray(state.play.potential))


def _arrived(state: PathState) -> ProximalState:
    """The end of the path, where proximal steps begin."""
    return ProximalState(state.point, state.play, state.smoothing)


def num_unknowns(problem: Problem) -> int:
    """The size of the smoothed equations: the value and the mean field."""
    game = problem.game
    return game.num_states + int(np.prod(game.mean_field_shape))
