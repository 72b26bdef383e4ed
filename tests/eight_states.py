"""Kernels and values of one size, (S, A) = (8, 5): what is compiled once serves every law and seed."""

import equinox as eqx
import numpy as np

import rmfg

NUM_STATES, NUM_ACTIONS, WIDTH = 8, 5, 5
SHAPE = (NUM_STATES, NUM_ACTIONS)
POSITIONS = np.random.default_rng(5).uniform(0, 3, NUM_STATES)
LINE = np.abs(np.subtract.outer(np.arange(NUM_STATES), np.arange(NUM_STATES))).astype(float)
SCATTERED = np.abs(np.subtract.outer(POSITIONS, POSITIONS))
WEIGHTS = np.linspace(0.5, 2, NUM_STATES)
EPS = np.finfo(float).eps


def sparse_rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Successors and probabilities (S, A, K): rows of one to all slots, with equal and with tiny
    probabilities, and padding that repeats a real successor.
    """
    random = np.random.default_rng(seed)
    successors = np.zeros((*SHAPE, WIDTH), dtype=int)
    law = np.zeros((*SHAPE, WIDTH))
    for number, place in enumerate(np.ndindex(SHAPE)):
        size = 1 + number % WIDTH
        row = random.dirichlet(np.ones(size))
        if number % 7 == 3:
            row = np.full(size, 1 / size)
        if number % 7 == 5 and size > 1:
            row[0] = 1e-12
        states = random.permutation(NUM_STATES)[:size]
        slots = random.permutation(WIDTH)[:size]
        successors[place] = states[0]
        successors[place][slots], law[place][slots] = states, row / row.sum()
    return successors, law


def sparse_kernel(seed: int) -> rmfg.SparseKernel:
    """A kernel with at most five successors of eight."""
    return rmfg.SparseKernel(*sparse_rows(seed))


def dense_kernel(seed: int) -> rmfg.DenseKernel:
    """The same kernel as `sparse_kernel(seed)`."""
    dense = np.zeros((*SHAPE, NUM_STATES))
    successors, law = sparse_rows(seed)
    for s, a, k in np.ndindex(law.shape):
        dense[s, a, successors[s, a, k]] += law[s, a, k]
    return rmfg.DenseKernel(dense)


def full_kernel(seed: int) -> rmfg.DenseKernel:
    """A dense kernel with rows of every length up to all eight states."""
    random = np.random.default_rng(100 + seed)
    dense = random.dirichlet(np.full(NUM_STATES, 0.7), SHAPE)
    for number, place in enumerate(np.ndindex(SHAPE)):
        if number % 3:
            dense[place][random.permutation(NUM_STATES)[: number % NUM_STATES]] = 0
    return rmfg.DenseKernel(dense / dense.sum(-1, keepdims=True))


def values_of(seed: int) -> np.ndarray:
    """Values (S,): spread out, tied, heavy-tailed, far from zero."""
    values = np.random.default_rng(1000 + seed).normal(size=NUM_STATES)
    return [values, np.round(values), np.exp(3 * values), 100 + values][seed % 4]


def array(kernel: rmfg.Kernel) -> np.ndarray:
    """The probabilities (S, A, S)."""
    return np.asarray(kernel.to_dense())


def push(kernel, laws):
    """A kernel of the same kind with other probabilities, unchecked."""
    return eqx.tree_at(lambda k: k.law, kernel, np.ascontiguousarray(np.moveaxis(laws, -1, 0)))


def rounding(*numbers: np.ndarray) -> float:
    """What sums over eight states of numbers of this size may lose."""
    return 64 * EPS * max(float(np.abs(number).max()) for number in numbers)


def same_row(p) -> rmfg.DenseKernel:
    """A dense kernel whose rows are all the same."""
    return rmfg.DenseKernel(np.broadcast_to(np.asarray(p, float), (*SHAPE, NUM_STATES)))


def every_row(size) -> np.ndarray:
    return np.full(SHAPE, float(size))
