"""The slope of the smoothed equations as four sparse blocks, in games whose rows are sparse.

A state's equations see the values of its successors, and the law of a state the policies of its
predecessors, which see the values of their own successors. With Q the action values, pi the policy,
q nature's law on the slots of each row, and m the law, in units of the values,

    dV = Pi dQ,    dQ = discount * (q . dV) + dr,    dpi = pi (dQ - Pi dQ) / temperature,
    dm' = push of (dm pi q + m dpi q + m pi dq),     dq = (dq / dv) . dV on the slots of the row.

The derivatives dq / dv of rows by their own slots are few, and found by as many directional
derivatives as a row has slots, for all rows at once. Of the rewards' derivative the blocks have what
each feels of the mass of its own state, which a few random directions tell.

What is left out is how rewards, kernel and nature's sink move with numbers that many states share. It
is of low rank where these numbers are few: the blocks are a preconditioner that leaves GMRES hardly
more steps than that, and are exact, up to rounding, where there are none.
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.kernel import Kernel, SparseKernel
from rmfg.model.leaking import kept
from rmfg.model.problem import Problem
from rmfg.solvers.smoothing import Center, Play, Smoothing, faced, residual

# How many times the square root of their number neighbors may be apart: 2 on square grids, 19 to 43 in
# sparse mf-garnet of 500 and 2,000 states.
WIDEST = 5.0
# Directions along which rewards are differentiated, how many numbers they may share, and how often own
# and shared parts are told apart, until own parts stay the same.
DIRECTIONS, SHARED, TURNS, SAME = 8, 3, 50, 1e-12
ROUNDING = 1e-24  # of squares
# Numbers this far below the largest of their block change no digit of a preconditioner.
NEGLIGIBLE = 1e-12


def has_blocks_at(problem: Problem, guess: Float[Array, "..."]) -> bool:
    """Whether the slope has blocks at a guess of the population, whatever is played there."""
    game = problem.game
    if game.mean_field != "state":
        return False
    law = np.asarray(guess)
    point = np.concatenate([np.zeros(game.num_states), law])
    smoothing = Smoothing(Center.uniform(game, law), np.zeros(()), np.zeros(()), np.ones(()))
    return has_blocks(problem, point, _played(problem, point, smoothing))


@eqx.filter_jit
def _played(problem: Problem, point: Array, smoothing: Smoothing) -> Play:
    return residual(problem, jnp.asarray(point), smoothing)[1]


def has_blocks(problem: Problem, point: Float[np.ndarray, " N"], play: Play) -> bool:
    """Whether rows are sparse, factors of the blocks stay so, and the population is a law over states.

    Nature must stay on the slots of the nominal rows, up to a sink that all rows share.

    Where states can be ordered such that neighbors are never farther apart than a few times the side
    of a square of as many states, as on grids and lines, elimination fills in little. On graphs that
    mix fast (random successors) it fills in nearly everything.
    """
    game, nature = problem.game, kept(play.kernel)
    if game.mean_field != "state" or not isinstance(nature, SparseKernel):
        return False
    nominal = game.kernel(point[game.num_states :])
    moves = isinstance(problem.mover(nominal, nature), SparseKernel)
    if not moves or nature.law.shape != nominal.law.shape:
        return False
    chain = nature.chain(np.asarray(play.policy))
    place = np.empty(game.num_states, np.int64)
    ordered = scipy.sparse.csgraph.reverse_cuthill_mckee(
        scipy.sparse.csr_matrix(chain + chain.T), True
    )
    place[ordered] = np.arange(place.size)
    states, successors = chain.nonzero()
    return int(np.max(np.abs(place[states] - place[successors]))) <= WIDEST * math.sqrt(place.size)


def blocks(
    problem: Problem, point: Float[np.ndarray, " N"], smoothing: Smoothing, play: Play
) -> scipy.sparse.csc_array:
    """Return the sparse part of the slope in value and law, (2 S, 2 S)."""
    game, nature = problem.game, kept(play.kernel)
    size, shape = game.num_states, (game.num_states, game.num_actions)
    directions = np.random.default_rng(0).choice([-1.0, 1.0], (DIRECTIONS, size))
    local = _local(problem, point, smoothing, directions)
    rise = own_rise(directions, np.asarray(local.rewards))
    unit, temperature = float(smoothing.unit), float(np.exp(smoothing.log_temperature))
    mass, policy = np.asarray(point[size:]), np.asarray(play.policy)
    mover = problem.mover(game.kernel(mass), nature)
    assert isinstance(mover, Kernel)
    push, played = _matrix(mover).T, mass[:, None] * policy
    # What pairs feel, what their average feels, and how the law moves with the policies.
    by_value, by_mass = float(game.discount) * _matrix(nature), _of_states(rise / unit)
    average, repeat = _of_states(policy).T, _of_states(np.ones(shape))
    value_value, value_mass = average @ by_value, average @ by_mass
    moved = push @ scipy.sparse.diags_array(played.ravel() / temperature)
    mass_value = moved @ (by_value - repeat @ value_value)
    mass_mass = moved @ (by_mass - repeat @ value_mass) + push @ _of_states(policy)
    if mover is nature:
        mass_value = mass_value + _nature(nature, unit * played * np.asarray(local.nature))
    identity, stay = scipy.sparse.eye_array(size), 1 - float(smoothing.restart)
    rows = [
        [value_value - identity, value_mass],
        [stay * mass_value, stay * mass_mass - identity],
    ]
    return scipy.sparse.csc_array(scipy.sparse.block_array(rows))


class Local(NamedTuple):
    """Derivatives of nature's law by the values on a row's slots, and of rewards along directions."""

    nature: Float[Array, "K K S A"]
    rewards: Float[Array, "D S A"]


@eqx.filter_jit
def _local(
    problem: Problem, point: Array, smoothing: Smoothing, directions: Float[Array, "D S"]
) -> Local:
    mdp, step, _ = faced(problem, jnp.asarray(point), smoothing)
    law = jnp.asarray(mdp.kernel.law)

    def nature(shift: Array) -> Array:
        softened = mdp.ambiguity.soften(mdp.kernel, step._replace(shift=shift), mdp.mean_field)
        return jnp.asarray(kept(softened.kernel).law)

    def along(direction: Array) -> Array:
        return jax.jvp(problem.game.reward, (mdp.mean_field,), (direction,))[1]

    _, directional = jax.linearize(nature, jnp.zeros_like(law))
    # One slot after another: all at once would need K times the memory.
    by_slot = jax.lax.map(
        lambda slot: directional(jnp.zeros_like(law).at[slot].set(1.0)), jnp.arange(len(law))
    )
    # A kink may have no derivative: a preconditioner does without.
    found = Local(by_slot, jax.lax.map(along, jnp.asarray(directions)))
    return jax.tree.map(lambda leaf: jnp.where(jnp.isfinite(leaf), leaf, 0), found)


def own_rise(
    directions: Float[np.ndarray, "D S"], rises: Float[np.ndarray, "D S A"]
) -> Float[np.ndarray, "S A"]:
    """Return what rewards feel of the mass of their own state, told from what they share.

    Given are derivatives along directions of signs. Each is the own mass's part and a combination of
    few shared numbers, which lie in one small space for all rewards: own parts and that space are
    found in turns. Exact where there are at most `SHARED` such numbers.
    """
    count, flat = len(directions), rises.reshape(len(rises), -1)
    signs = np.repeat(directions, rises.shape[2], axis=1)
    own = (signs * flat).mean(axis=0)
    for _ in range(TURNS):
        rest = flat - own * signs
        sizes, vectors = np.linalg.eigh(rest @ rest.T)
        # Orthogonal to the largest shared parts, as far as they are more than rounding.
        shared = (np.arange(count) >= count - SHARED) & (sizes > ROUNDING * np.sum(flat**2))
        apart = vectors[:, ~shared].T
        seen = apart @ signs
        before, own = own, np.sum(seen * (apart @ flat), axis=0) / np.sum(seen**2, axis=0)
        if np.max(np.abs(own - before)) <= SAME * np.max(np.abs(own)):
            break
    return own.reshape(rises.shape[1:])


def _matrix(kernel: Kernel) -> scipy.sparse.csr_array:
    """The kernel as a matrix from pairs to states, (S A, S)."""
    assert isinstance(kernel, SparseKernel)
    law, slots = (
        np.asarray(array).reshape(len(array), -1).T for array in (kernel.law, kernel.slots)
    )
    starts = np.arange(0, law.size + 1, law.shape[1])
    shape = (len(law), kernel.num_states)
    return scipy.sparse.csr_array((law.ravel(), slots.ravel(), starts), shape)


def _of_states(numbers: Float[np.ndarray, "S A"]) -> scipy.sparse.csr_array:
    """The matrix from pairs to their own states with these entries, (S A, S)."""
    pairs = np.arange(numbers.size)
    shape = (numbers.size, numbers.shape[0])
    return scipy.sparse.csr_array((numbers.ravel(), (pairs, pairs // numbers.shape[1])), shape)


def _nature(kernel: Kernel, numbers: Float[np.ndarray, "K K S A"]) -> scipy.sparse.csr_array:
    """The matrix from values to masses, (S, S), of entries by the slot (first) of a slot (second)."""
    assert isinstance(kernel, SparseKernel)
    slots = np.asarray(kernel.slots)
    by, of = (np.broadcast_to(array, numbers.shape) for array in (slots[:, None], slots[None]))
    used = np.abs(numbers) > NEGLIGIBLE * np.max(np.abs(numbers), initial=0)
    shape = (kernel.num_states, kernel.num_states)
    return scipy.sparse.csr_array((numbers[used], (of[used], by[used])), shape)
