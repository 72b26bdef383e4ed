"""A kernel from which mass leaks into one law that all rows share.

Where nature may send mass to any state, all rows send it to the same law over states. Kept apart,
that law costs S numbers; spread over the rows of a sparse kernel it would make them dense.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks
from rmfg.core.precision import Array
from rmfg.model.kernel import DenseKernel, Kernel, SparseKernel, assemble

NEVER = 1e-14


class Leaking(eqx.Module):
    """Rows that keep a mass of 1 - leak(s, a), and the law of where the rest goes."""

    kept: Kernel
    leak: Float[Array, "S A"]
    sink: Float[Array, " S"]

    def expectation(self, values: Float[Array, " S"]) -> Float[Array, "S A"]:
        """Return the expected value of the next state for each (s, a)."""
        return self.kept.expectation(values) + self.leak * (self.sink @ values)

    def push(self, occupation: Float[Array, "S A"]) -> Float[Array, " S"]:
        """Return where a mass on (s, a) is after one step."""
        return self.kept.push(occupation) + jnp.sum(self.leak * occupation) * self.sink

    def closed(self) -> Kernel:
        """Return the kernel of the same kind with the sink spelled out, on the host.

        What is less likely than `NEVER` is left out of the sink: it would cost slots.
        """
        leak, sink = np.asarray(self.leak), np.asarray(self.sink)
        sink = np.where(sink < NEVER, 0, sink)
        sink = sink / sink.sum()
        law = np.asarray(self.kept.law)
        if not isinstance(self.kept, SparseKernel):
            law = checks.normalized(law + leak * sink[:, None, None], axis=0)
            return assemble(DenseKernel, law=law)
        slots, law = np.asarray(self.kept.slots), law.copy()
        more_slots, more_law = [], []
        for state in np.flatnonzero(sink):
            mass = leak * sink[state]
            held = (slots == state) & (law > 0)
            law += np.where(held, mass, 0)
            more_law.append(np.where(held.any(axis=0), 0, mass))
            more_slots.append(np.full(leak.shape, state))
        slots = np.concatenate([slots, np.array(more_slots, slots.dtype)])
        law = checks.normalized(np.concatenate([law, np.array(more_law)]), axis=0)
        return assemble(SparseKernel, slots=slots, law=law)


def kept(kernel: Kernel | Leaking) -> Kernel:
    """The kernel without what leaks into the sink."""
    return kernel.kept if isinstance(kernel, Leaking) else kernel
