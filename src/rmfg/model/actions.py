"""Which actions there are in which state.

A mask (S, A) says it, where not every state has all of them. Wherever numbers of all pairs are
needed, a pair that is none is a copy of the first action that its state has: it changes no maximum,
no range and no bound, whatever was given for it. What plays actions asks the mask itself, so that
no policy ever takes a copy.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from rmfg.core import inputs
from rmfg.core.precision import Array, is_concrete
from rmfg.model.kernel import Kernel, SparseKernel, assemble


def as_mask(actions: Any) -> Bool[np.ndarray, "S A"]:
    """Refuse anything but booleans with two axes; a copy that nobody changes."""
    if np.ma.is_masked(actions):
        raise ValueError("`actions` must not hold masked entries. Fill them with True or False.")
    try:
        mask = np.array(actions)
    except ValueError as error:
        raise ValueError(
            f"`actions` must be booleans (states, actions), but rows differ in length ({error})."
        ) from error
    except Exception as error:  # an object's own conversion may raise anything
        raise TypeError(
            f"`actions` must be booleans (states, actions), but is {inputs.described(actions)}."
        ) from error
    if mask.dtype != np.bool_:
        raise TypeError(
            f"`actions` must be booleans (states, actions), True where there is such an action, but "
            f"has type {mask.dtype}. Write `np.asarray(actions, dtype=bool)` for zeros and ones."
        )
    if mask.ndim != 2:
        raise ValueError(
            f"`actions` must have shape (states, actions), but has shape {mask.shape}."
        )
    mask.flags.writeable = False
    return mask


def checked_actions(actions: Any, num_states: int, num_actions: int) -> Bool[np.ndarray, "S A"]:
    """Refuse a mask of other sizes, and one that leaves a state without an action."""
    mask = as_mask(actions)
    if mask.shape != (num_states, num_actions):
        raise ValueError(
            f"`actions` must have shape {(num_states, num_actions)} = (states, actions), but has "
            f"shape {mask.shape}. Check the order of the axes."
        )
    without = ~mask.any(axis=1)
    if without.any():
        state = int(np.flatnonzero(without)[0])
        raise ValueError(
            f"`actions` must allow an action in every state, but none in state {state}. Where there "
            "is nothing to choose, allow one action."
        )
    return mask


def check_played(name: str, policy: Array, actions: Array | None) -> None:
    """Refuse a policy, or a mass on pairs, that needs actions that its state does not have."""
    if actions is None or not is_concrete(policy, actions):
        return
    bad = ~np.asarray(actions) & (np.asarray(policy) != 0)
    if bad.any():
        state, action = np.argwhere(bad)[0]
        raise ValueError(
            f"`{name}` must be zero for actions that the game does not allow, but is "
            f"{np.asarray(policy)[state, action]:.6g} at (s={state}, a={action}). "
            "Set these to zero and divide each row by its sum."
        )


def uniform_over(
    actions: Array | None, num_states: int, num_actions: int
) -> Float[np.ndarray, "S A"]:
    """The policy that takes all actions alike that there are."""
    if actions is None:
        return np.full((num_states, num_actions), 1 / num_actions)
    mask = np.asarray(actions, dtype=np.float64)
    return mask / mask.sum(axis=1, keepdims=True)


def substituted(numbers: Any, actions: Array | None) -> Any:
    """Numbers (S, A, ...) or a kernel, with a copy of the first action for pairs that are none."""
    if actions is None:
        return numbers
    if isinstance(numbers, Kernel) and numbers.law.shape[1:] != np.shape(actions):
        return numbers
    if isinstance(numbers, SparseKernel):
        slots, law = (_filled(part, actions, 1) for part in (numbers.slots, numbers.law))
        return assemble(SparseKernel, slots=slots, law=law)
    if isinstance(numbers, Kernel):
        return assemble(type(numbers), law=_filled(numbers.law, actions, 1))
    array = numbers if isinstance(numbers, jax.Array) else np.asarray(numbers)
    # What has another shape is refused by those who know what it should be.
    return _filled(array, actions, 0) if array.shape[:2] == np.shape(actions) else numbers


def allowed_only(numbers: Float[Array, "S A"], actions: Array | None) -> Float[Array, "S A"]:
    """The numbers, and minus infinity for pairs that are none."""
    return numbers if actions is None else jnp.where(jnp.asarray(actions), numbers, -jnp.inf)


def _filled(array: Array, actions: Array, axis: int) -> Array:
    """The array whose axes `axis` and `axis + 1` are states and actions, with copies filled in."""
    on_host = is_concrete(array, actions) and not isinstance(array, jax.Array)
    numpy: Any = np if on_host else jnp
    mask = numpy.asarray(actions)
    chosen = _stand_ins(mask, numpy)
    shape = (1,) * axis + chosen.shape + (1,) * (array.ndim - axis - 2)
    return numpy.take_along_axis(array, chosen.reshape(shape), axis=axis + 1)


def _stand_ins(mask: Array, numpy: Any) -> Int[Array, "S A"]:
    """For each pair the action whose numbers it has: its own, or those of the state's first."""
    own = numpy.arange(mask.shape[1])[None]
    first = numpy.argmax(mask, axis=1)[:, None]
    return numpy.where(mask, own, first)
