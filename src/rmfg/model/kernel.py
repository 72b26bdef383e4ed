"""Transition kernels: the law of the next state after (s, a), dense or sparse, one interface.

Algorithms talk to a kernel through `expectation`, `push`, `rows` and `with_law`, never to its
arrays. Arrays are given and shown as (S, A, K) and kept with the successors first (see `rows`).

What is given is copied, normalized in float64 and read-only from then on: a kernel that was checked
stays what it is. Inside of code that JAX traces there are no numbers yet, and nothing of this is done.
"""

import abc
from collections.abc import Sequence
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, boundary, is_concrete
from rmfg.model import merging
from rmfg.model.rows import Held, Reach, Rows

K = TypeVar("K", bound="Kernel")


class Kernel(eqx.Module):
    """The laws of the next state, one for each (s, a), as an operator."""

    law: eqx.AbstractVar[Float[Array, "K S A"]]  # successors first

    def __repr__(self) -> str:
        """Return one line, also for what JAX puts in the place of arrays."""
        width, states, actions = getattr(self.law, "shape", ("?", "?", "?"))
        about = f"{states} states, {actions} actions, {width} successors a row"
        return f"<{type(self).__name__}: {about}>"

    @property
    def num_states(self) -> int:
        """The number of states S."""
        return self.law.shape[1]

    @property
    def num_actions(self) -> int:
        """The number of actions A."""
        return self.law.shape[2]

    @property
    def probabilities(self) -> Float[Array, "S A K"]:
        """The probabilities, the next state (or its slot) last."""
        return _successors_last(self.law)

    @abc.abstractmethod
    def expectation(self, values: Float[Array, " S"]) -> Float[Array, "S A"]:
        """Return the expected value of the next state for each (s, a)."""

    @abc.abstractmethod
    def push(self, occupation: Float[Array, "S A"]) -> Float[Array, " S"]:
        """Return where a mass on (s, a) is after one step."""

    @abc.abstractmethod
    def rows(self, values: Float[Array, " S"], reach: Reach) -> Rows:
        """Return the rows with the values of the successors that nature can need."""

    @abc.abstractmethod
    def with_law(self, rows: Rows, law: Float[Array, "K S A"]) -> "Kernel":
        """Return the kernel of the same kind that has `law` on the successors of `rows`."""

    @abc.abstractmethod
    def to_dense(self) -> Float[Array, "S A S"]:
        """Return the probabilities as one array (S, A, S)."""

    @abc.abstractmethod
    def matrix(self, policy: Float[Array, "S A"]) -> Float[Array, "S S"]:
        """Return the Markov chain of an agent who follows the policy as a dense matrix."""

    @abc.abstractmethod
    def chain(self, policy: Float[np.ndarray, "S A"]) -> scipy.sparse.csr_array:
        """Return the Markov chain of an agent who follows the policy, (S, S), on the host."""

    @abc.abstractmethod
    def check(self) -> None:
        """Raise ValueError where a row is not a law or a successor is no state."""

    def normalized(self) -> "Kernel":
        """Return the kernel whose rows sum to one to the last digit, whoever made it (traceable).

        What is negative becomes zero; rows without mass become NaN.
        """
        if is_concrete(self):
            law = checks.normalized(np.asarray(self.law, dtype=np.float64), axis=0)
            law = jnp.asarray(law) if isinstance(self.law, jax.Array) else read_only(law)
        else:
            law = jnp.maximum(self.law, 0)
            law = law / jnp.sum(law, axis=0)
        return eqx.tree_at(lambda kernel: kernel.law, self, law)

    def to_sparse(self) -> "SparseKernel":
        """Return the kernel with only its positive probabilities, padded to the longest row."""
        dense = np.asarray(self.to_dense())
        width = max(1, int((dense > 0).sum(-1).max()))
        # A stable sort on "is zero" keeps the successors of each row in increasing order.
        successors = np.argsort(dense <= 0, axis=-1, kind="stable")[..., :width]
        return SparseKernel(successors, np.take_along_axis(dense, successors, -1))


