"""The proximal point method on the smoothed equations: what is played becomes the next center."""

from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.precision import Array, boundary
from rmfg.model.leaking import Leaking
from rmfg.model.problem import Candidate, Problem
from rmfg.operators.robust_mdp import NonFiniteError
from rmfg.solvers.base import Solver
from rmfg.solvers.corrector import correct, relaxed
from rmfg.solvers.options import ProximalOptions
from rmfg.solvers.slope import linearize
from rmfg.solvers.smoothing import Center, Play, Smoothing, unit_of

# Where only the order of values matters, a tie is a difference of the potential of a few units, and
# beyond e^-50 is nothing: large potentials would cost digits.
LARGEST_GAP = 50.0
LOWEST_LOG = -500.0
# Actions that an earlier answer does not use may be needed now: they must not be too far away.
RESUMED_LOG = -30.0
# Probabilities below this are rounding: they are left out of what is returned.
NEVER = 1e-14


class ProximalState(eqx.Module):
    """A solution of the smoothed equations, which is the center of the next ones.

    `stride` is how many times more the center moves on as it did last, while each `change` of the
    point goes on in the direction of the one before. Cooling ends at the coldest temperature, `raised`
    so often, where `tried` steps were taken. `rescues` counts failures.
    """

    point: Float[Array, " N"]
    play: Play
    smoothing: Smoothing
    stride: float = 0.0
    change: Float[Array, " N"] | None = None
    raised: int = 0
    tried: int = 0
    rescues: int = 0


class Proximal(Solver):
    """Proximal steps from a solution of the smoothed equations; the guess is not used.

    Each step keeps policy, nature's kernel and law near the last ones, and the temperature falls. The
    bias is proportional to what the step changes, and vanishes with it.

    @article{rockafellar1976, title={Monotone Operators and the Proximal Point Algorithm},
      author={Rockafellar, R. Tyrrell}, journal={SIAM Journal on Control and Optimization},
      volume={14}, year={1976}}
    """

    start: ProximalState
    options: ProximalOptions = ProximalOptions()

    def init(self, problem: Problem, guess: Float[Array, "..."]) -> ProximalState:
        return self.start

    @boundary
    def step(self, problem: Problem, state: ProximalState) -> ProximalState:
        return proximal_step(problem, state, self.options)

    @boundary
    def candidate(self, problem: Problem, state: ProximalState) -> Candidate:
        return played(problem, state.play)

    def potential(self, problem: Problem, state: ProximalState) -> Float[np.ndarray, " S"]:
        return centered(problem, np.asarray(state.play.potential))

    def finished(self, state: ProximalState) -> bool:
        return gave_up(state, self.options)

    def __str__(self) -> str:
        return "Newton(), from another start"


def resumed(
    problem: Problem,
    candidate: Candidate,
    value: Float[Array, " S"],
    potential: Float[Array, " S"] | None,
    temperature: Array,
    restart: Array,
) -> ProximalState:
    """Return the state of one who has arrived at a candidate, and takes proximal steps there.

    The game may read another kind of mean field than the one that the candidate is of.
    Raises NonFiniteError where the game is not finite there.
    """
    game, value = problem.game, np.asarray(value)
    policy, distribution = np.asarray(candidate.policy), np.asarray(candidate.distribution)
    field = np.asarray(game.mean_field_of(distribution, policy))
    start = np.zeros(game.num_states) if potential is None else np.asarray(potential)
    logarithms = np.log(np.maximum(policy, np.exp(RESUMED_LOG)))
    unit = unit_of(problem, field)
    ones, zeros = np.ones_like(policy), np.zeros_like(policy)
    center = Center(logarithms, start, distribution, ones, zeros)
    smoothing = Smoothing(
        center, np.log(np.asarray(temperature)), np.asarray(restart), np.array(unit)
    )
    point = np.concatenate([value / unit, field.ravel()])
    # What is played there is the candidate; weights and offsets are those of the set.
    slope = linearize(problem, point, smoothing)
    if not np.isfinite(slope.residual).all():
        raise NonFiniteError("the game is not finite where Newton's method was to begin")
    near = slope.play
    kernel = near.kernel if candidate.kernel is None else candidate.kernel
    play = near._replace(
        policy=policy, kernel=kernel, distribution=distribution, log_policy=logarithms
    )
    return ProximalState(point, play, smoothing)


def played(problem: Problem, play: Play) -> Candidate:
    """Return what is played as a candidate."""
    # What is less likely than rounding does not happen: nature need not answer it.
    distribution, policy = (
        _pruned(np.asarray(array)) for array in (play.distribution, play.policy)
    )
    kernel = play.kernel.closed() if isinstance(play.kernel, Leaking) else play.kernel
    moves = problem.population == "worst_case"
    return Candidate(jnp.asarray(policy), jnp.asarray(distribution), kernel if moves else None)


