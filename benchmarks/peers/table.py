"""The tables of the comparison, in Markdown."""

from collections.abc import Iterable

from duels import Duel, Found, Reach, duels

AHEAD, DEEPER = 10, 1e6

NOTE = """\
Exploitability: mean under the population's law, judged for all by the same NumPy code; zero is less
than 1e-13 of (max r - min r) / (1 - discount), and a ratio with it is a bound. Peer: the least over
its recorded iterates (the first ones, then ever fewer) under all its settings. Both are timed until
they are within a factor of two of that, in seconds of one processor, once compiled, with the time
they spend measuring themselves, and bare without. rmfg: `solve`
with all its checks and certificates, the first of its solvers, at defaults; "then" is when the peer
has arrived. Baselines of rmfg have a second of the wall clock, and "never" is within that. Ratios
marked * meet the goal: ten times sooner, and in the peer's time a million times less exploitable.
"""


def main_table(found: list[Found]) -> str:
    """Each peer against rmfg."""
    lines = [
        NOTE,
        "| game | S x A | peer | exploitability | largest | seconds (bare) | compile "
        "| rmfg | seconds (bare) | compile | times sooner | exploitability then | times less |",
        "|---|---|---|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|",
    ]
    return "\n".join(lines + [_line(duel) for duel in duels(found)]) + "\n"


def _line(duel: Duel) -> str:
    peer, ours = duel.peer, duel.ours
    own = ("-", "never", "-", "-")
    if ours:
        speed = f"{duel.speedup:.2g}" + ("*" if duel.speedup >= AHEAD else "")
        own = (ours.method, _times(ours), f"{ours.compile:.1f}", speed)
    gain = f"{duel.gain:.1e}" + ("*" if duel.gain >= DEEPER else "")
    cells = [
        duel.game,
        f"{duel.shape[0]} x {duel.shape[1]}",
        f"{duel.library}, {peer.method}",
        shown(duel.best, duel.resolution),
        shown(peer.largest, duel.resolution),
        _times(peer),
        f"{peer.compile:.1f}",
        *own,
        shown(duel.ours_in_time, duel.resolution),
        gain,
    ]
    return "| " + " | ".join(cells) + " |"


def _times(reach: Reach) -> str:
    return f"{reach.seconds:.4f} ({reach.bare:.4f})"


def shown(number: float, resolution: float) -> str:
    """A number, or zero where rounding is all there is."""
    if number == float("inf"):
        return "none yet"
    return "0" if number <= resolution else f"{number:.1e}"


def full_table(found: Iterable[Found]) -> str:
    """Every method under every setting: where it was best, and when."""
    lines = [
        "| game | library | method | exploitability | largest | consistency | seconds | bare "
        "| compile |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in found:
        i = min(range(len(one["mean"])), key=one["mean"].__getitem__)
        numbers = [
            *(shown(one[key][i], one["resolution"][i]) for key in ("mean", "largest")),
            f"{one['consistency'][i]:.0e}",
            *(f"{one[key][i]:.4f}" for key in ("seconds", "bare")),
            f"{one['compile']:.1f}",
        ]
        row = [one["game"], one["library"], one["method"], *numbers]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"
