"""What all tests share: a ledger that counts the cases of a law and keeps the worst of them."""

import os
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Nearly all of a first run is compiling; a second one reads it from here. Entries are not written
# atomically, so that processes that run side by side must not share them.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
CACHE = Path(__file__).parents[1] / ".pytest_cache" / "compiled" / WORKER
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

# Without these two kinds of optimization XLA compiles in 0.4 of the time (17 s of CPU in place of 44 s
# for 100 tests). Laws hold up to rounding, which may differ, as it does between machines. XLA refuses
# flags that it does not know, so that only versions that are known to have them are given them.
FLAGS = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
if version("jaxlib").startswith(("0.8.", "0.9.", "0.10.")):
    os.environ["XLA_FLAGS"] = f"{FLAGS} {os.environ.get('XLA_FLAGS', '')}".strip()

import jax  # noqa: E402 it reads the variables when it is loaded
import jaxtyping  # noqa: E402

# Compiled programs stay in memory, each in several mappings, of which Linux gives a process 65,530.
MOST_MAPPINGS = 30_000
MAPPINGS = Path("/proc/self/maps")


def pytest_runtest_teardown(item, nextitem) -> None:
    """Forget what was compiled before the system runs out of mappings."""
    if MAPPINGS.exists() and MAPPINGS.read_bytes().count(b"\n") > MOST_MAPPINGS:
        jax.clear_caches()


class Ledger:
    """Checks laws, counts them, and remembers how close each came to failing."""

    def __init__(self) -> None:
        self.cases, self.numbers = 0, 0
        self.worst: dict[str, float] = defaultdict(float)

    def at_most(self, law: str, found: Any, allowed: Any) -> None:
        """Every number found is at most what is allowed; NaN is not."""
        found, allowed = np.broadcast_arrays(np.asarray(found, float), np.asarray(allowed, float))
        self.cases += 1
        self.numbers += found.size
        refuted = np.argwhere(~(found <= allowed))
        if len(refuted):
            place = tuple(int(index) for index in refuted[0])
            raise AssertionError(
                f"{law}: {found[place]:.3e} exceeds {allowed[place]:.3e} at {place}, "
                f"and {len(refuted) - 1} more of {found.size}"
            )
        share = np.where(allowed > 0, found / np.where(allowed > 0, allowed, 1), 0)
        share = share.max(initial=0)
        self.worst[law] = max(self.worst[law], float(share))

    def holds(self, law: str, condition: Any) -> None:
        """Every entry is true."""
        self.at_most(law, ~np.asarray(condition), 0)


@pytest.fixture
def ledger(record_property):
    ledger = Ledger()
    yield ledger
    record_property("laws", (ledger.cases, ledger.numbers, dict(ledger.worst)))


@pytest.fixture
def unchecked():
    """Let the library run without checks of types, as users do.

    For tests of many small calls, ten times as long with them, whose shapes other tests check.
    """
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def record_errors(record_property):
    """Keep the worst errors of a set for the table at the end of the run."""
    return lambda *row: record_property("errors", row)


def pytest_terminal_summary(terminalreporter) -> None:
    """Say how many laws were checked, and what the references found."""
    # Fixtures record when they are torn down; those reports stand under the empty outcome.
    properties = [
        entry
        for report in terminalreporter.stats.get("", [])
        if report.when == "teardown"
        for entry in report.user_properties
    ]
    laws = [value for name, value in properties if name == "laws"]
    if laws:
        cases, numbers = (sum(entry[i] for entry in laws) for i in (0, 1))
        terminalreporter.write_line(f"laws: {cases} cases, {numbers} numbers compared")
        if terminalreporter.config.option.verbose > 0:
            worst: dict[str, float] = defaultdict(float)
            for _, _, found in laws:
                for law, share in found.items():
                    worst[law] = max(worst[law], share)
            for law, share in sorted(worst.items(), key=lambda item: -item[1]):
                terminalreporter.write_line(f"  {share:8.1e} of what is allowed: {law}")
    errors = [value for name, value in properties if name == "errors"]
    if errors:
        terminalreporter.write_line("worst errors against independent programs, in spans of V:")
        for name, *numbers in errors:
            shown = "".join(f"{number:>12}" for number in numbers)
            terminalreporter.write_line(f"  {name:<32}{shown}")
