"""Newton's method for equilibria: a path of falling temperature, then proximal steps."""

from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.answer.scale import NEIGHBORHOOD, response_to_neighbors
from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, boundary
from rmfg.model.game import uniform_policy
from rmfg.model.leaking import Leaking
from rmfg.model.problem import Candidate, Problem
from rmfg.operators.response import value_scale
from rmfg.operators.robust_mdp import NonFiniteError, RobustMDP
from rmfg.solvers.base import Solver, checked_temperature, law_of_states, respond
from rmfg.solvers.corrector import Corrected, correct, finite_slope, moved
from rmfg.solvers.slope import linearize
from rmfg.solvers.smoothing import Center, Play, Smoothing

# Temperatures are in units of the range of values. The path starts where everybody plays nearly at
# random, and is left where rounding begins to be felt in policies: 1e-16 / temperature.
HOT, COLDEST = 1.0, 1e-6
# Policies feel rounding by 1e-16 / temperature: where steps only shake, a warmer one may be quieter,
# which a few steps there show.
QUIET, SHAKING, TRIALS = 1e-3, 0.5, 3
WIDEST = 10.0
# Where only the order of values matters, a tie is a difference of the potential of a few units, and
# beyond e^-50 is nothing: large potentials would cost digits.
LARGEST_GAP = 50.0
RESTART = 1e-4
COOLING, WARMING = 4.0, 3.0
PATH_TOLERANCE, TOLERANCE = 1e-7, 1e-13
PATH_CORRECTIONS, CORRECTIONS, EASY = 7, 15, 4
# Where nothing colder is left, centers run ahead, farther each time.
STRETCH, FURTHEST, STRAIGHT = 4.0, 1000.0, 0.5
FIRST_LENGTH, LONGEST, SHORTEST = 0.5, 2.0, 1e-5
MAX_PATH_STEPS = 150
LOWEST_LOG = -500.0
# Actions that an earlier answer does not use may be needed now: they must not be too far away.
RESUMED_LOG = -30.0
# Probabilities below this are rounding: they are left out of what is returned.
NEVER = 1e-14
# Unknowns beyond which a path takes minutes, and `Auto` plays fictitiously first.
LARGEST_SYSTEM = 3000
SWEEPS, MAX_RESCUES = 100, 5


class Heading(NamedTuple):
    """Where the path goes from here: its unit tangent, the next step's length, steps so far."""

    tangent: Float[np.ndarray, " M"]
    length: float
    steps: int