class DenseKernel(Kernel):
    """A kernel given by all its probabilities (S, A, S).

    Rows that are laws up to the rounding of their own type are normalized.
    Raises ValueError where the shape is not (S, A, S) or a row is not a law.
    """

    law: Float[Array, "K S A"]  # successors first

    def __init__(self, probabilities: Float[Array, "S A K"]):
        array = inputs.real("probabilities", probabilities)
        if array.ndim != 3 or array.shape[0] != array.shape[2] or 0 in array.shape:
            raise ValueError(
                "`probabilities` must have shape (S, A, S) = (states, actions, next states), but "
                f"has shape {tuple(array.shape)}. Check the order of the axes."
            )
        precision = inputs.precision_of(probabilities)
        self.law = _successors_first(checks.laws("probabilities", array, precision=precision))

    @boundary
    def expectation(self, values: Float[Array, " S"]) -> Float[Array, "S A"]:
        return jnp.tensordot(values, self.law, 1)

    @boundary
    def push(self, occupation: Float[Array, "S A"]) -> Float[Array, " S"]:
        return jnp.tensordot(self.law, occupation, 2)

    def rows(self, values: Float[Array, " S"], reach: Reach) -> Rows:
        shared = jnp.asarray(values)[:, None, None]
        law = jnp.asarray(self.law)
        allowed = law > 0 if reach == "support" else jnp.ones_like(shared, dtype=bool)
        return Rows(law, shared, allowed, jnp.arange(self.num_states)[:, None, None])

    def with_law(self, rows: Rows, law: Float[Array, "K S A"]) -> "DenseKernel":
        return assemble(DenseKernel, law=law)

    def check(self) -> None:
        checks.laws("probabilities", self.probabilities)

    def to_dense(self) -> Float[Array, "S A K"]:
        return self.probabilities

    def matrix(self, policy: Float[Array, "S A"]) -> Float[Array, "S S"]:
        return jnp.einsum("tsa,sa->st", self.law, policy)

    def chain(self, policy: Float[np.ndarray, "S A"]) -> scipy.sparse.csr_array:
        return scipy.sparse.csr_array(np.einsum("tsa,sa->st", np.asarray(self.law), policy))


