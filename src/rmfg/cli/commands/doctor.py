"""`rmfg doctor`: what is installed, where it computes, and whether its numbers can be trusted."""

import dataclasses
import importlib
import platform
from typing import Any

from rmfg.cli import options
from rmfg.cli.command import Command

REQUIRED = (
    "jax",
    "jaxlib",
    "equinox",
    "jaxtyping",
    "lineax",
    "numpy",
    "scipy",
    "xarray",
    "netCDF4",
    "matplotlib",
    "typer",
    "rich",
)
OPTIONAL = {
    "pytest": "runs the tests: pip install 'rmfg[test]'",
    "cvxpy": "checks sets against convex programs in the tests: pip install 'rmfg[test]'",
    "mkdocs": "builds the documentation: pip install 'rmfg[docs]'",
    "jax-cuda12-plugin": "computes on NVIDIA GPUs: pip install 'jax[cuda12]'",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Doctor(Command):
    """Show versions, devices and optional parts, and check that float64 works."""

    summary = "Check versions, devices and float64."

    as_json: options.Json = False

    def run(self) -> int:
        from rmfg.cli import output

        found = examine()
        if self.as_json:
            output.show_json(found)
        else:
            output.show(text(found))
        return 0 if found["ok"] else 1


def examine() -> dict[str, Any]:
    """Look at versions, devices, precision and optional parts."""
    import rmfg

    required = {name: _version(name) for name in REQUIRED}
    broken = {name: fault for name in REQUIRED if (fault := _fault(name))}
    precision = _precision()
    return {
        "rmfg": rmfg.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "required": required,
        "broken": broken,
        "devices": _devices(),
        "precision": precision,
        "optional": {name: _version(name) for name in OPTIONAL},
        "ok": not broken and all(precision.values()),
    }


def text(found: dict[str, Any]) -> str:
    """Lay out what was found."""
    head = f"rmfg {found['rmfg']}, Python {found['python']}, {found['platform']}"
    parts = {
        "required": [_row(*item) for item in found["required"].items()],
        "broken": [_row(*item) for item in found["broken"].items()],
        "devices": [f"  {device}" for device in found["devices"]],
        "precision": [
            f"  {'ok' if good else 'FAILED':<8}{what}" for what, good in found["precision"].items()
        ],
        "optional": [
            _row(name, version or f"not installed; {OPTIONAL[name]}")
            for name, version in found["optional"].items()
        ],
    }
    shown = [line for title, rows in parts.items() if rows for line in ("", title, *rows)]
    return "\n".join([head, *shown, "", "all is well" if found["ok"] else "NOT WELL: see above"])


def _row(name: str, what: str | None) -> str:
    return f"  {name:<20}{what or 'no version'}"


def _version(name: str) -> str | None:
    import importlib.metadata  # a tenth of what `rmfg --help` takes

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _fault(name: str) -> str:
    """Why a package cannot be imported, or nothing."""
    try:
        importlib.import_module(name)
    except Exception as error:  # whatever a broken package does, the others are still examined
        return f"{type(error).__name__}: {error}"
    return ""


def _devices() -> list[str]:
    import jax

    try:
        return [f"{device.platform} {device.id}: {device.device_kind}" for device in jax.devices()]
    except RuntimeError as error:
        return [f"none: {error}"]


def _precision() -> dict[str, bool]:
    """Measure float64 where the package computes, and on a game with a known answer."""
    import jax
    import numpy as np

    import rmfg

    before = jax.config.read("jax_enable_x64")
    with jax.enable_x64(True):
        tiny = np.asarray(jax.jit(lambda x: (1 + x) - 1)(2.0**-50))
    # One state pays 1 forever, the other nothing: values 10 and 0 at discount 0.9.
    game = rmfg.TabularGame(np.eye(2)[:, None, :], np.array([[1.0], [0.0]]), 0.9)
    value = np.asarray(rmfg.evaluate(game, rmfg.Nominal(), np.ones((2, 1)), np.full(2, 0.5)))
    return {
        "compiled code keeps 52 binary digits": bool(tiny == 2.0**-50),
        "the value of a known game is exact to 1e-12": bool(
            value.dtype == np.float64 and np.max(np.abs(value - [10, 0])) < 1e-11
        ),
        "the caller's JAX settings are untouched": jax.config.read("jax_enable_x64") == before,
    }
