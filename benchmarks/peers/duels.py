"""From verdicts to rows: on every game, each peer against rmfg.

The level of a duel is twice the peer's best: the least exploitability (mean under the law) of all
its iterates under all its settings; twice, so that a last digit costs it nothing. Peer and rmfg are
timed to that level, each with whichever of its settings or solvers comes first. In the seconds that
the peer took, the least exploitability that rmfg had reached is the other comparison. What is below
the judge's resolution counts as that resolution.

Seconds are those that a user waits, once everything is compiled: with what a library spends on
measuring itself, be it called exploitability or certificate. Seconds without that are shown beside.
"""

from typing import Any, NamedTuple

import numpy as np

Found = dict[str, Any]
SLACK = 2.0


class Reach(NamedTuple):
    """Which method got within an exploitability, when, and how exploitable it then was."""

    method: str
    seconds: float
    bare: float
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


def duels(found: list[Found]) -> list[Duel]:
    """All duels, in the order of the games."""
    rows = []
    for game in dict.fromkeys(one["game"] for one in found):
        here = [one for one in found if one["game"] == game]
        ours = [one for one in here if one["library"] == "rmfg"]
        if not ours:  # a game that was left out of a partial run
            continue
        for library in dict.fromkeys(one["library"] for one in here if one["library"] != "rmfg"):
            peers = [one for one in here if one["library"] == library]
            rows.append(_duel(game, library, peers, ours))
    return rows


def reached(found: list[Found], level: float) -> Reach | None:
    """The first to come within a level."""
    best = None
    for one in found:
        inside = np.flatnonzero(np.asarray(one["mean"]) <= level)
        if len(inside) and (best is None or one["seconds"][inside[0]] < best.seconds):
            i = inside[0]
            rest = {key: one[key][i] for key in ("seconds", "bare", "mean", "largest")}
            best = Reach(one["method"], compile=one["compile"], **rest)
    return best


def _duel(game: str, library: str, peers: list[Found], ours: list[Found]) -> Duel:
    resolution = max(x for one in ours for x in one["resolution"] if np.isfinite(x))
    best = min(min(one["mean"]) for one in peers)
    level = max(SLACK * best, resolution)
    peer = reached(peers, level)
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
        reached(ours, level),
        min(in_time, default=np.inf),
    )