class SparseKernel(Kernel):
    """A kernel given by the K successors of each (s, a), padded with probability zero.

    `successors` (S, A, K) are state numbers, `probabilities` (S, A, K) their probabilities. A slot
    of probability zero is padding: it does not say that nature may go there. Rows that are laws up to
    the rounding of their own type are normalized.

    A row that names the same successor twice is refused, for it is often a mistake. Where it is not,
    as in front of a wall, `merge=True` adds the probabilities up.
    Raises ValueError where shapes differ, a successor is no state, or a row is not a law.
    """

    slots: Int[Array, "K S A"]  # successors first, like the law
    law: Float[Array, "K S A"]

    def __init__(
        self,
        successors: Int[Array, "S A K"],
        probabilities: Float[Array, "S A K"],
        *,
        merge: bool = False,
    ):
        targets = inputs.whole_numbers("successors", successors)
        array = inputs.real("probabilities", probabilities)
        if array.ndim != 3 or targets.shape != array.shape or 0 in array.shape:
            raise ValueError(
                "`successors` and `probabilities` must both have shape (S, A, K) = (states, "
                f"actions, successors), but have {tuple(targets.shape)} and {tuple(array.shape)}."
            )
        if is_concrete(targets):
            merging.check_states("successors", np.asarray(targets), ("s", "a", "k"), len(targets))
        precision = inputs.precision_of(probabilities)
        array = checks.laws("probabilities", array, precision=precision)
        if inputs.flag("merge", merge):
            targets, array = merging.merged(targets, array)
        elif is_concrete(targets, array):
            merging.check_distinct(np.asarray(targets), np.asarray(array))
        self.slots = _successors_first(targets)
        self.law = _successors_first(array)

    @classmethod
    def from_coo(
        cls,
        states: Int[Array, " M"] | Sequence[int],
        actions: Int[Array, " M"] | Sequence[int],
        successors: Int[Array, " M"] | Sequence[int],
        probabilities: Float[Array, " M"] | Sequence[Number],
        *,
        num_states: int | None = None,
        num_actions: int | None = None,
    ) -> "SparseKernel":
        """Make a kernel from a list of moves, adding up those that are listed more than once.

        The four arrays (M,) say that in a state, after an action, a successor has a probability. Sizes
        are the largest numbers that occur plus one, unless they are given.
        Raises ValueError where a pair of state and action has no moves, or they are no law.
        """
        return cls(
            *merging.gathered(states, actions, successors, probabilities, num_states, num_actions)
        )

    @property
    def successors(self) -> Int[Array, "S A K"]:
        """The state numbers of the successors (S, A, K)."""
        return _successors_last(self.slots)

    @boundary
    def expectation(self, values: Float[Array, " S"]) -> Float[Array, "S A"]:
        values = jnp.asarray(values)

        def body(sums: Array, slot: tuple[Array, Array]) -> tuple[Array, None]:
            return sums + slot[1] * values[slot[0]], None

        zeros = jnp.zeros(self.law.shape[1:], jnp.result_type(self.law, values))
        return jax.lax.scan(body, zeros, (jnp.asarray(self.slots), jnp.asarray(self.law)))[0]

    @boundary
    def push(self, occupation: Float[Array, "S A"]) -> Float[Array, " S"]:
        moved = jnp.asarray(self.law) * occupation
        return jax.ops.segment_sum(moved.ravel(), jnp.ravel(self.slots), self.num_states)

    def rows(self, values: Float[Array, " S"], reach: Reach) -> Rows:
        values, slots, law = jnp.asarray(values), jnp.asarray(self.slots), jnp.asarray(self.law)
        if reach == "everywhere":
            spread = _spread(slots, law).rows(values, reach)
            held = Held(law, slots, values[slots])
            return Rows(spread.law, spread.values, spread.allowed, spread.successors, held)
        gathered, allowed = values[slots], law > 0
        if reach == "support":
            return Rows(law, gathered, allowed, slots)
        lowest = jnp.argmin(values)
        listed = jnp.any(allowed & (slots == lowest), axis=0, keepdims=True)
        return Rows(
            jnp.concatenate([law, jnp.zeros_like(law[:1])]),
            jnp.concatenate([gathered, jnp.full_like(gathered[:1], values[lowest])]),
            jnp.concatenate([allowed, ~listed]),
            jnp.concatenate([slots, jnp.full_like(slots[:1], lowest)]),
        )

    def with_law(self, rows: Rows, law: Float[Array, "K S A"]) -> "SparseKernel":
        return assemble(SparseKernel, slots=jnp.broadcast_to(rows.successors, law.shape), law=law)

    def check(self) -> None:
        checks.laws("probabilities", self.probabilities)
        if is_concrete(self):
            successors = np.asarray(self.successors)
            merging.check_states("successors", successors, ("s", "a", "k"), self.num_states)
            merging.check_distinct(successors, np.asarray(self.probabilities))

    @boundary
    def to_dense(self) -> Float[Array, "S A K"]:
        return _spread(jnp.asarray(self.slots), jnp.asarray(self.law)).probabilities

    def to_sparse(self) -> "SparseKernel":
        return self

    def matrix(self, policy: Float[Array, "S A"]) -> Float[Array, "S S"]:
        size = self.num_states
        zeros = jnp.zeros((size, size), jnp.result_type(self.law, policy))
        return zeros.at[jnp.arange(size)[:, None], self.slots].add(self.law * policy)

    def chain(self, policy: Float[np.ndarray, "S A"]) -> scipy.sparse.csr_array:
        moves = np.asarray(self.law) * policy
        slots, sources, actions = np.nonzero(moves)
        targets = np.asarray(self.slots)[slots, sources, actions]
        shape = (self.num_states, self.num_states)
        entries = moves[slots, sources, actions]
        return scipy.sparse.csr_array((entries, (sources, targets)), shape=shape)


def as_kernel(kernel: Kernel | Array, name: str = "kernel") -> Kernel:
    """The kernel itself, or the dense kernel of an array (S, A, S).

    Raises TypeError or ValueError, naming the argument, for what is neither.
    """
    if isinstance(kernel, Kernel):
        return kernel
    inputs.real(name, kernel)
    with inputs.named(name):
        return DenseKernel(kernel)


def stacked(kernels: Sequence[Kernel]) -> Float[Array, "N K S A"]:
    """The laws of several kernels over all states, successors first."""
    return jnp.stack([jnp.asarray(as_dense(kernel).law) for kernel in kernels])


def joined(kernels: Sequence[Kernel], choice: Int[Array, "S A"]) -> Kernel:
    """The kernel that takes each row from the kernel that `choice` names for it."""
    sparse = [kernel for kernel in kernels if isinstance(kernel, SparseKernel)]
    if len(sparse) == len(kernels):
        laws = [jnp.where(choice == i, k.law, 0) for i, k in enumerate(sparse)]
        slots = jnp.concatenate([jnp.asarray(kernel.slots) for kernel in sparse])
        return assemble(SparseKernel, slots=slots, law=jnp.concatenate(laws))
    chosen = choice == jnp.arange(len(kernels))[:, None, None, None]
    return assemble(DenseKernel, law=jnp.sum(jnp.where(chosen, stacked(kernels), 0), axis=0))


