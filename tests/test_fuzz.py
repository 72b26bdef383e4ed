"""Rubbish for every argument of every public function: right answers or clear errors, nothing else.

The cases run in a process of their own, without the type checks of the tests (see `fuzzing`).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = 400
pytestmark = pytest.mark.xdist_group("fuzz")


@pytest.fixture(scope="module")
def outcomes():
    script = Path(__file__).with_name("fuzzing.py")
    run = subprocess.run(
        [sys.executable, str(script), str(CASES), "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.returncode == 0, run.stderr
    # What the functions that are given print comes before it.
    return json.loads(run.stdout.splitlines()[-1])


def test_right_answers_or_clear_errors(outcomes):
    assert outcomes["faults"] == []


def test_the_cases_reach_all_that_is_public(outcomes):
    """Many functions, many refusals, and right answers too: refusing everything is no art."""
    counts = outcomes["counts"]
    ends = [sum(count.get(end, 0) for count in counts.values()) for end in ("right", "clear error")]
    assert len(counts) >= 35
    assert ends[0] >= CASES / 20
    assert ends[1] >= CASES / 2
