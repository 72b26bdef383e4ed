"""Judge every trace of a folder, in a process that has NumPy and nothing of any player.

    python verdicts.py FOLDER

First the tensors that the peers report are compared with the judge's own. Then every recorded policy
is judged, and FOLDER/verdicts.json holds what table and figure are made of.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from catalog import ENTRIES
from games import Game
from judge import Verdict, judge
from traces import Trace, load

# Peers compute in float32. The rounded Garnet may put one of its 64 noises elsewhere.
AGREEMENT = 2e-5
STRAYS = 1e-5


def main(folder: Path) -> None:
    """Judge all, print a line a trace."""
    found = []
    for name, entry in ENTRIES.items():
        game = entry.build()
        if name == entry.played_as:
            check_tensors(game, folder, name)
        paths = sorted(folder.glob(f"{name}--rmfg--*.npz"))
        paths += sorted(set(folder.glob(f"{entry.played_as}--*.npz")) - set(paths))
        for path in paths:
            trace = load(path)
            if trace.library == "rmfg" and trace.game != name:
                continue
            found.append(judged(game, trace) | {"game": name, "shape": game.shape})
            last = found[-1]
            print(f"{name}: {trace.library}, {trace.method}: {min(last['mean']):.2e}", flush=True)
    strangers = {"jax", "torch", "rmfg", "benchmfg", "mfglib"} & set(sys.modules)
    if strangers:
        raise RuntimeError(f"The judge must not know the players, but has imported {strangers}.")
    (folder / "verdicts.json").write_text(json.dumps(found), encoding="utf-8")


def judged(game: Game, trace: Trace) -> dict[str, Any]:
    """Everything about a trace that table and figure need."""
    known: dict[bytes, Verdict] = {}
    for policy, law in zip(trace.policies, trace.laws, strict=True):
        key = policy.tobytes() + law.tobytes()
        if key not in known:
            sound = np.isfinite(policy).all() and np.isfinite(law).all()
            known[key] = judge(game, policy, law) if sound else Verdict(*[float("inf")] * 4)
    keys = [p.tobytes() + m.tobytes() for p, m in zip(trace.policies, trace.laws, strict=True)]
    columns = zip(*(known[key] for key in keys), strict=True)
    numbers = {k: list(map(float, c)) for k, c in zip(Verdict._fields, columns, strict=True)}
    return numbers | {
        "library": trace.library,
        "method": trace.method,
        "compile": trace.compile,
        "seconds": trace.seconds.tolist(),
        "bare": trace.bare.tolist(),
    }


def check_tensors(game: Game, folder: Path, name: str) -> None:
    """Refuse to compare methods that do not play the same game."""
    path = folder / f"{name}.tensors.npz"
    if not path.exists():
        return
    with np.load(path) as peer:
        columns = [peer[key] for key in ("laws", "rewards", "kernels")]
        for law, reward, kernel in zip(*columns, strict=True):
            pairs = {"reward": (reward, game.reward(law)), "kernel": (kernel, game.kernel(law))}
            for what, (theirs, own) in pairs.items():
                apart = np.abs(theirs - own) > AGREEMENT * (1 + np.abs(own))
                if apart.mean() > STRAYS:
                    place = tuple(int(i) for i in np.argwhere(apart)[0])
                    raise ValueError(
                        f"The {what} of {name} differs at {place}: the peer plays {theirs[place]:.6g}, "
                        f"the judge knows {own[place]:.6g}, and so in {apart.sum()} places."
                    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
