"""Dobrushin's coefficient of ergodicity: how far apart two rows of a kernel are at most."""

import numpy as np
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.kernel import Kernel

# Beyond, pairs of rows are not compared.
MOST_NUMBERS = 20_000_000
MOST_OPERATIONS = 1_000_000_000


def dobrushin(kernel: Kernel) -> float:
    """The largest total variation between two rows of a kernel: how little one step mixes.

    One step under any policies brings two populations closer in L1 by this factor.
    """
    if kernel.num_states**2 * kernel.num_actions > MOST_NUMBERS:
        return 1.0  # true of every kernel
    return farthest(kernel.to_dense())


def farthest(laws: Float[Array, "... S"]) -> float:
    """The largest total variation between two laws; one where there are too many to compare."""
    rows = np.asarray(laws).reshape(-1, np.shape(laws)[-1])
    rows = np.unique(rows, axis=0)
    if len(rows) * rows.size > MOST_OPERATIONS:
        return 1.0
    distances = [np.abs(rows - row).sum(axis=1).max() for row in rows]
    return float(np.minimum(np.max(distances) / 2, 1.0))
