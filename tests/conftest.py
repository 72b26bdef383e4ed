"""What all tests share: a ledger that counts the cases of a law and keeps the worst of them."""

import gc
import os
from collections import defaultdict
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

import jax  # noqa: E402 it reads the variables when it is loaded
import jaxtyping  # noqa: E402

TESTS = pytest.StashKey[int]()
# Compiled programs stay in memory, each in several mappings, of which Linux gives a process 65,530.
# What is forgotten is traced and lowered anew, so that it is forgotten only when they grow scarce.
MAPPINGS = Path("/proc/self/maps")
MOST_MAPPINGS = 30_000
TESTS_BETWEEN_COUNTS = 5


def pytest_runtest_teardown(item, nextitem) -> None:
    """Forget what was compiled when mappings of memory grow scarce."""
    done = item.config.stash.get(TESTS, 0) + 1
    if done % TESTS_BETWEEN_COUNTS == 0 and mappings() > MOST_MAPPINGS:
        jax.clear_caches()
        gc.collect()
    item.config.stash[TESTS] = done


def mappings() -> int:
    """The mappings of this process, where the system tells."""
    return MAPPINGS.read_bytes().count(b"\n") if MAPPINGS.exists() else 0


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
def precision_is_the_callers():
    """Whatever the library computes in double precision, the setting of JAX stays as it was."""
    assert not jax.config.jax_enable_x64
    yield
    assert not jax.config.jax_enable_x64


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
