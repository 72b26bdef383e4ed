"""What is given in place of a good value: things of all kinds, and arrays with one thing wrong."""

import dataclasses
import datetime
import fractions
import math
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import rmfg
from fuzzed.good import LAWS, OTHER, PAYOFF


def two_arguments(m: Any, other: Any) -> Any:
    return m


def branching(m: Any) -> Any:
    return PAYOFF if m[0] > 0.5 else 2 * PAYOFF


def impure(m: Any) -> Any:
    return np.asarray(m)


@dataclasses.dataclass
class Hostile:
    """An object whose conversions raise."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no array today")

    def __float__(self) -> float:
        raise RuntimeError("no number today")

    def __len__(self) -> int:
        raise RuntimeError("no length today")


THINGS: tuple[Any, ...] = (
    *(None, "", "abc", "0.1", "nominal", b"x", True, False, 0, -1, 1, 2, 7, 0.5, -0.1, 1.5, 1e308),
    *(-1e308, 1e-320, float("nan"), float("inf"), -float("inf"), 2**31, 2**63, 2**70, 10**400),
    *(
        1j,
        complex(0.5, 0),
        fractions.Fraction(1, 3),
        [],
        (),
        {},
        set(),
        [[]],
        [None],
        ["a"],
        [[1], [1, 2]],
    ),
    *(
        {"a": 1},
        {1: 2, "b": 3},
        object(),
        Hostile(),
        Hostile,
        print,
        int,
        np,
        iter([1.0]),
        range(3),
    ),
    *(
        lambda: 0,
        lambda m: None,
        lambda m: "rubbish",
        lambda m: m,
        two_arguments,
        branching,
        impure,
    ),
    *(lambda m: 1j * m, lambda m: [m, [m]], lambda m: {"m": m}, lambda m: jnp.zeros((2, 3))),
    *(
        lambda *_: 0.1,
        lambda m: jnp.float32(0.1),
        lambda m: -0.1,
        lambda m: jnp.nan,
        lambda m: print,
    ),
    *(
        np.float32(0.25),
        np.float16(0.25),
        np.longdouble(0.25),
        np.int8(3),
        np.uint64(2**63),
        np.True_,
    ),
    *(np.array(0.25), np.array(3), np.array("a"), np.array(None), np.datetime64("2020-01-01")),
    *(np.timedelta64(3, "s"), datetime.date(2020, 1, 1), np.array([1, "a"], dtype=object)),
    *(np.zeros(3, dtype=[("x", float)]), np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(0)),
    *(np.ma.masked, np.ma.array([1.0, 2, 3], mask=[0, 1, 0]), np.full((3, 2), np.nan), np.eye(3)),
    *(
        rmfg.Nominal(),
        rmfg.TotalVariation,
        rmfg.Picard(),
        rmfg.DenseKernel(LAWS),
        OTHER,
        OTHER.kernel,
    ),
    *(
        rmfg.DenseKernel(np.full((2, 2, 2), 0.5)),
        rmfg.Status.CERTIFIED,
        rmfg,
        Path("nowhere"),
        Ellipsis,
    ),
)
SHAPES = ("reversed", "flat", "deeper", "shorter", "longer", "first", "empty", "swapped")
TYPES = (
    "str",
    "object",
    "complex64",
    "float32",
    "float16",
    "longdouble",
    "bool",
    "int64",
    "uint8",
    "bytes",
)
ENTRIES = (math.nan, math.inf, -math.inf, -0.5, 1e308, -1e-17, 1e-320, 1.0, 1e-7)
FORMS = (
    "list",
    "tuple",
    "ragged",
    "masked",
    "unmasked",
    "structured",
    "jax",
    "fortran",
    "scaled",
    "nudged",
)


def reshaped(array: np.ndarray, how: str) -> np.ndarray:
    """The array in another shape."""
    return {
        "reversed": lambda: array.T,
        "flat": lambda: array.reshape(-1),
        "deeper": lambda: array[None],
        "shorter": lambda: array[:-1],
        "longer": lambda: np.concatenate([array, array[:1]]),
        "first": lambda: array[0],
        "empty": lambda: array[:0],
        "swapped": lambda: np.moveaxis(array, -1, 0),
    }[how]()


def formed(array: np.ndarray, how: str) -> Any:
    """The array as something else, or slightly wrong."""
    if how == "ragged":
        rows = array.tolist()
        return [*rows[:-1], [rows[-1]]]
    if how == "structured":
        return np.zeros(array.shape, dtype=[("p", float), ("q", int)])
    if how in ("masked", "unmasked"):
        mask = np.zeros(array.shape, dtype=bool)
        mask.flat[0] = how == "masked"
        return np.ma.array(array, mask=mask)
    if how == "jax":
        return jnp.asarray(array, jnp.float32 if array.dtype.kind == "f" else jnp.int32)
    changed = {
        "list": lambda: array.tolist(),
        "tuple": lambda: tuple(array.tolist()),
        "fortran": lambda: np.asfortranarray(array),
        "scaled": lambda: array * 1.1,
        "nudged": lambda: array * (1 + 1e-12),
    }
    return changed[how]()


@st.composite
def spoiled(draw: Any, good: np.ndarray) -> Any:
    """A good array with one thing wrong, or merely unusual."""
    how = draw(st.sampled_from(("shape", "type", "entry", "form")))
    if how == "shape":
        return reshaped(good, draw(st.sampled_from(SHAPES)))
    if how == "type":
        return good.astype(draw(st.sampled_from(TYPES)))
    if how == "form":
        return formed(good, draw(st.sampled_from(FORMS)))
    changed = good.astype(float)
    changed.flat[draw(st.integers(0, good.size - 1))] = draw(st.sampled_from(ENTRIES))
    return changed


def rubbish(good: Any) -> st.SearchStrategy[Any]:
    """What may be given in place of a good value."""
    kinds: list[Any] = [
        st.sampled_from(range(len(THINGS))).map(lambda number: THINGS[number]),
        st.text(max_size=5),
        st.floats(),
        st.integers(-(2**70), 2**70),
        arrays.arrays(
            arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, max_dims=3, max_side=3)
        ),
    ]
    if isinstance(good, np.ndarray) and good.ndim:
        kinds[1:1] = [spoiled(good), spoiled(good), spoiled(good)]
    return st.one_of(kinds)