def mixed(kernels: Sequence[Kernel], weights: Float[Array, "N S A"]) -> Kernel:
    """The mixture of kernels, row by row."""
    sparse = [kernel for kernel in kernels if isinstance(kernel, SparseKernel)]
    if len(sparse) == len(kernels):
        laws = [jnp.asarray(k.law) * share for k, share in zip(sparse, weights, strict=True)]
        slots = jnp.concatenate([jnp.asarray(kernel.slots) for kernel in sparse])
        return assemble(SparseKernel, slots=slots, law=jnp.concatenate(laws))
    return assemble(DenseKernel, law=jnp.sum(weights[:, None] * stacked(kernels), axis=0))


def assemble(kind: type[K], **fields: Array) -> K:
    """Build a kernel from arrays that are known to be laws, without checking them again.

    Only for arrays that nobody else holds: those of NumPy are read-only from then on.
    """
    kernel = object.__new__(kind)
    for name, array in fields.items():
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
        object.__setattr__(kernel, name, array)
    return kernel


def _spread(slots: Int[Array, "K S A"], law: Float[Array, "K S A"]) -> DenseKernel:
    """The dense kernel of sparse arrays, by one scatter."""
    _, num_states, num_actions = law.shape
    states = jnp.arange(num_states)[:, None]
    actions = jnp.arange(num_actions)
    zeros = jnp.zeros((num_states, num_states, num_actions), law.dtype)
    return assemble(DenseKernel, law=zeros.at[slots, states, actions].add(law))


def _successors_first(array: Array) -> Array:
    if not is_concrete(array):
        return jnp.moveaxis(jnp.asarray(array), -1, 0)
    return read_only(np.moveaxis(np.asarray(array), -1, 0))


def read_only(array: Array) -> Array:
    """A copy of an array that nobody can change; traced arrays as they are."""
    if not is_concrete(array):
        return array
    own = np.array(array, order="C")
    own.flags.writeable = False
    return own[...]


def _successors_last(array: Array) -> Array:
    return jnp.moveaxis(array, 0, -1) if isinstance(array, jax.Array) else np.moveaxis(array, 0, -1)


def aligned(
    nominal: Kernel, kernel: Kernel, every_state: bool = False
) -> tuple[Float[Array, "K S A"], Float[Array, "K S A"]]:
    """The laws of two kernels on common successors (the same slot is the same state).

    With `every_state`, slot number and state number agree; else sparse kernels stay sparse.
    """
    if (nominal.num_states, nominal.num_actions) != (kernel.num_states, kernel.num_actions):
        raise ValueError(
            f"`kernel` has (states, actions) = {(kernel.num_states, kernel.num_actions)}, but the "
            f"nominal kernel has {(nominal.num_states, nominal.num_actions)}."
        )
    if not (isinstance(nominal, SparseKernel) and isinstance(kernel, SparseKernel)) or every_state:
        return jnp.asarray(as_dense(nominal).law), jnp.asarray(as_dense(kernel).law)
    before, after = jnp.asarray(nominal.law), jnp.asarray(kernel.law)
    # A padded slot may repeat a real successor: only slots that hold mass are matched.
    slots = jnp.where(before > 0, jnp.asarray(nominal.slots), -1)

    def match(carry: Array, slot: tuple[Array, Array]) -> tuple[Array, Array]:
        target, mass = slot
        hit = slots == target
        listed = jnp.any(hit, axis=0)
        return carry + jnp.where(hit, mass, 0), jnp.where(listed, 0, mass)

    matched, rest = jax.lax.scan(
        match, jnp.zeros_like(before, after.dtype), (jnp.asarray(kernel.slots), after)
    )
    return jnp.concatenate([before, jnp.zeros_like(rest, before.dtype)]), jnp.concatenate(
        [matched, rest]
    )


def as_dense(kernel: Kernel) -> DenseKernel:
    """The kernel with all its states spelled out (traceable)."""
    if isinstance(kernel, DenseKernel):
        return kernel
    if isinstance(kernel, SparseKernel):
        return _spread(jnp.asarray(kernel.slots), jnp.asarray(kernel.law))
    return DenseKernel(kernel.to_dense())
