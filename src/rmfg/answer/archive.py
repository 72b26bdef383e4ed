"""Answers as netCDF: plain arrays and attributes, read back by anything that reads netCDF.

The file holds the answer and the game frozen at the answer's mean field (reward, nominal kernel,
discount) and the ambiguity set, so that the certificate can be computed again from it alone. What is
read is input like any other: laws and values are checked, and status and certificate are hearsay.
"""

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from rmfg.answer import observed
from rmfg.answer.certificate import Certificate
from rmfg.answer.solution import Solution
from rmfg.core import checks
from rmfg.core.dependence import Dependence, dependence
from rmfg.core.files import NETCDF, check_target, text_of
from rmfg.core.netcdf import write_netcdf
from rmfg.core.precision import Array
from rmfg.core.status import Status
from rmfg.model.ambiguity import catalog
from rmfg.model.game import TabularGame, check_watched
from rmfg.model.kernel import DenseKernel, Kernel, SparseKernel
from rmfg.model.layout import Layout, layouts
from rmfg.rates.constant import Constant
from rmfg.rates.contraction import Contraction
from rmfg.version import __version__

if TYPE_CHECKING:
    import xarray

FORMAT = "rmfg equilibrium 1"
# Numbers of a certificate that the first files of this format did not have.
ADDED_LATER = ("flow_imbalance", "drift", "adjustment")
# In them the map of a road network held its congestion too, which observables of the game say now.
NO_GEOMETRY = ("free_flow_time", "capacity", "b", "power", "vehicles", "reference_flow")


def to_dataset(answer: Solution) -> "xarray.Dataset":
    """Lay out an answer as a dataset."""
    import xarray  # costs more than the rest of the package to import

    game, field = answer.game, answer.mean_field
    ambiguity = catalog.fields_of(answer.ambiguity, field)
    arrays = {
        "policy": (("state", "action"), np.asarray(answer.policy)),
        "distribution": (("state",), np.asarray(answer.distribution)),
        "value": (("state",), np.asarray(answer.value)),
        "reward": (("state", "action"), np.asarray(game.reward(field))),
        **_kernel_arrays("nature", answer.kernel),
        **_kernel_arrays("nominal", game.kernel(field)),
    }
    if answer.potential is not None:
        arrays["potential"] = (("state",), np.asarray(answer.potential))
    if game.actions is not None:
        arrays["actions"] = (("state", "action"), np.asarray(game.actions))
    if isinstance(answer.population, Kernel):
        arrays |= _kernel_arrays("population", answer.population)
    for name, value in ambiguity.items():
        if not isinstance(value, str) and np.ndim(value) > 0:
            array = np.asarray(value)
            arrays[f"ambiguity_{name}"] = (
                tuple(f"ambiguity_{name}_{axis}" for axis in range(array.ndim)),
                array,
            )
    taken = {
        axis: size
        for axes, array in arrays.values()
        for axis, size in zip(axes, array.shape, strict=True)
    }
    scalars = {
        name: value if isinstance(value, str) else float(value)
        for name, value in ambiguity.items()
        if isinstance(value, str) or np.ndim(value) == 0
    }
    recipe = game.recipe
    attributes = {
        "format": FORMAT,
        "version": __version__,
        "game": str(game.name or type(game).__name__),
        "recipe": json.dumps(recipe, default=str) if recipe else "",
        "mean_field": game.mean_field,
        "frozen": int(_moves(answer)),
        "discount": float(game.discount),
        "population": answer.population if isinstance(answer.population, str) else "kernel",
        "ambiguity": catalog.name_of(answer.ambiguity),
        "ambiguity_fields": json.dumps(scalars),
        "ambiguity_functions": json.dumps(catalog.functions_of(answer.ambiguity)),
        "status": str(answer.status),
        "solver": answer.solver,
        "steps": int(answer.steps),
        "seconds": float(answer.seconds),
        "layout": _layout_text(game.layout),
        "guarantee": json.dumps(dataclasses.asdict(answer.guarantee)) if answer.guarantee else "",
        **{
            f"certificate_{name}": float(number)
            for name, number in vars(answer.certificate).items()
            if number is not None
        },
    }
    # Whoever changes a dataset must not change the answer.
    variables = arrays | observed.arrays(answer, taken)
    dataset = xarray.Dataset(variables, attrs=attributes).copy(deep=True)
    for axis, names in (("state", game.state_names), ("action", game.action_names)):
        if names is not None:
            dataset = dataset.assign_coords({axis: np.array(names, dtype=str)})
    return dataset


