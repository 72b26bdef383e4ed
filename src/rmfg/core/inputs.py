"""What callers give, turned into what the library computes with: one conversion at the border.

Each function names the argument in backticks, says what it got, and what to give instead. Traced
arrays pass through: of them only type and shape are known.
"""

import contextlib
import difflib
import inspect
import math
import numbers
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from rmfg.core.precision import Array, is_concrete

T = TypeVar("T")

# Beyond it integers do not fit into the arrays that count with them.
LARGEST_INTEGER = 2**63 - 1
LONGEST = 60
UNTRACEABLE = (
    jax.errors.JAXTypeError,
    jax.errors.JAXIndexError,
    jax.errors.ConcretizationTypeError,
)
PLAIN = (bool, int, float, complex, str, bytes)
NOT_ARRAYS = (str, bytes, bytearray, dict, set, frozenset, type(None))


def described(value: object) -> str:
    """What a value is, in a few words."""
    if value is None:
        return "None"
    if isinstance(value, PLAIN):
        # The digits of huge integers are not asked for: Python refuses to write them.
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            return f"an int of {value.bit_length()} bits"
        shown = repr(value)
        shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
        return f"the {type(value).__name__} {shown}"
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        traced = "traced " if not is_concrete(value) else ""
        return f"a {traced}{type(value).__name__} of type {value.dtype} and shape {value.shape}"
    if inspect.isroutine(value):
        return "a function"
    kind = value.__name__ if isinstance(value, type) else type(value).__name__
    return f"the class {kind}" if isinstance(value, type) else f"a {kind}"


def real(name: str, value: object) -> Array:
    """An array of real numbers: float64 of NumPy, or a JAX array of floating point as it is.

    Raises TypeError for what is no array of real numbers, and ValueError for ragged lists and for
    masked entries.
    """
    if isinstance(value, jax.Array):
        if jnp.issubdtype(value.dtype, jnp.floating):
            return value
        if value.dtype == bool or jnp.issubdtype(value.dtype, jnp.integer):
            return value.astype(float)
        raise _no_array(name, value)
    if callable(value) or isinstance(value, NOT_ARRAYS):
        raise _no_array(name, value)
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(
            f"`{name}` must not be masked, but {int(np.ma.count_masked(value))} of its entries are. "
            "Say what they are with `.filled(number)`."
        )
    if isinstance(value, list | tuple) and not is_concrete(value):
        return real(name, _stacked(name, value))
    try:
        array = np.asarray(value)
    except Exception as error:  # whatever somebody's `__array__` raises
        if isinstance(value, list | tuple):
            raise ValueError(
                f"`{name}` must be an array of real numbers, but its rows differ in length or kind. "
                "Give every row the same number of entries."
            ) from error
        raise _no_array(name, value) from error
    if array.dtype.kind in "biu" or (array.dtype.kind in "fV" and _floating(array.dtype)):
        with np.errstate(over="ignore"):
            return np.asarray(array, dtype=np.float64)
    raise _no_array(name, value if isinstance(value, np.ndarray) else array, value)


def _floating(dtype: Any) -> bool:
    """Whether numbers are real: those of `ml_dtypes` say of themselves that they are void."""
    return jnp.issubdtype(dtype, jnp.floating) or dtype.kind == "f"


def _stacked(name: str, value: object) -> Array:
    try:
        return jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be an array of real numbers, but its entries do not make one. "
            "Stack them with `jnp.stack`."
        ) from error


def _no_array(name: str, value: object, given: object = None) -> TypeError:
    ways = {
        "c": "Take `.real` if the imaginary parts are zero.",
        "O": "Give numbers, for example `np.array(..., dtype=float)`.",
        "V": "Give one field of it, as numbers.",
        "M": "Give numbers, not dates.",
        "m": "Give numbers: divide by `np.timedelta64(1, 's')`.",
    }
    kind = value.dtype.kind if isinstance(value, np.ndarray | np.generic) else ""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.complexfloating):
        kind = "c"
    way = ways.get(kind, "Give a NumPy or JAX array, or nested lists of numbers.")
    got = described(value if given is None or isinstance(given, list | tuple) else given)
    return TypeError(f"`{name}` must be an array of real numbers, but is {got}. {way}")


