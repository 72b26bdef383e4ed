"""Successors that are named more than once: found, refused, or added up.

Grids with walls make them all the time: two moves that end in the same cell are one move.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, is_concrete


def merged(
    successors: Int[Array, "S A K"], probabilities: Float[Array, "S A K"]
) -> tuple[Int[Array, "S A L"], Float[Array, "S A L"]]:
    """Move the probability of every successor to the first slot that names it (traceable).

    Where the numbers are known, slots that are needed nowhere are left out.
    """
    concrete = is_concrete(successors, probabilities)
    numpy: Any = np if concrete else jnp
    successors, probabilities = numpy.asarray(successors), numpy.asarray(probabilities)
    order = numpy.argsort(successors, axis=-1, stable=True)
    ordered = numpy.take_along_axis(successors, order, -1)
    fresh = numpy.ones_like(ordered, dtype=bool)
    changed = ordered[..., 1:] != ordered[..., :-1]
    fresh = numpy.concatenate([fresh[..., :1], changed], axis=-1)
    group = numpy.cumsum(fresh, axis=-1) - 1
    mass = numpy.take_along_axis(probabilities, order, -1)
    rows = numpy.indices(group.shape)[:-1]
    if concrete:
        law, targets = np.zeros_like(mass), np.zeros_like(ordered)
        np.add.at(law, (*rows, group), mass)
        targets[(*rows, group)] = ordered
        width = int(group.max()) + 1
        return targets[..., :width], law[..., :width]
    law = jnp.zeros_like(mass).at[(*rows, group)].add(mass)
    return jnp.zeros_like(ordered).at[(*rows, group)].set(ordered), law


def gathered(
    states: Int[Array, " M"] | Sequence[int],
    actions: Int[Array, " M"] | Sequence[int],
    successors: Int[Array, " M"] | Sequence[int],
    probabilities: Float[Array, " M"] | Sequence[Number],
    num_states: int | None,
    num_actions: int | None,
) -> tuple[Int[np.ndarray, "S A K"], Float[np.ndarray, "S A K"]]:
    """The slots of listed moves, each successor once, padded to the longest row."""
    mass = inputs.real("probabilities", probabilities)
    named = {"states": states, "actions": actions, "successors": successors}
    numbers = {name: inputs.whole_numbers(name, array) for name, array in named.items()}
    for name, array in (numbers | {"probabilities": mass}).items():
        if not is_concrete(array):
            raise TypeError(
                f"`{name}` must hold numbers, but is being traced: the slots depend on them. List the "
                "slots yourself: `SparseKernel(successors, probabilities, merge=True)`."
            )
        if array.ndim != 1 or array.shape != mass.shape or not array.size:
            raise ValueError(
                f"`{name}` must have one entry per move, like `probabilities` of shape "
                f"{tuple(mass.shape)}, but has shape {tuple(array.shape)}."
            )
    at, do, to = (np.asarray(array) for array in numbers.values())
    size = _size("num_states", num_states, max(at.max(), to.max()))
    width = _size("num_actions", num_actions, do.max())
    for name, array, count in (
        ("states", at, size),
        ("actions", do, width),
        ("successors", to, size),
    ):
        check_states(name, array, ("i",), count, "actions" if name == "actions" else "states")
    (before, after), row = np.unique(np.stack([at, do]), axis=1, return_inverse=True)
    expected = np.arange(min(len(before) + 1, size * width))
    if len(before) != size * width:
        listed = np.append(before, -1) == expected // width
        absent = int(np.argmin(listed & (np.append(after, -1) == expected % width)))
        where = checks.place(divmod(absent, width), "sa")
        raise ValueError(
            f"`states` and `actions` must list every pair, but {where} has no moves. A state that "
            "nobody leaves needs a move to itself."
        )
    row = row.ravel()
    moves, move = np.unique(np.stack([row, to]), axis=1, return_inverse=True)
    total = np.bincount(move.ravel(), np.asarray(mass, dtype=np.float64), minlength=moves.shape[1])
    first = np.searchsorted(moves[0], np.arange(len(before)))
    slot = np.arange(moves.shape[1]) - first[moves[0]]
    shape = (len(before), int(slot.max()) + 1)
    law, targets = np.zeros(shape), np.zeros(shape, dtype=np.int64)
    law[moves[0], slot], targets[moves[0], slot] = total, moves[1]
    final = (size, width, shape[1])
    return targets.reshape(final), law.reshape(final)


def check_states(
    name: str,
    numbers: Int[np.ndarray, "..."],
    axes: tuple[str, ...],
    count: int,
    what: str = "states",
) -> None:
    """Refuse numbers of states (or actions) that there are not."""
    outside = (numbers < 0) | (numbers >= count)
    if outside.any():
        index = np.argwhere(outside)[0]
        raise ValueError(
            f"`{name}` must be numbers of {what} from 0 to {count - 1}, but is "
            f"{numbers[tuple(index)]} at {checks.place(index, axes)}. "
            "Pad short rows with any state and probability 0."
        )


def check_distinct(successors: np.ndarray, probabilities: np.ndarray) -> None:
    """Refuse rows in which two slots with mass name the same state."""
    # Padding gets a number of its own per slot, so that only real successors can repeat.
    padding = successors.shape[0] + np.arange(successors.shape[-1])
    real = np.sort(np.where(probabilities > 0, successors, padding), axis=-1)
    repeated = real[..., 1:] == real[..., :-1]
    if repeated.any():
        s, a, k = np.argwhere(repeated)[0]
        raise ValueError(
            f"`successors` names state {real[s, a, k]} twice in row {checks.place((s, a), 'sa')}. "
            "Add the probabilities up into one slot, or let `merge=True` do it."
        )


def _size(name: str, given: int | None, largest: np.integer) -> int:
    return int(largest) + 1 if given is None else inputs.integer(name, given, 1)