def gave_up(state: ProximalState, options: ProximalOptions) -> bool:
    """Whether all rescues have failed."""
    return state.rescues > options.max_rescues


def proximal_step(
    problem: Problem, state: ProximalState, options: ProximalOptions
) -> ProximalState:
    """One step of the proximal point method: what is played becomes the center."""
    play, smoothing = state.play, state.smoothing
    temperature = float(smoothing.log_temperature)
    center = _ahead(problem, play, smoothing.center, state.stride)
    near = smoothing._replace(center=center)
    found = correct(problem, state.point, near, options.tolerance, options.corrections)
    if found is not None:
        # Many corrections say that a colder step from here would fail.
        drop = np.log(options.cooling) if found.steps <= options.easy else 0.0
        change = found.point - np.asarray(state.point)
        arrived = temperature <= _coldest(state, options)
        straight = arrived and _cosine(change, state.change) > options.straight
        stride = min(options.stretch * state.stride + 1, options.furthest) if straight else 0.0
        onward = replace(state, stride=stride, change=change)
        if arrived:
            shaking = not straight and _ratio(change, state.change) > options.shaking
            onward = _quieter(onward, shaking, options)
        cooler = np.array(max(temperature - drop, _coldest(onward, options)))
        following = found.smoothing._replace(log_temperature=cooler)
        return replace(onward, point=found.point, play=found.slope.play, smoothing=following)
    if state.stride:
        return replace(state, stride=0.0)
    if temperature < np.log(options.hot):
        warmer = smoothing._replace(log_temperature=np.array(temperature + np.log(options.warming)))
        return replace(state, smoothing=warmer)
    point = relaxed(problem, np.asarray(state.point), near)
    play = linearize(problem, point, near).play
    return replace(state, point=point, play=play, rescues=state.rescues + 1)


def _coldest(state: ProximalState, options: ProximalOptions) -> float:
    """The logarithm of the temperature at which cooling ends."""
    return float(np.log(options.coldest) + state.raised * np.log(options.cooling))


def _quieter(state: ProximalState, shaking: bool, options: ProximalOptions) -> ProximalState:
    """The state with where cooling ends next: warmer where steps shake, and beyond the warmest anew.

    Which temperature is quietest is not seen in the steps: where values shake, policies hardly do.
    """
    tried = state.tried + 1
    if not shaking or tried < options.trials:
        return replace(state, tried=tried)
    warmer = replace(state, raised=state.raised + 1, tried=0)
    return (
        warmer if _coldest(warmer, options) <= np.log(options.quiet) else replace(warmer, raised=0)
    )


def _ahead(problem: Problem, play: Play, before: Center, stride: float) -> Center:
    """What is played as a center, its logarithms moved on along their last change.

    An action or state that is worse by far less than the temperature loses as little in each step:
    its logarithm falls along a line, and many steps at once follow it as well.
    """
    log_policy, potential = np.asarray(play.log_policy), np.asarray(play.potential)
    offset = np.asarray(play.offset)
    if stride:
        log_policy = log_policy + stride * (log_policy - np.asarray(before.log_policy))
        if not offset.any():  # an offset goes with the potential as it is
            potential = potential + stride * (potential - np.asarray(before.potential))
    return Center(
        np.maximum(log_policy, LOWEST_LOG),
        centered(problem, potential),
        np.asarray(play.distribution),
        np.asarray(play.weight),
        offset,
    )


def centered(problem: Problem, potential: Float[np.ndarray, " S"]) -> Float[np.ndarray, " S"]:
    """The potential as a center: from zero up, and in small numbers where that changes no tie."""
    if not (problem.ambiguity.by_order or problem.ambiguity.singleton):
        return potential
    order = np.argsort(potential)
    gaps = np.minimum(np.diff(potential[order]), LARGEST_GAP)
    compressed = np.zeros_like(potential)
    compressed[order[1:]] = np.cumsum(gaps)
    return compressed


def _cosine(one: Float[np.ndarray, " N"], other: Float[Array, " N"] | None) -> float:
    if other is None:
        return 0.0
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ np.asarray(other) / lengths) if lengths > 0 else 0.0


def _ratio(change: Float[np.ndarray, " N"], last: Float[Array, " N"] | None) -> float:
    """By how much steps shrink, one for one after a step of zero; zero where there was none."""
    if last is None or not np.any(change):
        return 0.0
    before = np.linalg.norm(last)
    return float(np.linalg.norm(change) / before) if before > 0 else 1.0


def _pruned(laws: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Laws along the last axis without probabilities below rounding."""
    kept = np.where(laws < NEVER, 0, laws)
    return kept / kept.sum(axis=-1, keepdims=True)
