"""What was compiled is kept for other processes: whole entries, bounded, and never in the way."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import rmfg

ROOT = Path(__file__).parents[1]
COMPILE = """
import sys, jax, rmfg
store = rmfg.keep_compiled(sys.argv[1] if len(sys.argv) > 1 else None)
found = []
jax.monitoring.register_event_listener(lambda name, **_: found.append(name))
number = float(jax.jit(lambda x: (x * 3).sum())(jax.numpy.arange(5.0)))
print(store, number, found.count("/jax/compilation_cache/cache_hits") > 0)
"""


def started(*arguments, **variables):
    """A process with no cache of JAX's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    line = [sys.executable, "-c", COMPILE, *map(str, arguments)]
    return subprocess.Popen(
        line, env={**kept, **variables}, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def said(process):
    """Where things are kept, the number that was computed, and whether the code came from there."""
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    store, number, reused = out.split()
    assert number == "30.0"
    return store, reused == "True"


def entries(store):
    return {entry.name: entry.read_bytes() for entry in Path(store).iterdir() if entry.is_file()}


def test_processes_share_what_was_compiled_one_after_another_and_side_by_side(tmp_path):
    store, reused = said(started(tmp_path))
    assert not reused
    kept = entries(store)
    assert kept
    # Three at once: all find what is kept, and nothing of it changes.
    assert [said(process) for process in [started(tmp_path) for _ in range(3)]] == [
        (store, True)
    ] * 3
    assert entries(store) == kept
    assert not list((Path(store) / "running").iterdir())


def test_the_environment_names_the_folder_or_turns_it_off(tmp_path):
    store, _ = said(started(RMFG_CACHE=str(tmp_path)))
    assert Path(store).parent == tmp_path
    assert said(started(RMFG_CACHE="off")) == ("None", False)
    assert said(started(JAX_COMPILATION_CACHE_DIR=str(tmp_path / "own")))[0] == "None"


def test_leftovers_of_killed_processes_and_what_is_too_much_go(tmp_path):
    store, _ = said(started(tmp_path))
    kept = set(entries(store))
    left, fresh, old = (Path(store) / name for name in ("running/left", "running/fresh", "old"))
    left.mkdir()
    fresh.mkdir()
    with old.open("wb") as file:
        file.truncate(600_000_000)  # more than is kept; it takes no room on the disk
    long_ago = time.time() - 200_000
    for path in (left, old):
        os.utime(path, (long_ago, long_ago))
    said(started(tmp_path))
    assert fresh.exists()
    assert not left.exists()
    assert not old.exists()
    assert kept <= set(entries(store))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    taken = tmp_path / "file"
    taken.write_text("no folder")
    with pytest.raises(ValueError, match=r"`folder`: .*file' cannot be written"):
        rmfg.keep_compiled(taken)
    with pytest.raises(TypeError, match="folder"):
        rmfg.keep_compiled(3)
    # The user's own folder is no reason to fail.
    assert said(started(RMFG_CACHE=str(taken))) == ("None", False)
