"""Progress meters: objects that are told how far the work is. The solver itself never prints."""

import abc
import sys
import time
from typing import TextIO


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
