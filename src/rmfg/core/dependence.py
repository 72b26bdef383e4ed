"""How a function depends on its argument, read off its trace: not at all, affinely, or otherwise.

A verdict of "not at all" or "affinely" is a proof: it follows from the operations that the function
consists of. An operation that is not listed makes the verdict worse and never better. Derivatives
could not tell: those of rounding and of comparisons are zero, and such functions are not constant.
"""

import enum
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend.core import Jaxpr, Literal

from rmfg.core.precision import Array


class Dependence(enum.IntEnum):
    """How an output depends on the argument; the larger, the less is known."""

    NONE = 0
    AFFINE = 1
    OTHER = 2


# Linear in all operands together.
SUMS = frozenset({"add", "add_any", "sub", "neg", "reduce_sum", "cumsum"})
MOVES = frozenset(
    {"concatenate", "stack", "reshape", "broadcast_in_dim", "transpose", "squeeze", "slice", "rev"}
    | {"expand_dims", "copy", "copy_p", "pad"}
)
# Linear in the first operands of this number, where all others are constant.
LINEAR_IN_FIRST = {"div": 1, "gather": 1, "dynamic_slice": 1, "dynamic_update_slice": 2}
PRODUCTS = frozenset({"mul", "dot_general"})
SCATTERS = frozenset({"scatter", "scatter-add"})
CALLS = frozenset({"jit", "pjit", "closed_call", "custom_jvp_call"})


def dependence(function: Callable[[Array], Any], argument: Array) -> list[Dependence]:
    """Return how each array that the function returns depends on its argument."""
    closed = jax.make_jaxpr(function)(argument)
    return _through(closed.jaxpr, [Dependence.AFFINE])


def _through(jaxpr: Jaxpr, inputs: Sequence[Dependence]) -> list[Dependence]:
    known: dict[Any, Dependence] = dict(zip(jaxpr.invars, inputs, strict=True))

    def level(variable: Any) -> Dependence:
        if isinstance(variable, Literal):
            return Dependence.NONE
        return known.get(variable, Dependence.NONE)  # the rest are constants of the trace

    for equation in jaxpr.eqns:
        levels = [level(variable) for variable in equation.invars]
        known |= zip(equation.outvars, _outputs(equation, levels), strict=True)
    return [level(variable) for variable in jaxpr.outvars]


def _outputs(equation: Any, levels: list[Dependence]) -> list[Dependence]:
    worst = max(levels, default=Dependence.NONE)
    name, count = equation.primitive.name, len(equation.outvars)
    if worst == Dependence.NONE:
        return [Dependence.NONE] * count
    inner = next(
        (equation.params[key] for key in ("jaxpr", "call_jaxpr") if key in equation.params), None
    )
    if name in CALLS and inner is not None:
        return _through(getattr(inner, "jaxpr", inner), levels)
    return [worst if _is_linear(name, equation, levels) else Dependence.OTHER] * count


def _is_linear(name: str, equation: Any, levels: list[Dependence]) -> bool:
    moving = [number for number, level in enumerate(levels) if level != Dependence.NONE]
    if name in SUMS or name in MOVES:
        return True
    if name in LINEAR_IN_FIRST:
        return max(moving) < LINEAR_IN_FIRST[name]
    if name in PRODUCTS:
        return len(moving) == 1
    if name in SCATTERS:
        return 1 not in moving  # the places do not move
    if name == "select_n":
        return 0 not in moving
    if name == "convert_element_type":
        kinds = [variable.aval.dtype.kind for variable in (*equation.invars, *equation.outvars)]
        return set(kinds) == {"f"}
    return False
