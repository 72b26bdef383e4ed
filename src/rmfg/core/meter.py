"""Progress meters: objects that are told how far the work is. The solver itself never prints.

    with metered(progress):       # True, False or a meter, as the caller said
        ...
        report(step, {"residual": 0.1})

Whoever works reports, and need not know who listens: the meter of the innermost call that named one.
"""

import abc
import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import TextIO

import numpy as np

from rmfg.core import inputs


class Meter(abc.ABC):
    """Somebody who wants to know how a long computation goes on."""

    @abc.abstractmethod
    def update(self, step: int, numbers: dict[str, float]) -> None:
        """Take note of a step and of the numbers measured there, if any were."""

    @abc.abstractmethod
    def close(self) -> None:
        """Take note that the work has ended."""


class NoMeter(Meter):
    """Nobody."""

    def update(self, step: int, numbers: dict[str, float]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class TerminalMeter(Meter):
    """One line on a terminal, rewritten at most ten times a second; silent on pipes and files."""

    def __init__(self, stream: TextIO | None = None, interval: float = 0.1):
        self.stream = sys.stderr if stream is None else stream
        self.interval, self.last, self.shown = interval, 0.0, 0

    def update(self, step: int, numbers: dict[str, float]) -> None:
        now = time.monotonic()
        if not self.stream.isatty() or now - self.last < self.interval:
            return
        line = f"step {step}  " + "  ".join(f"{name} {x:.2e}" for name, x in numbers.items())
        self.stream.write("\r" + line.ljust(self.shown))
        self.stream.flush()
        self.last, self.shown = now, len(line)

    def close(self) -> None:
        if self.shown:
            self.stream.write("\r" + " " * self.shown + "\r")
            self.stream.flush()
            self.shown = 0


_LISTENING: ContextVar[Meter] = ContextVar("the meter that listens", default=NoMeter())  # noqa: B039


@contextlib.contextmanager
def metered(progress: bool | Meter) -> Iterator[Meter]:
    """Have what goes on inside reported: on the terminal, or to a meter, which is closed at the end.

    With False nothing changes: who asked outside goes on to listen. Raises TypeError for what is
    neither.
    """
    inputs.instance("progress", progress, bool | np.bool_ | Meter, "True, False or a meter")
    if not isinstance(progress, Meter):
        if not progress:
            yield _LISTENING.get()
            return
        progress = TerminalMeter()
    token = _LISTENING.set(progress)
    try:
        yield progress
    finally:
        _LISTENING.reset(token)
        progress.close()


def report(step: int, numbers: Mapping[str, float | int]) -> None:
    """Tell who listens, if anybody does."""
    _LISTENING.get().update(step, {name: float(number) for name, number in numbers.items()})