class NewtonState(eqx.Module):
    """A solution of the smoothed equations; without a heading the path has ended.

    `stride` is how many times more the center moves on as it did last, while each `change` of the
    point goes on in the direction of the one before. `coldest` is where cooling ends, in logarithms,
    after `tried` steps there, and `calm` the smallest change of them so far; `calmest` is where among
    all temperatures so far steps shook least, and how much.
    """

    point: Float[Array, " N"]
    play: Play
    smoothing: Smoothing
    heading: Heading | None
    stride: float = 0.0
    change: Float[Array, " N"] | None = None
    coldest: float = float(np.log(COLDEST))
    tried: int = 0
    calm: float = np.inf
    calmest: tuple[float, float] = (float(np.log(COLDEST)), np.inf)
    rescues: int = 0
    finished: bool = False


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
    there. Finds one equilibrium of possibly many (see `rmfg.find_equilibria`). A step
    solves a few linear systems in 2 S (or S + S A) unknowns, see `rmfg.solvers.slope`.

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

    def __init__(
        self,
        temperature: Number = 1e-4,
        restart: Number = RESTART,
        *,
        start: Equilibrium | None = None,
    ):
        self.temperature = checked_temperature(temperature)
        self.restart = checks.share("restart", restart)
        what = "an earlier answer of `rmfg.solve`"
        self.start = inputs.instance("start", start, Equilibrium | None, what)

    @boundary
    def init(self, problem: Problem, guess: Float[Array, "..."]) -> NewtonState:
        if self.start is not None:
            return self._resumed(problem, self.start)
        game = problem.game
        size = game.num_states
        law = np.asarray(law_of_states(jnp.asarray(guess)))
        unit = _unit(problem, np.asarray(guess))
        center = Center.uniform(game, law)
        hot = np.log(max(HOT, float(self.temperature)))
        smoothing = Smoothing(center, np.array(hot), np.asarray(self.restart), np.array(unit))
        level = np.asarray(game.reward(guess)).mean() / ((1 - float(game.discount)) * unit)
        point = np.concatenate([np.full(size, level), np.asarray(guess).ravel()])
        for _ in range(MAX_RESCUES):
            found = correct(problem, point, smoothing, PATH_TOLERANCE, 2 * CORRECTIONS)
            if found:
                down = np.zeros(point.size + 1)
                down[-1] = -1.0
                heading = Heading(_tangent(found, down), FIRST_LENGTH, 0)
                return _state(found, heading)
            point = _relaxed(problem, point, smoothing)
        return NewtonState(point, linearize(problem, point, smoothing).play, smoothing, None)

    def _resumed(self, problem: Problem, start: Equilibrium) -> NewtonState:
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
    ) -> NewtonState:
        """Return the state of one who has arrived at a candidate, and takes proximal steps there.

        The game may read another kind of mean field than the one that the candidate is of.
        """
        game, value = problem.game, np.asarray(value)
        policy, law = np.asarray(candidate.policy), np.asarray(candidate.distribution)
        field = np.asarray(game.mean_field_of(law, policy))
        start = np.zeros(game.num_states) if potential is None else np.asarray(potential)
        logarithms = np.log(np.maximum(policy, np.exp(RESUMED_LOG)))
        unit = _unit(problem, field)
        ones, zeros = np.ones_like(policy), np.zeros_like(policy)
        center = Center(logarithms, start, law, ones, zeros)
        temperature = np.log(np.asarray(self.temperature))
        smoothing = Smoothing(center, temperature, np.asarray(self.restart), np.array(unit))
        point = np.concatenate([value / unit, field.ravel()])
        # What is played there is the candidate; weights and tolls are those of the set.
        slope = linearize(problem, point, smoothing)
        if not np.isfinite(slope.residual).all():
            raise NonFiniteError("the game is not finite where Newton's method was to begin")
        near = slope.play
        kernel = near.kernel if candidate.kernel is None else candidate.kernel
        play = near._replace(policy=policy, kernel=kernel, law=law, log_policy=logarithms)
        return NewtonState(point, play, smoothing, None)

    @boundary
    def step(self, problem: Problem, state: NewtonState) -> NewtonState:
        if state.heading is None:
            return _proximal_step(problem, state)
        return _path_step(problem, state, state.heading, float(np.log(self.temperature)))

    @boundary
    def candidate(self, problem: Problem, state: NewtonState) -> Candidate:
        play = state.play
        # What is less likely than rounding does not happen: nature need not answer it.
        law, policy = (_pruned(np.asarray(array)) for array in (play.law, play.policy))
        kernel = play.kernel.closed() if isinstance(play.kernel, Leaking) else play.kernel
        mixing = problem.population == "worst_case"
        return Candidate(jnp.asarray(policy), jnp.asarray(law), kernel if mixing else None)

    def arriving(self, state: NewtonState) -> bool:
        return state.heading is None

    def potential(self, problem: Problem, state: NewtonState) -> Float[np.ndarray, " S"]:
        return _center(problem, np.asarray(state.play.potential))


def starting_point(
    problem: Problem, law: Float[np.ndarray, " S"], temperature: float
) -> tuple[Float[np.ndarray, " N"], Smoothing, Play]:
    """A population with its soft response, uniform center, and what is played there."""
    game = problem.game
    size = game.num_states
    field = np.asarray(game.mean_field_of(law, uniform_policy(game)))
    unit = _unit(problem, field)
    response = respond(
        problem, jnp.asarray(field), jnp.zeros(size), jnp.asarray(temperature * unit)
    )
    center = Center.uniform(game, law)
    log_temperature = np.log(np.array(temperature))
    smoothing = Smoothing(center, log_temperature, np.array(RESTART), np.array(unit))
    field = np.asarray(game.mean_field_of(law, np.asarray(response.policy)))
    value = np.asarray(response.value)
    point = np.concatenate([value / unit, field.ravel()])
    return point, smoothing, linearize(problem, point, smoothing).play


