"""Wrong input: each case raises one error that names the argument, the place, the value, the way out.

The cases stand in `wrong_input`, by topic: name -> (what to call, the kind of error, words that its
message must hold). They run in one process of their own, without the type checks of the tests, as a
user meets them. `python tests/test_wrong_input.py` prints what happens.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from wrong_input import (
    fine,
    of_games,
    of_kernels,
    of_observables,
    of_operators,
    of_sets,
    of_solvers,
    of_the_rest,
)

import rmfg

pytestmark = pytest.mark.xdist_group("wrong input")

TOPICS = (
    of_kernels,
    of_games,
    of_observables,
    of_sets,
    of_operators,
    of_solvers,
    of_the_rest,
)
CASES = {name: case for topic in TOPICS for name, case in topic.CASES.items()}
FINE = fine.CASES


def outcomes() -> dict[str, list]:
    """What each call does: the names of its error's classes, and the message."""
    found = {}
    for name, (call, _, _) in CASES.items():
        try:
            answer = call()
        except Exception as error:  # the point is to see which
            kinds = [kind.__name__ for kind in type(error).__mro__]
            found[name] = [kinds, str(error)]
        else:
            found[name] = [["no error"], f"returned {answer!r}"[:300]]
    for name, (call, expected) in FINE.items():
        try:
            off = float(np.max(np.abs(np.asarray(call()) - expected)))
        except Exception as error:
            found[name] = [type(error).__name__, f"{error}"[:300]]
        else:
            found[name] = ["accepted", off]
    return found


@pytest.fixture(scope="module")
def outcome() -> dict[str, list]:
    """Run everything once, in a process where nothing checks types."""
    run = subprocess.run(
        [sys.executable, "-W", "error", __file__],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", CASES)
def test_one_clear_error(name, outcome):
    _, kind, words = CASES[name]
    kinds, message = outcome[name]
    assert kind.__name__ in kinds, f"{kinds[0]}: {message}"
    missing = [word for word in words if word not in message]
    assert not missing, f"{missing} not in: {message}"
    assert len(message) <= 400
    assert "\n" not in message.strip()


@pytest.mark.parametrize("name", FINE)
def test_unusual_but_fine(name, outcome):
    verdict, off = outcome[name]
    assert verdict == "accepted", off
    assert off <= 1e-6


def test_wrong_input_comes_before_any_work(tmp_path):
    """Nothing is written where something is wrong."""
    answer = rmfg.solve(rmfg.zoo.make("move-forward"), max_steps=1)
    with pytest.raises(ValueError, match=r"`path`.*does not exist"):
        answer.save(tmp_path / "missing" / "eq.nc")
    with pytest.raises(ValueError, match=r"`path`.*is a folder"):
        answer.save(tmp_path)
    assert list(Path(tmp_path).iterdir()) == []


if __name__ == "__main__":
    print(json.dumps(outcomes()))
