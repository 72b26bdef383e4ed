"""Observables in files: their values at the answer, with unit and reference, and back.

A file cannot hold functions. A game read from it knows the values at the answer's mean field, and
none at others. They are claims of the file like any other, and nothing is judged by them.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rmfg.answer.solution import Solution
from rmfg.core import inputs
from rmfg.core.precision import Array
from rmfg.model.observable import Observable, Saved, as_observables, measured

if TYPE_CHECKING:
    import xarray

VALUE, REFERENCE = "observable_", "reference_"


def arrays(answer: Solution, taken: Mapping[str, int]) -> dict[str, Any]:
    """Return the variables of a dataset whose axes have the sizes `taken`, finite or not."""
    known, found = as_observables(answer.game.observables), {}
    for name, value in measured(known, answer.mean_field).items():
        about = known[name]
        # An axis of another length must not cost the answer its file.
        fits = about.over and taken.get(about.over, np.size(value)) == np.size(value)
        axes = (about.over if fits else f"{VALUE}{name}_entry",)[: np.ndim(value)]
        found[VALUE + name] = (axes, value, {"unit": about.unit, "over": about.over})
        if about.reference is not None:
            found[REFERENCE + name] = (axes, about.reference, {"unit": about.unit})
    return found


def observables(dataset: "xarray.Dataset", mean_field: Array) -> dict[str, Observable]:
    """Return the observables of a file, known at one mean field. Older files have none.

    Raises KeyError, ValueError or TypeError for what cannot be one.
    """
    found = {}
    for key, variable in dataset.data_vars.items():
        if str(key).startswith(VALUE):
            name, note = str(key)[len(VALUE) :], variable.attrs
            value = np.asarray(inputs.real(str(key), variable.values))
            reference = dataset.get(REFERENCE + name)
            found[name] = Observable(
                Saved(value, mean_field),
                note["unit"],
                note["over"],
                None if reference is None else reference.values,
            )
    return found