def proximal_state(point: Float[np.ndarray, " N"], play: Play, smoothing: Smoothing) -> NewtonState:
    """The state of one who takes proximal steps from here."""
    return NewtonState(point, play, smoothing, None)


def num_unknowns(problem: Problem) -> int:
    """The size of the smoothed equations: the value and the mean field."""
    game = problem.game
    return game.num_states + int(np.prod(game.mean_field_shape))


def _path_step(problem: Problem, state: NewtonState, heading: Heading, end: float) -> NewtonState:
    """One step along the path; its length follows how hard the correction was."""
    tangent, length, steps = heading
    here = float(state.smoothing.log_temperature)
    if tangent[-1] < 0:
        length = min(length, (end - here) / tangent[-1])
    point = moved(problem, np.asarray(state.point), length * tangent[:-1])
    there = state.smoothing._replace(log_temperature=np.array(here + length * tangent[-1]))
    found = correct(problem, point, there, PATH_TOLERANCE, PATH_CORRECTIONS, tangent)
    following = None if found is None else _tangent(found, tangent)
    ended = steps >= MAX_PATH_STEPS
    if found is None or following is None or following @ tangent < 0.5:
        shorter = Heading(tangent, length / 3, steps + 1)
        ended = ended or length / 3 < SHORTEST
        return NewtonState(state.point, state.play, state.smoothing, None if ended else shorter)
    ended = ended or float(found.smoothing.log_temperature) <= end + 1e-9
    growth = 1.6 if found.steps <= 3 else 0.7 if found.steps >= 6 else 1.0
    onward = Heading(following, min(heading.length * growth, LONGEST), steps + 1)
    return _state(found, None if ended else onward)


def _proximal_step(problem: Problem, state: NewtonState) -> NewtonState:
    """One step of the proximal point method: what is played becomes the center."""
    play, smoothing = state.play, state.smoothing
    temperature = float(smoothing.log_temperature)
    center = _ahead(problem, play, smoothing.center, state.stride)
    near = smoothing._replace(center=center)
    found = correct(problem, state.point, near, TOLERANCE, CORRECTIONS)
    if found is not None:
        # Many corrections say that a colder step from here would fail.
        drop = np.log(COOLING) if found.steps <= EASY else 0.0
        change = found.point - np.asarray(state.point)
        arrived = temperature <= state.coldest
        straight = arrived and _cosine(change, state.change) > STRAIGHT
        stride = min(STRETCH * state.stride + 1, FURTHEST) if straight else 0.0
        onward = replace(state, stride=stride, change=change)
        if arrived:
            shaking = not straight and _shakes(change, state.change)
            onward = _quieter(onward, float(np.linalg.norm(change)), shaking)
        cooler = np.array(max(temperature - drop, onward.coldest))
        following = found.smoothing._replace(log_temperature=cooler)
        return replace(onward, point=found.point, play=found.slope.play, smoothing=following)
    if state.stride:
        return replace(state, stride=0.0)
    if temperature < np.log(HOT):
        warmer = smoothing._replace(log_temperature=np.array(temperature + np.log(WARMING)))
        return replace(state, smoothing=warmer)
    point = _relaxed(problem, np.asarray(state.point), near)
    play = linearize(problem, point, near).play
    rescues = state.rescues + 1
    finished = rescues > MAX_RESCUES
    return replace(state, point=point, play=play, rescues=rescues, finished=finished)


def _quieter(state: NewtonState, length: float, shaking: bool) -> NewtonState:
    """The state with where to go on: at a warmer temperature where steps shake, while that helps."""
    calm = min(state.calm, length)
    state = replace(state, tried=state.tried + 1, calm=calm)
    if not shaking or state.tried < TRIALS:
        return state
    calmest = state.calmest
    if calm < calmest[1]:
        calmest = (state.coldest, calm)
        coldest = min(state.coldest + np.log(COOLING), np.log(QUIET))
    else:
        coldest = calmest[0]
    return replace(state, coldest=coldest, tried=0, calm=np.inf, calmest=calmest)


