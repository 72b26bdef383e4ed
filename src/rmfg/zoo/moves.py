"""Kernels of agents who walk on a line, a ring or a grid and are pushed around by noise."""

import numpy as np
from jaxtyping import Float, Int

from rmfg.model.kernel import SparseKernel

WALK = np.array([-1, 0, 1])
WALK_NAMES = ("left", "stay", "right")

GRID = np.array([(1, 0), (0, 1), (-1, 0), (0, -1), (0, 0)])
GRID_NAMES = ("up", "right", "down", "left", "stay")
STAY = 4  # the position of (0, 0) in GRID


def merged(
    targets: Int[np.ndarray, "S A N"], probabilities: Float[np.ndarray, "..."]
) -> SparseKernel:
    """Return the kernel that goes to targets[s, a, n] with the probability of outcome n.

    Outcomes that lead to the same state are added up in the first of their slots, since a sparse
    row names each successor once.
    """
    law = np.broadcast_to(probabilities, targets.shape)
    same = targets[..., :, None] == targets[..., None, :]
    first = ~np.tril(same, -1).any(-1)
    return SparseKernel(targets, np.where(first, (same * law[..., None, :]).sum(-1), 0.0))


def walk(num_states: int, noise: float, ring: bool = False) -> SparseKernel:
    """Return the kernel of s' = s + a + e on a line (ends hold back) or around a ring.

    The moves a are -1, 0, 1; the push e is -1 or 1 with probability noise / 2 each, else 0.
    """
    pushes, chances = np.array([-1, 0, 1]), np.array([noise / 2, 1 - noise, noise / 2])
    targets = np.arange(num_states)[:, None, None] + WALK[:, None] + pushes
    landed = targets % num_states if ring else np.clip(targets, 0, num_states - 1)
    return merged(landed, chances)
