"""Functions of arrays enclosed: their trace, evaluated in interval arithmetic.

A game's reward at a mean field is computed in floating point. What it is in real arithmetic follows
from the operations that the function consists of, one by one: JAX says which they are, and none of
its arithmetic is believed. Numbers in the function stand for their doubles.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import Jaxpr, Literal

from rmfg.rigorous import rounding
from rmfg.rigorous.claim import UnprovedError
from rmfg.rigorous.rounding import Interval, down, up

# Numbers in one product of matrices before they are summed.
LARGEST_PRODUCT = 40_000_000
# Operations that copy numbers: both ends are moved alike. What compares them is left to NumPy, since
# compiled code flushes small numbers to zero.
MOVES = frozenset(
    {"broadcast_in_dim", "concatenate", "copy", "copy_p", "dynamic_slice", "dynamic_update_slice"}
    | {"expand_dims", "gather", "pad", "reshape", "rev", "scatter", "select_n", "slice"}
    | {"squeeze", "stack", "stop_gradient", "transpose"}
)
EXACT = frozenset({"iota", "bitcast_convert_type"})
COMPARISONS: dict[str, tuple[Callable, Callable]] = {
    # Where it holds for certain, and where it may.
    "lt": (lambda x, y: x.high < y.low, lambda x, y: x.low < y.high),
    "le": (lambda x, y: x.high <= y.low, lambda x, y: x.low <= y.high),
    "gt": (lambda x, y: x.low > y.high, lambda x, y: x.high > y.low),
    "ge": (lambda x, y: x.low >= y.high, lambda x, y: x.high >= y.low),
    "eq": (
        lambda x, y: (x.low == x.high) & (y.low == y.high) & (x.low == y.low),
        lambda x, y: (x.low <= y.high) & (y.low <= x.high),
    ),
    "ne": (
        lambda x, y: (x.high < y.low) | (x.low > y.high),
        lambda x, y: ~((x.low == x.high) & (y.low == y.high) & (x.low == y.low)),
    ),
}
CALLS = frozenset({"jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call"})
Known = Interval | np.ndarray  # floats as intervals; whole numbers and truth values as they are


def enclosed(function: Callable[..., Any], *arguments: Interval) -> list[Known]:
    """Enclose every array that a function returns at all points of the intervals.

    Raises `rmfg.rigorous.claim.UnprovedError` where an operation is not known, or where a
    comparison is undecided.
    """
    with jax.enable_x64(True), np.errstate(all="ignore"):
        closed = jax.make_jaxpr(function)(*(argument.low for argument in arguments))
        constants = [_known(constant) for constant in closed.consts]
        return _through(closed.jaxpr, constants, arguments)


def _known(x: Any) -> Known:
    array = np.asarray(x)
    if array.dtype.kind == "f":
        return Interval.of(array)  # every float32 is a double
    return array


def _through(jaxpr: Jaxpr, constants: Sequence[Known], inputs: Sequence[Known]) -> list[Known]:
    known: dict[Any, Known] = dict(
        zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *inputs), strict=True)
    )

    def value(variable: Any) -> Known:
        return _known(variable.val) if isinstance(variable, Literal) else known[variable]

    for equation in jaxpr.eqns:
        results = _outputs(equation, [value(variable) for variable in equation.invars])
        known |= zip(equation.outvars, results, strict=True)
    return [value(variable) for variable in jaxpr.outvars]


def _outputs(equation: Any, inputs: list[Known]) -> list[Known]:
    name, params = equation.primitive.name, equation.params
    if name in CALLS:
        inner = next(params[key] for key in ("jaxpr", "call_jaxpr") if key in params)
        constants = [_known(constant) for constant in getattr(inner, "consts", ())]
        return _through(getattr(inner, "jaxpr", inner), constants, inputs)
    bind = functools.partial(_bound, equation)
    kinds = {variable.aval.dtype.kind for variable in equation.outvars}
    # Of whole numbers: floats, which may be rounded, come of them in few ways that are exact.
    exact = kinds <= set("biu") or name in EXACT
    if exact and not any(isinstance(x, Interval) for x in inputs):
        return [_known(x) for x in bind(inputs)]
    if name in MOVES:
        lows, highs = (
            bind([getattr(x, end) if isinstance(x, Interval) else x for x in inputs])
            for end in ("low", "high")
        )
        return [Interval(low, high) for low, high in zip(lows, highs, strict=True)]
    if name in COMPARISONS:
        return [_compared(name, *map(Interval.of, inputs))]
    if name == "convert_element_type":
        return [_converted(inputs[0], params["new_dtype"])]
    if name == "scatter-add":
        return [_scattered(bind, inputs)]
    if name in RULES and {variable.aval.dtype for variable in equation.outvars} == {
        np.dtype(np.float64)
    }:
        return [RULES[name](params, *map(Interval.of, inputs))]
    raise UnprovedError(f"the operation {name!r} of {equation.outvars[0].aval.dtype} is not known")


def _bound(equation: Any, inputs: list[Any]) -> list[np.ndarray]:
    """The operation itself, on plain arrays."""
    found = equation.primitive.bind(*map(jax.numpy.asarray, inputs), **equation.params)
    return [np.asarray(x) for x in (found if equation.primitive.multiple_results else [found])]


def _compared(name: str, left: Interval, right: Interval) -> np.ndarray:
    certain, possible = (test(left, right) for test in COMPARISONS[name])
    unknown = np.isnan(left.low + left.high).any() or np.isnan(right.low + right.high).any()
    if unknown or not (certain == possible).all():
        raise UnprovedError(f"the comparison {name!r} is not decided at the mean field")
    return certain


def _converted(x: Known, kind: np.dtype) -> Known:
    if isinstance(x, Interval):
        if kind != np.float64:
            raise UnprovedError(f"a number is turned into {kind}")
        return x
    if np.dtype(kind).kind == "f":
        if np.abs(x.astype(float)).max(initial=0) > 2.0**24:
            raise UnprovedError("a whole number is too large to be turned into a float exactly")
        return Interval.of(x)
    return x.astype(kind)


def _sum(x: Interval, y: Interval) -> Interval:
    """Sums, which are kept as they are where they are exact: what is impossible stays so."""
    low, high = x.low + y.low, x.high + y.high
    return Interval(
        np.where(_is_exact(x.low, y.low, low), low, down(low)),
        np.where(_is_exact(x.high, y.high, high), high, up(high)),
    )


def _is_exact(x: Any, y: Any, total: Any) -> Any:
    """Whether a sum was not rounded (Knuth's error-free transformation)."""
    part = total - x
    return (x - (total - part)) + (y - part) == 0


def _times(x: Interval, y: Interval) -> Interval:
    """Products; those with zero and one are exact."""
    product = x * y
    for one, other in ((x, y), (y, x)):
        product = product.where((one.low != 1) | (one.high != 1), other)
    return product.where(~(_is_zero(x) | _is_zero(y)), 0.0)


def _is_zero(x: Interval) -> Any:
    return (x.low == 0) & (x.high == 0)


def _scattered(bind: Callable, inputs: list[Known]) -> Interval:
    """Sums in an unknown order: n numbers are added to a share of n roundings of their sizes."""
    start, places, updates = inputs
    start, updates = Interval.of(start), Interval.of(updates)
    low = bind([start.low, places, updates.low])[0]
    high = bind([start.high, places, updates.high])[0]
    sizes = [np.maximum(np.abs(x.low), np.abs(x.high)) for x in (start, updates)]
    size = bind([sizes[0], places, sizes[1]])[0]
    count = bind([np.zeros_like(low), places, np.ones_like(updates.low)])[0]
    # Also where small numbers are flushed to zero: twice the smallest normal one for each.
    busy = bind([1.0 - _is_zero(start), places, 1.0 - _is_zero(updates)])[0]
    slack = up(up((count + 2) * 2.0**-52) * size + count * 2.0**-1021)
    return Interval(down(low - slack), up(high + slack)).where(busy > 0, 0.0)


def _summed(x: Interval, axes: Sequence[int]) -> Interval:
    rest = [axis for axis in range(x.low.ndim) if axis not in axes]
    shape = (-1, *(x.low.shape[axis] for axis in rest))
    ends = (np.transpose(end, (*axes, *rest)).reshape(shape) for end in (x.low, x.high))
    terms = Interval(*ends)
    return terms.total().where(~_is_zero(terms).all(axis=0), 0.0)


def _product(axes: Any, left: Interval, right: Interval) -> Interval:
    """Sums of products over the contracted axes, which are moved to the front."""
    (left_axes, right_axes), (left_batch, right_batch) = axes

    def laid_out(x: Interval, contracted: Sequence[int], batch: Sequence[int]) -> Interval:
        free = [axis for axis in range(x.low.ndim) if axis not in (*contracted, *batch)]
        order = (*contracted, *batch, *free)
        return Interval(np.transpose(x.low, order), np.transpose(x.high, order))

    left, right = laid_out(left, left_axes, left_batch), laid_out(right, right_axes, right_batch)
    shared = len(left_axes) + len(left_batch)
    free = right.low.ndim - shared
    widened = left[(..., *[np.newaxis] * free)]
    between = (slice(None),) * shared + (np.newaxis,) * (left.low.ndim - shared) + (...,)
    if widened.low.size * int(np.prod(right.low.shape[shared:])) > LARGEST_PRODUCT:
        raise UnprovedError("a product of matrices is too large to be enclosed")
    return _summed(_times(widened, right[between]), range(len(left_axes)))


def _power(base: Interval, exponent: Interval) -> Interval:
    """Powers of numbers that are not negative, with exponents that are given exactly."""
    if not ((exponent.low == exponent.high).all() and (exponent.low >= 0).all()):
        raise UnprovedError("a power has an exponent that is negative, or not known exactly")
    if not (base.low >= 0).all():
        raise UnprovedError("a power is taken of a number that may be negative")
    given = np.broadcast_to(exponent.low, base.low.shape)
    result = base
    for one in np.unique(given):
        power = base.power(float(one)) if one > 0 else Interval.of(np.ones_like(given))
        result = power.where(given == one, result)
    return result


def _whole_power(base: Interval, exponent: int) -> Interval:
    size = base.magnitude().power(abs(exponent)) if exponent else Interval.of(base.low * 0 + 1)
    if exponent % 2:
        positive, negative = base.clip(0), (-base).clip(0)
        size = positive.power(abs(exponent)) - negative.power(abs(exponent))
    return 1 / size if exponent < 0 else size


def _logarithm(x: Interval) -> Interval:
    if not (x.low >= 0).all():
        raise UnprovedError("a logarithm is taken of a number that may be negative")
    return rounding.log(x)


def _root(x: Interval) -> Interval:
    if not (x.low >= 0).all():
        raise UnprovedError("a root is taken of a number that may be negative")
    return x.sqrt()


def _alike(rising: Callable[..., Any], *operands: Interval) -> Interval:
    """A function that rises in each of its operands, and rounds nothing."""
    return Interval(rising(*(x.low for x in operands)), rising(*(x.high for x in operands)))


def _tanh(x: Interval) -> Interval:
    # Rising: 1 - 2 / (exp(2 x) + 1) at both ends.
    return 1 - 2 / (rounding.exp(x * 2) + 1)


# Each gets the parameters of the operation and the enclosed operands.
RULES: dict[str, Callable[..., Interval]] = {
    "add": lambda _, x, y: _sum(x, y),
    "add_any": lambda _, x, y: _sum(x, y),
    "sub": lambda _, x, y: _sum(x, -y),
    "mul": lambda _, x, y: _times(x, y),
    "div": lambda _, x, y: (x / y).where(~_is_zero(x) | ((y.low <= 0) & (y.high >= 0)), 0.0),
    "neg": lambda _, x: -x,
    "abs": lambda _, x: x.magnitude(),
    "square": lambda _, x: x.square(),
    "sqrt": lambda _, x: _root(x),
    "exp": lambda _, x: rounding.exp(x),
    "expm1": lambda _, x: x.expm1(),
    "log": lambda _, x: _logarithm(x),
    "log1p": lambda _, x: _logarithm(1 + x) if (x.low < 0).any() else x.log1p(),
    "logistic": lambda _, x: 1 / (rounding.exp(-x) + 1),
    "tanh": lambda _, x: _tanh(x),
    "pow": lambda _, x, y: _power(x, y),
    "integer_pow": lambda params, x: _whole_power(x, params["y"]),
    "max": lambda _, x, y: _alike(np.maximum, x, y),
    "min": lambda _, x, y: _alike(np.minimum, x, y),
    "clamp": lambda _, low, x, high: _alike(np.minimum, _alike(np.maximum, x, low), high),
    "reduce_max": lambda params, x: _alike(lambda end: end.max(axis=params["axes"]), x),
    "reduce_min": lambda params, x: _alike(lambda end: end.min(axis=params["axes"]), x),
    "reduce_sum": lambda params, x: _summed(x, params["axes"]),
    "dot_general": lambda params, x, y: _product(params["dimension_numbers"], x, y),
}