def precision_of(value: object) -> float:
    """The round-off of the type that an array is given in; 0 for what says nothing of rounding."""
    if isinstance(value, np.ndarray | jax.Array) and _floating(value.dtype):
        return float(jnp.finfo(value.dtype).eps)
    return 0.0


def number(
    name: str, value: object, low: float = -math.inf, high: float = math.inf, way_out: str = ""
) -> float:
    """A finite number in [low, high]. Scalars of NumPy and JAX are numbers; True and False are not.

    Raises TypeError for what is no number, and ValueError for NaN, infinity and what lies outside.
    """
    found = any_number(name, value, way_out)
    if not math.isfinite(found):
        raise ValueError(f"`{name}` must be a finite number, but is {found}.{_after(way_out)}")
    if not low <= found <= high:
        raise ValueError(
            f"`{name}` must be {_bounds(low, high)}, but is {found:.12g}.{_after(way_out)}"
        )
    return found


def any_number(name: str, value: object, way_out: str = "", kind: str = "a number") -> float:
    """A number, NaN and infinity among them. Raises TypeError for what is none."""
    plain = _scalar(value)
    if not isinstance(plain, numbers.Real) or isinstance(plain, bool):
        raise TypeError(f"`{name}` must be {kind}, but is {described(value)}.{_after(way_out)}")
    try:
        return float(plain)
    except OverflowError:
        return math.inf if plain > 0 else -math.inf  # pyright: ignore[reportOperatorIssue]


def integer(
    name: str, value: object, low: int = 0, high: int = LARGEST_INTEGER, way_out: str = ""
) -> int:
    """A whole number from low to high; 1e6 is one.

    Raises TypeError for what is no number, and ValueError for fractions and for what lies outside.
    """
    plain = _scalar(value)
    kind = "positive whole" if low == 1 else "whole"
    if not isinstance(plain, numbers.Real) or isinstance(plain, bool):
        raise TypeError(
            f"`{name}` must be a {kind} number, but is {described(value)}.{_after(way_out)}"
        )
    if not isinstance(plain, numbers.Integral) and not float(plain).is_integer():
        raise ValueError(f"`{name}` must be a {kind} number, but is {plain!r}.{_after(way_out)}")
    found: int = int(plain)  # pyright: ignore[reportArgumentType]
    if found < low:
        raise ValueError(
            f"`{name}` must be a {kind} number of at least {low}, but is "
            f"{_shown_integer(found)}.{_after(way_out)}"
        )
    if found > high:
        limit = "2^63 - 1" if high == LARGEST_INTEGER else f"{high:g}"
        shown = _shown_integer(found)
        raise ValueError(f"`{name}` must be at most {limit}, but is {shown}.{_after(way_out)}")
    return found


def whole_numbers(name: str, value: object) -> Array:
    """An array of whole numbers: int64 of NumPy, or a JAX array of integers as it is."""
    if not isinstance(value, jax.Array):
        real(name, value)  # says what is no array of numbers at all
        value = np.asarray(value)
    if not jnp.issubdtype(value.dtype, jnp.integer):
        raise TypeError(
            f"`{name}` must be integers, but has type {value.dtype}. Convert with `.astype(int)`."
        )
    if not isinstance(value, jax.Array) and (value > LARGEST_INTEGER).any():
        raise ValueError(f"`{name}` must be at most 2^63 - 1, but is {value.max()}.")
    return value if isinstance(value, jax.Array) else value.astype(np.int64)


