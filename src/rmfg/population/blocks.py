"""Compiled functions applied to many rows, block by block."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Shaped

from rmfg.core.precision import Array

# How many rows to hand over at once. The longest bounds the memory: nature answers S x A rows for each.
BLOCKS = (8, 64, 512, 4096)


def blockwise(
    function: Callable[..., tuple[Array, ...]], *arrays: Shaped[np.ndarray, "L ..."]
) -> tuple[Float[np.ndarray, "L ..."], ...]:
    """Apply a compiled function to blocks of rows, filled up to one of few lengths.

    JAX compiles anew for each length, which takes a second: more than the rows that are filled in.
    """
    parts = []
    for begin in range(0, len(arrays[0]), BLOCKS[-1]):
        block = [array[begin : begin + BLOCKS[-1]] for array in arrays]
        count = len(block[0])
        more = next(length for length in BLOCKS if length >= count) - count
        filled = [np.concatenate([array, np.repeat(array[-1:], more, axis=0)]) for array in block]
        parts.append([np.asarray(array)[:count] for array in function(*filled)])
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))
