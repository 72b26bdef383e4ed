"""Kernels: rows that are no laws, axes, successors."""

import numpy as np

import rmfg
from wrong_input.samples import HALF, kernel, reward, slots


def table(*arguments, **options):
    return lambda: rmfg.TabularGame(*arguments, **options)


BAD_ROWS = {
    "not a law": (kernel((1, 0), [0.5, 0.4, 0.3]), ["`probabilities`", "(s=1, a=0)", "1.2"]),
    "counts": (np.ones((3, 2, 3)), ["`probabilities`", "sums to 3", "keepdims=True"]),
    "negative": (kernel((0, 1), [-0.5, 1, 0.5]), ["negative", "-0.5", "(s=0, a=1, next=0)"]),
    "NaN": (kernel((2, 1), np.nan), ["`probabilities`", "nan", "(s=2, a=1"]),
    "infinite": (kernel((2, 1, 0), np.inf), ["`probabilities`", "inf", "(s=2, a=1, next=0)"]),
    "swapped axes": (np.moveaxis(kernel(), -1, 0), ["`probabilities`", "(S, A, S)", "axes"]),
    "two axes": (np.eye(3), ["`probabilities`", "shape", "(3, 3)"]),
    "no states": (np.zeros((0, 2, 0)), ["`probabilities`", "(0, 2, 0)"]),
}
GAMES = {
    f"kernel: {name}": (table(law, reward(), 0.9), ValueError, words)
    for name, (law, words) in BAD_ROWS.items()
}
DENSE = {
    f"dense kernel: {name}": (lambda law=law: rmfg.DenseKernel(law), ValueError, words)
    for name, (law, words) in BAD_ROWS.items()
}
SPARSE = {
    "sparse: shapes differ": (
        lambda: rmfg.SparseKernel(slots(), kernel()),
        ValueError,
        ["`successors`", "`probabilities`", "(3, 2, 2)", "(3, 2, 3)"],
    ),
    "sparse: no such state": (
        lambda: rmfg.SparseKernel(slots([2, 3]), HALF),
        ValueError,
        ["`successors`", "0 to 2", "3", "(s=2, a=1, k=1)"],
    ),
    "sparse: negative state": (
        lambda: rmfg.SparseKernel(slots([-1, 0]), HALF),
        ValueError,
        ["`successors`", "-1", "(s=2, a=1, k=0)"],
    ),
    "sparse: twice the same": (
        lambda: rmfg.SparseKernel(slots([1, 1]), HALF),
        ValueError,
        ["`successors`", "state 1 twice", "(s=2, a=1)", "one slot"],
    ),
    "sparse: not integers": (
        lambda: rmfg.SparseKernel(slots().astype(float), HALF),
        TypeError,
        ["`successors`", "integers", "float64"],
    ),
    "sparse: not a law": (
        lambda: rmfg.SparseKernel(slots(), HALF * 0.9),
        ValueError,
        ["`probabilities`", "(s=0, a=0)", "0.9"],
    ),
}

CASES = GAMES | DENSE | SPARSE
