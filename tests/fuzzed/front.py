"""A public function with arguments that are fine, and the arguments that many functions share."""

import dataclasses
from collections.abc import Callable
from typing import Any

import rmfg
from fuzzed import good
from fuzzed.kinds import (
    instance,
    is_array,
    is_flag,
    is_integer,
    is_kernel,
    is_law,
    is_number,
    optional,
)


@dataclasses.dataclass(frozen=True)
class Argument:
    """A good value, and what else may be accepted."""

    good: Any
    accepts: Callable[[Any], bool]


@dataclasses.dataclass(frozen=True)
class Front:
    """A public function, arguments that are fine, and what its answers keep."""

    call: Callable[..., Any]
    arguments: dict[str, Argument]
    keeps: Callable[[Any, dict[str, Any]], bool]
    often: int = 4
    positional: tuple[str, ...] = ()


GAME = Argument(good.GAME, instance(rmfg.MeanFieldGame))
AMBIGUITY = Argument(good.TOTAL, instance(rmfg.Ambiguity))
DOUBT = Argument(good.TOTAL, optional(instance(rmfg.Ambiguity)))
KERNEL, VALUES = Argument(good.KERNEL, is_kernel), Argument(good.VALUES, is_array)
FIELD, POLICY = Argument(good.LAW, is_law), Argument(good.POLICY, is_law)
START = Argument(good.LAW, optional(is_law))
PLAYED = Argument(good.POLICY, lambda v: is_law(v) or isinstance(v, rmfg.Equilibrium))
POPULATION = Argument("nominal", lambda v: isinstance(v, str) or is_kernel(v))
RULE = Argument("nominal", lambda v: v is None or isinstance(v, str) or is_kernel(v))
TOL, WHOLE, FLAG = Argument(1e-3, is_number), Argument(3, is_integer), Argument(False, is_flag)
SECONDS = Argument(5.0, optional(is_number))
HEAT, SHARE = Argument(0.5, is_number), Argument(0.5, is_number)


def solved(answer: rmfg.Equilibrium) -> Argument:
    """An answer, where a function wants one."""
    return Argument(answer, instance(rmfg.Equilibrium))
