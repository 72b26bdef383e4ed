"""What a method leaves behind: policies and laws with the seconds at which it had them.

Written by the peers' processes and ours, read by the judge, in NumPy alone. A trace is one .npz:

    policies (N, S, A), laws (N, S)    what the method held, one row a step; far on, not every step
    seconds (N)                        when, once everything is compiled: the least over repeats
    bare (N)                           the same without the method's own measuring
    compile                            what the first run took longer than a later one

Seconds are those of the processor, and everybody has one thread: on an idle machine they are those
of the clock on the wall, and on a busy one they are still those of an idle one.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

MOST_RECORDS = 60
MOST_REPEATS, PATIENCE = 3, 2.0


class Trace(NamedTuple):
    """One method on one game."""

    game: str
    library: str
    method: str
    policies: np.ndarray
    laws: np.ndarray
    seconds: np.ndarray
    bare: np.ndarray
    compile: float

    def save(self, folder: Path, number: int) -> None:
        """Write to a file named after the game, the library and a number."""
        name = f"{self.game}--{self.library}--{number:02d}.npz"
        np.savez_compressed(folder / name, **self._asdict())


def load(path: Path) -> Trace:
    """Read a trace."""
    with np.load(path, allow_pickle=False) as file:
        fields = {name: file[name] for name in Trace._fields}
    for name in ("game", "library", "method"):
        fields[name] = str(fields[name])
    return Trace(**fields | {"compile": float(fields["compile"])})


class Tape:
    """Records what passes by, with the time since the tape was started."""

    def __init__(self) -> None:
        self.records: list[tuple[float, np.ndarray, np.ndarray]] = []
        self.begin = time.process_time()

    def add(self, policy: object, law: object) -> None:
        """Record a policy and a law; waiting for them is part of the method's time."""
        held = np.asarray(policy), np.asarray(law)
        self.records.append((time.process_time() - self.begin, *held))

    @property
    def seconds(self) -> np.ndarray:
        """When each record was made."""
        return np.array([record[0] for record in self.records])


def record(
    labels: tuple[str, str, str],
    play: Callable[[Tape], None],
    play_bare: Callable[[Tape], None] | None = None,
) -> Trace:
    """Play once to compile, then several times for the clock, with and without measuring.

    `play` starts from the same place every time and reports to the tape. Repeats end when they
    have taken a few seconds.
    """
    first = _played(play)
    tapes = _repeated(play)
    seconds, records = _least(tapes), tapes[0].records
    bare = seconds if play_bare is None else _least(_repeated(play_bare))
    # A method that stops by the clock may end a step earlier or later.
    kept = chosen(min(len(seconds), len(bare)))
    common = min(len(first.records), len(seconds)) - 1
    return Trace(
        *labels,
        policies=np.array([records[i][1] for i in kept]),
        laws=np.array([records[i][2] for i in kept]),
        seconds=seconds[kept],
        bare=np.minimum(bare[kept], seconds[kept]),
        compile=max(first.seconds[common] - seconds[common], 0.0),
    )


def chosen(count: int) -> np.ndarray:
    """Which steps to keep: the first ones, then ever fewer, and the last."""
    spread = np.geomspace(1, count, MOST_RECORDS).astype(int) - 1
    return np.unique(np.append(np.arange(min(count, MOST_RECORDS // 3)), spread))


def _played(play: Callable[[Tape], None]) -> Tape:
    tape = Tape()
    play(tape)
    return tape


def _repeated(play: Callable[[Tape], None]) -> list[Tape]:
    begin, tapes = time.perf_counter(), [_played(play)]
    while len(tapes) < MOST_REPEATS and time.perf_counter() - begin < PATIENCE:
        tapes.append(_played(play))
    return tapes


def _least(tapes: list[Tape]) -> np.ndarray:
    """Seconds made of the least duration of each step: other work on the machine drops out."""
    length = min(len(tape.records) for tape in tapes)
    durations = [np.diff(tape.seconds[:length], prepend=0.0) for tape in tapes]
    return np.cumsum(np.min(durations, axis=0))
