"""Games from files of arrays, which do not depend on the mean field."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rmfg.core import checks
from rmfg.model.game import TabularGame
from rmfg.model.kernel import SparseKernel

NUMBERS = ("kernel", "successors", "probabilities", "reward", "discount", "initial")
NAMES = ("state_names", "action_names")


def game(path: Path) -> TabularGame:
    """Read a game from a .npz or .nc file."""
    if not path.is_file():
        raise ValueError(f"GAME {str(path)!r}: there is no such file.")
    arrays = _read_npz(path) if path.suffix == ".npz" else _read_netcdf(path)
    try:
        return _game_of(arrays, path.stem)
    except (ValueError, TypeError) as error:
        # Kernels call their array by its meaning; in this file it has a name.
        text = str(error).replace("`kernel`: `probabilities`", "`kernel`")
        raise ValueError(f"GAME {str(path)!r}: {text}") from None


def _game_of(arrays: Mapping[str, np.ndarray], name: str) -> TabularGame:
    for found in arrays:
        checks.known("array", found, (*NUMBERS, *NAMES))
    sparse = "successors" in arrays or "probabilities" in arrays
    needed = ("successors", "probabilities") if sparse else ("kernel",)
    for wanted in (*needed, "reward", "discount"):
        if wanted not in arrays:
            raise ValueError(
                f"it lacks `{wanted}`. A game is `kernel` (states, actions, next states), or "
                "`successors` and `probabilities` (states, actions, successors), with `reward` "
                "(states, actions) and `discount`."
            )
    if sparse and "kernel" in arrays:
        raise ValueError("it holds both `kernel` and `successors`: keep one of them.")
    for number in set(NUMBERS) & set(arrays):
        if arrays[number].dtype.kind not in "iufb":
            raise ValueError(f"`{number}` must be numbers, but is of type {arrays[number].dtype}.")
    if arrays["discount"].size != 1:
        raise ValueError(f"`discount` must be one number, but has {arrays['discount'].size}.")
    states, actions = (arrays[part].ravel().tolist() if part in arrays else None for part in NAMES)
    return TabularGame(
        SparseKernel(*(arrays[part] for part in needed)) if sparse else arrays["kernel"],
        arrays["reward"],
        float(arrays["discount"].reshape(())),
        initial=arrays.get("initial"),
        state_names=states,
        action_names=actions,
        name=name,
    )


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        # numpy forgets to close a file that it cannot read
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise ValueError(
            f"GAME {str(path)!r} is not a readable .npz file of arrays (truncated?): {error}"
        ) from None


def _read_netcdf(path: Path) -> dict[str, np.ndarray]:
    import xarray

    try:
        with xarray.open_dataset(path, engine="netcdf4", decode_times=False) as dataset:
            dataset.load()
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"GAME {str(path)!r} is not a readable netCDF file (truncated?): {error}"
        ) from None
    if str(dataset.attrs.get("format", "")).startswith("rmfg equilibrium"):
        raise ValueError(
            f"GAME {str(path)!r} is a solved equilibrium, not a game: `rmfg verify` checks it."
        )
    arrays = {str(name): variable.values for name, variable in dataset.data_vars.items()}
    if "discount" in dataset.attrs:
        arrays.setdefault("discount", np.asarray(dataset.attrs["discount"]))
    return arrays