def _moves(answer: Solution) -> bool:
    """Whether the saved game, or the set, is another one at another mean field."""
    game = answer.game

    def shown(field: Array) -> tuple[Any, Kernel]:
        return game.reward(field), game.kernel(field)

    with jax.enable_x64(True):
        levels = dependence(shown, jnp.asarray(answer.mean_field))
    still = all(level == Dependence.NONE for level in levels) and answer.ambiguity.frozen
    return game.frozen or not still


def save(answer: Solution, path: str | os.PathLike[str]) -> None:
    """Write the answer as netCDF, whole or not at all."""
    check_target("path", path, NETCDF)
    dataset = to_dataset(answer)
    # Kernels are mostly zeros and repeats: level 1 shrinks them several times at little cost.
    encoding = {
        str(name): {"zlib": True, "complevel": 1}
        for name, variable in dataset.data_vars.items()
        if variable.size > 10_000
    }
    write_netcdf(dataset, path, encoding)


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the fields of an answer."""
    import xarray

    source = Path(text_of("path", path))
    if not source.is_file():
        raise ValueError(f"`path`: there is no file {str(source)!r}.")
    try:
        with xarray.open_dataset(source, engine="netcdf4") as opened:
            dataset = opened.load()
    except (OSError, ValueError, RuntimeError, AttributeError) as error:
        raise ValueError(
            f"`path`: {str(source)!r} is not a readable netCDF file (truncated?): {error}"
        ) from None
    if dataset.attrs.get("format") != FORMAT:
        raise ValueError(
            f"`path`: {str(source)!r} is netCDF, but not an equilibrium saved by rmfg ({FORMAT})."
        )
    try:
        return _fields(dataset)
    except KeyError as error:
        raise ValueError(f"`path`: {str(source)!r} lacks {error}; was it cut short?") from None
    except (AttributeError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"`path`: {str(source)!r} is damaged: {type(error).__name__}: {error}"
        ) from None


def _fields(dataset: "xarray.Dataset") -> dict[str, Any]:
    note = dataset.attrs
    names = {
        axis: tuple(dataset.coords[axis].values.tolist())
        for axis in ("state", "action")
        if axis in dataset.coords
    }
    game = TabularGame(
        _kernel_from("nominal", dataset),
        dataset["reward"].values,
        note["discount"],
        mean_field=note["mean_field"],
        name=note["game"],
        layout=_layout_from(note["layout"]),
        actions=dataset["actions"].values.astype(bool) if "actions" in dataset else None,
        state_names=names.get("state"),
        action_names=names.get("action"),
    )
    game.frozen = bool(note.get("frozen", True))
    game.recipe = _recipe_from(note["recipe"])
    prefix = "ambiguity_"
    fields = json.loads(note["ambiguity_fields"])
    for name, variable in dataset.data_vars.items():
        if str(name).startswith(prefix):
            fields[str(name)[len(prefix) :]] = variable.values
    if "kernels" in fields:
        fields["kernels"] = list(fields["kernels"])
    population = note["population"]
    checks.known("population", population, ("worst_case", "nominal", "kernel"))
    size, actions = game.num_states, game.num_actions
    policy = _laws("policy", dataset, (size, actions), "(states, actions)")
    distribution = _laws("distribution", dataset, (size,), "(states,)")
    field = game.mean_field_of(distribution, policy)
    game.observables = observed.observables(dataset, field)
    check_watched(game, field)
    return {
        "policy": policy,
        "distribution": distribution,
        "value": _numbers("value", dataset, (size,), "(states,)"),
        "kernel": _kernel_from("nature", dataset),
        "certificate": _certificate_from(note),
        "status": Status(note["status"]),
        "game": game,
        "ambiguity": catalog.make(note["ambiguity"], **fields),
        "population": _kernel_from("population", dataset) if population == "kernel" else population,
        "solver": note["solver"],
        "steps": int(note["steps"]),
        "seconds": float(note["seconds"]),
        "guarantee": _guarantee_from(note.get("guarantee", "")),
        "potential": (
            _numbers("potential", dataset, (size,), "(states,)") if "potential" in dataset else None
        ),
        "as_saved": True,
        "frozen_sizes": tuple(map(str, json.loads(note.get("ambiguity_functions", "[]")))),
    }


def _certificate_from(note: Mapping[str, Any]) -> Certificate:
    """The numbers that the file claims. Those that older files lack are not a number."""
    found: dict[str, Any] = dict.fromkeys(ADDED_LATER, math.nan)
    for field in dataclasses.fields(Certificate):
        key = f"certificate_{field.name}"
        if key in note:
            found[field.name] = float(note[key])
        elif field.default is dataclasses.MISSING and field.name not in found:
            raise KeyError(key)
    found["nearly_closed"] = int(found.get("nearly_closed", 0))
    return Certificate(**found)


def _numbers(
    name: str, dataset: "xarray.Dataset", shape: tuple[int, ...], meaning: str
) -> np.ndarray:
    """An array of the file that must be finite numbers of this shape."""
    array = dataset[name].values
    if array.dtype.kind not in "iuf":
        raise ValueError(f"`{name}` must be numbers, but is of type {array.dtype}.")
    array = np.asarray(checks.shaped(name, array, shape, meaning), dtype=np.float64)
    return checks.finite(name, array, ("s", "a"))  # pyright: ignore[reportReturnType]


def _laws(name: str, dataset: "xarray.Dataset", shape: tuple[int, ...], meaning: str) -> np.ndarray:
    """Laws of the file, one in each row."""
    array = _numbers(name, dataset, shape, meaning)
    return np.asarray(checks.laws(name, array, ("s",) if len(shape) > 1 else ()))


def _recipe_from(text: Any) -> Any:
    """The recipe; one that is none is kept as its text, which `rmfg.zoo.remake` refuses."""
    if isinstance(text, str) and not text:
        return None
    try:
        recipe = json.loads(text)
        name, parameters = recipe
        if isinstance(name, str) and isinstance(parameters, list):
            return recipe
    except (ValueError, TypeError, RecursionError):
        pass
    return str(text)


def _kernel_arrays(role: str, kernel: Kernel) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    probabilities = np.asarray(kernel.probabilities)
    if not isinstance(kernel, SparseKernel):
        axes = ("state", "action", "next_state")
        return {f"{role}_probabilities": (axes, probabilities)}
    axes = ("state", "action", f"{role}_successor")
    return {
        f"{role}_successors": (axes, np.asarray(kernel.successors)),
        f"{role}_probabilities": (axes, probabilities),
    }


def _kernel_from(role: str, dataset: "xarray.Dataset") -> Kernel:
    probabilities = dataset[f"{role}_probabilities"].values
    if f"{role}_successors" in dataset:
        return SparseKernel(dataset[f"{role}_successors"].values, probabilities)
    return DenseKernel(probabilities)


def _layout_text(layout: Layout | None) -> str:
    if layout is None:
        return ""
    return json.dumps({"kind": type(layout).__name__} | vars(layout))


def _layout_from(text: str) -> Layout | None:
    if not text:
        return None
    fields, known = json.loads(text), layouts()
    checks.known("layout", fields["kind"], known)
    kind = known[fields.pop("kind")]
    return kind(
        **{name: _tuples(value) for name, value in fields.items() if name not in NO_GEOMETRY}
    )


def _guarantee_from(text: str) -> Contraction | None:
    if not text:
        return None
    fields = json.loads(text)
    constants = {name: Constant(**f) for name, f in fields.items() if isinstance(f, dict)}
    return Contraction(**{**fields, **constants})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