def flag(name: str, value: object) -> bool:
    """True or False. Raises TypeError for anything else."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise TypeError(f"`{name}` must be True or False, but is {described(value)}.")


def finite_number(name: str, value: object) -> float | Array:
    """A finite number, or one that is being traced."""
    if isinstance(value, jax.Array) and not is_concrete(value) and value.ndim == 0:
        return value
    return number(name, value)


def word(name: str, value: object, choices: Iterable[str]) -> str:
    """One of several words. Raises TypeError for no string, and ValueError for another word."""
    known = list(choices)
    listed = ", ".join(repr(choice) for choice in known)
    if not isinstance(value, str):
        raise TypeError(f"`{name}` must be one of {listed}, but is {described(value)}.")
    if value not in known:
        near = _after(closest(value, known))
        shown = repr(value) if len(value) <= LONGEST else f"{value[:LONGEST]!r}..."
        raise ValueError(f"`{name}` is {shown}, which is unknown.{near} Known: {listed}.")
    return value


def closest(name: str, choices: Iterable[str]) -> str:
    """A question whether the nearest of the known words was meant, if there is a near one."""
    near = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.4)
    return f"Did you mean {near[0]!r}?" if near else ""


def instance(name: str, value: T, kind: Any, what: str, way_out: str = "") -> T:
    """An object of a kind. Raises TypeError for anything else."""
    if isinstance(value, kind):
        return value
    raise TypeError(f"`{name}` must be {what}, but is {described(value)}.{_after(way_out)}")


@contextlib.contextmanager
def named(name: str) -> Iterator[None]:
    """Put the argument's name before the message of an error that knows less."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if f"`{name}`" in str(error):
            raise
        raise type(error)(f"`{name}`: {error}") from error


def function_of(name: str, function: Callable[..., Any], *arguments: str) -> Callable[..., Any]:
    """A function that can be called with so many arguments. Raises TypeError where it cannot."""
    if not callable(function):
        raise TypeError(
            f"`{name}` must be a function of ({', '.join(arguments)}), but is {described(function)}."
        )
    try:
        inspect.signature(function).bind(*arguments)
    except ValueError:  # a builtin does not say what it takes
        return function
    except TypeError as error:
        raise TypeError(
            f"`{name}` must be a function of ({', '.join(arguments)}), but cannot be called with "
            f"{len(arguments)} argument{'s' * (len(arguments) > 1)}: {error}."
        ) from error
    return function


def called(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a caller's function returns while JAX traces it.

    Raises TypeError where JAX cannot trace it. Its own errors pass, with a note whose they are.
    """
    try:
        return function(*arguments)
    except UNTRACEABLE as error:
        raise TypeError(
            f"`{name}` must be a function that JAX can trace, but looks at the numbers of its "
            f"argument ({type(error).__name__}). Use `jnp` in place of `np`, and `jnp.where` in "
            "place of `if`."
        ) from error
    except Exception as error:
        if type(error) in (ValueError, TypeError) and str(error).startswith("`"):
            with named(name):  # one of this library, of a kernel made inside
                raise
        # One note is enough where functions are inside of each other.
        if not getattr(error, "__notes__", None):
            error.add_note(f"This happened inside the function given as `{name}`.")
        raise


def _scalar(value: object) -> object:
    """The plain Python number of a scalar of any kind; None for what is no scalar."""
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        masked = isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value)
        return None if masked or value.ndim or not is_concrete(value) else _item(value)
    return value


def _shown_integer(number: int) -> str:
    if abs(number) <= 10**15:
        return str(number)
    return f"{float(number):g}" if number.bit_length() < 1000 else f"of {number.bit_length()} bits"


def _item(value: Any) -> object:
    if value.dtype.kind not in "biuf" and not _floating(value.dtype):
        return None
    plain = value.item()
    plain = float(plain) if isinstance(plain, np.floating) else plain
    return plain if isinstance(plain, bool | int | float) else None


def _bounds(low: float, high: float) -> str:
    if high == math.inf:
        return f"at least {low:g}"
    return f"at most {high:g}" if low == -math.inf else f"in [{low:g}, {high:g}]"


def _after(way_out: str) -> str:
    return f" {way_out}" if way_out else ""
