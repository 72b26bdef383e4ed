"""From verdicts to rows: on every game, each peer against rmfg.

The peer's best is the least exploitability (mean under the law) of all its iterates under all its
settings. Its seconds are those of whichever setting first comes within a factor of two of that, so
that a last digit costs it nothing. rmfg has to reach the peer's best itself, with any of its solvers
at their defaults. In the seconds that the peer took, the least exploitability that rmfg had reached
is the other comparison. What is below the judge's resolution counts as that resolution.
"""

from typing import Any, NamedTuple

import numpy as np

Found = dict[str, Any]
SLACK = 2.0


class Reach(NamedTuple):
    """Which method got within an exploitability, when, and how exploitable it then was."""

    method: str
    seconds: float
    compile: float
    mean: float
    largest: float


class Duel(NamedTuple):
    """A peer against rmfg on one game."""

    game: str
    shape: tuple[int, int]
    library: str
    peer: Reach
    best: float
    resolution: float
    ours: Reach | None
    ours_in_time: float

    @property
    def speedup(self) -> float:
        """How many times sooner rmfg has the peer's best exploitability."""
        return self.peer.seconds / self.ours.seconds if self.ours else 0.0

    @property
    def gain(self) -> float:
        """How many times less exploitable rmfg is in the peer's time."""
        return max(self.best, self.resolution) / max(self.ours_in_time, self.resolution)


def duels(found: list[Found], clock: str = "bare") -> list[Duel]:
    """All duels, in the order of the games; `clock` says which seconds of the peer count."""
    rows = []
    for game in dict.fromkeys(one["game"] for one in found):
        here = [one for one in found if one["game"] == game]
        ours = [one for one in here if one["library"] == "rmfg"]
        for library in dict.fromkeys(one["library"] for one in here if one["library"] != "rmfg"):
            peers = [one for one in here if one["library"] == library]
            rows.append(_duel(game, library, peers, ours, clock))
    return rows


def reached(found: list[Found], level: float, clock: str) -> Reach | None:
    """The first to come within a level."""
    best = None
    for one in found:
        inside = np.flatnonzero(np.asarray(one["mean"]) <= level)
        if len(inside) and (best is None or one[clock][inside[0]] < best.seconds):
            i = inside[0]
            numbers = (one[clock][i], one["compile"], one["mean"][i], one["largest"][i])
            best = Reach(one["method"], *numbers)
    return best


def _duel(game: str, library: str, peers: list[Found], ours: list[Found], clock: str) -> Duel:
    resolution = max(x for one in ours for x in one["resolution"] if np.isfinite(x))
    best = min(min(one["mean"]) for one in peers)
    peer = reached(peers, max(SLACK * best, resolution), clock)
    assert peer is not None
    in_time = [
        mean
        for one in ours
        for mean, seconds in zip(one["mean"], one["seconds"], strict=True)
        if seconds <= peer.seconds
    ]
    return Duel(
        game,
        tuple(peers[0]["shape"]),
        library,
        peer,
        best,
        resolution,
        reached(ours, max(best, resolution), "seconds"),
        min(in_time, default=np.inf),
    )