def _ahead(problem: Problem, play: Play, before: Center, stride: float) -> Center:
    """What is played as a center, its logarithms moved on along their last change.

    An action or state that is worse by far less than the temperature loses as little in each step:
    its logarithm falls along a line, and many steps at once follow it as well.
    """
    log_policy, potential = np.asarray(play.log_policy), np.asarray(play.potential)
    toll = np.asarray(play.toll)
    if stride:
        log_policy = log_policy + stride * (log_policy - np.asarray(before.log_policy))
        if not toll.any():  # a toll goes with the potential as it is
            potential = potential + stride * (potential - np.asarray(before.potential))
    return Center(
        np.maximum(log_policy, LOWEST_LOG),
        _center(problem, potential),
        np.asarray(play.law),
        np.asarray(play.weight),
        toll,
    )


def _cosine(one: Float[np.ndarray, " N"], other: Float[Array, " N"] | None) -> float:
    if other is None:
        return 0.0
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ np.asarray(other) / lengths) if lengths > 0 else 0.0


def _shakes(change: Float[np.ndarray, " N"], last: Float[Array, " N"] | None) -> bool:
    """Whether steps have ceased to shrink."""
    return last is not None and bool(np.linalg.norm(change) > SHAKING * np.linalg.norm(last))


def _pruned(laws: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Laws along the last axis without probabilities below rounding."""
    kept = np.where(laws < NEVER, 0, laws)
    return kept / kept.sum(axis=-1, keepdims=True)


def _relaxed(
    problem: Problem, point: Float[np.ndarray, " N"], smoothing: Smoothing
) -> Float[np.ndarray, " N"]:
    """The point after damped Picard sweeps on the smoothed equations."""
    slope = linearize(problem, point, smoothing)
    for _ in range(SWEEPS):
        if not np.isfinite(slope.residual).all():
            break
        ahead = moved(problem, point, 0.5 * slope.residual)
        slope, point, _ = finite_slope(problem, (point, smoothing), ahead, smoothing)
    return point


def _state(found: Corrected, heading: Heading | None) -> NewtonState:
    return NewtonState(found.point, found.slope.play, found.smoothing, heading)


def _tangent(found: Corrected, before: Float[np.ndarray, " M"]) -> Float[np.ndarray, " M"]:
    """The path's unit tangent, in the direction that it was followed before."""
    direction = found.slope.solve(np.zeros(before.size - 1), before, along=1.0)
    return direction / np.linalg.norm(direction)


def _center(problem: Problem, potential: Float[np.ndarray, " S"]) -> Float[np.ndarray, " S"]:
    """The potential as a center: from zero up, and in small numbers where that changes no tie."""
    if not problem.ambiguity.ordinal:
        return potential
    order = np.argsort(potential)
    gaps = np.minimum(np.diff(potential[order]), LARGEST_GAP)
    compressed = np.zeros_like(potential)
    compressed[order[1:]] = np.cumsum(gaps)
    return compressed


def _unit(problem: Problem, guess: Float[np.ndarray, "..."]) -> float:
    """The range of values at the guess, or at a population gathered in one place where it is larger.

    It is larger by no more than `WIDEST`: a crowd that never forms may cost anything.
    """
    gathered = np.zeros(guess.size)
    gathered[0] = 1.0
    here, elsewhere = (
        value_scale(RobustMDP.at(problem.game, problem.ambiguity, jnp.asarray(field)))
        for field in (guess, gathered.reshape(guess.shape))
    )
    uniform = np.full((problem.game.num_states, problem.game.num_actions), 1 / guess.size)
    response = response_to_neighbors(problem.game, guess, uniform) / NEIGHBORHOOD
    local = max(here, response / (1 - float(problem.game.discount)))
    if not np.isfinite(elsewhere):
        return local or 1.0
    return max(here, min(elsewhere, WIDEST * local)) or 1.0
