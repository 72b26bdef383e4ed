"""What people watch of a population: named functions of the mean field, with their units.

Figures, files and the log show them. Nothing that is solved or certified reads them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, boundary

LONGEST_UNIT = 80
ASK_THE_GAME = "A file knows it at its answer's mean field alone: build the game again."


class Observable(eqx.Module):
    """What people watch of a population: a function of the mean field, and what it counts.

    `function(m)` returns one number, or an array with one for each of what `over` names: each "state",
    each "action", each "link" of a road network, each "room". JAX must be able to trace it. `unit` is
    for people. `reference` holds numbers to compare with, as published ones, in the same shape.
    An observable can be called with a mean field. Raises TypeError for what is no function or no
    text, and ValueError for text that is not one line, and for a reference that is not finite.
    """

    function: Callable[[Any], Any]
    unit: str = eqx.field(static=True)
    over: str = eqx.field(static=True)
    reference: Array | None

    def __init__(
        self,
        function: Callable[[Any], Any],
        unit: str = "",
        over: str = "",
        reference: Any = None,
    ):
        self.function = inputs.function_of("function", function, "mean_field")
        self.unit, self.over = unit, over
        for name, text in (("unit", unit), ("over", over)):
            inputs.instance(name, text, str, "a text")
        if not unit.isprintable() or len(unit) > LONGEST_UNIT:
            raise ValueError(
                f"`unit` must be one line of at most {LONGEST_UNIT} characters, but is {unit[:20]!r}..."
            )
        if over and not over.isidentifier():
            raise ValueError(
                f"`over` must be one word, such as 'state' or 'link', but is {over[:20]!r}."
            )
        self.reference = None
        if reference is not None:
            numbers = np.array(inputs.real("reference", reference))
            self.reference = checks.finite("reference", numbers, (over or "entry",))

    @boundary
    def __call__(self, mean_field: Float[Array, "..."]) -> Array:
        """Return its value at a mean field."""
        return _compiled("function", self, jnp.asarray(mean_field))


class Saved(eqx.Module):
    """What a file holds of an observable: its value at one mean field, and NaN at all others."""

    value: Float[Array, "..."]
    mean_field: Float[Array, "..."]

    def __call__(self, mean_field: Float[Array, "..."]) -> Array:
        there = jnp.all(mean_field == self.mean_field)
        return jnp.where(there, self.value, jnp.nan)


def as_observables(given: Any) -> dict[str, Observable]:
    """Observables by name; functions alone become observables without a unit.

    Raises TypeError for what maps no names to functions, and ValueError for names that are none.
    """
    if not isinstance(given, Mapping):
        raise TypeError(
            "`observables` must map names to functions of the mean field, but is "
            f"{inputs.described(given)}. Write `observables={{'crowd': lambda m: m[0]}}`."
        )
    found = {}
    for name, each in given.items():
        if not isinstance(name, str) or not name.isidentifier():
            shown = inputs.described(name)
            raise ValueError(
                "`observables` must have names like those of variables, such as 'link_flows', but "
                f"one of them is {shown}."
            )
        if not isinstance(each, Observable):
            each = Observable(inputs.function_of(_named(name), each, "mean_field"))
        found[name] = each
    # Neither files nor trees of JAX keep another order.
    return {name: found[name] for name in sorted(found)}


def measured(observables: Any, mean_field: Float[Array, "..."]) -> dict[str, Any]:
    """Return the value of each observable, finite or not."""
    with jax.enable_x64(True):
        field = jnp.asarray(mean_field)
        return {
            name: np.asarray(_compiled(_named(name), each, field))[()]
            for name, each in as_observables(observables).items()
        }


def check_observables(
    observables: Any,
    mean_field: Float[Array, "..."],
    sizes: Mapping[str, int],
    finite: bool = False,
) -> None:
    """Refuse observables that JAX cannot trace, or that are not one number for each of what they say.

    `sizes` says how much there is of what they may be over. With `finite` values must be finite, but
    for those of a file, which knows them elsewhere.
    """
    known = as_observables(observables)
    values, sizes = measured(known, mean_field), dict(sizes)
    for name, value in values.items():
        over = known[name].over
        if over and len(value) != sizes.setdefault(over, len(value)):
            raise ValueError(
                f"`{_named(name)}` returns {len(value)} numbers, one for each {over}, but of these "
                f"there are {sizes[over]}."
            )
        if finite and not isinstance(known[name].function, Saved):
            check_finite(known, {name: value})


def check_finite(observables: Any, values: Mapping[str, Any]) -> None:
    """Refuse values that are not finite."""
    known = as_observables(observables)
    for name, value in values.items():
        bad = np.argwhere(~np.isfinite(value))
        if len(bad):
            found, of = np.asarray(value)[tuple(bad[0])], known[name].over or "entry"
            place = f" at {of} {int(bad[0][0])}" if np.ndim(value) else ""
            saved = isinstance(known[name].function, Saved)
            raise ValueError(
                f"`{_named(name)}` must be finite, but is {found}{place}. "
                + (ASK_THE_GAME if saved else "Guard divisions and logarithms.")
            )


def _named(name: str) -> str:
    return f"observables[{name!r}]"


def _value(name: str, observable: Observable, mean_field: Array) -> Array:
    """The value of one observable, named where it is none."""
    found = inputs.called(name, observable.function, mean_field)
    found = jnp.asarray(inputs.real(name, found))
    over, reference = observable.over, observable.reference
    if found.ndim > 1 or (over and found.ndim == 0):
        wanted = (
            f"one number for each {over}" if over else "one number, or one for each of something"
        )
        raise ValueError(
            f"`{name}` must return {wanted}, but returns an array of shape {found.shape}."
        )
    if reference is not None and reference.shape != found.shape:
        raise ValueError(
            f"`{name}` has a reference of shape {reference.shape}, but returns shape {found.shape}."
        )
    return found.astype(jnp.result_type(float))


# Compiled once instead of operation by operation.
_compiled = eqx.filter_jit(_value)
