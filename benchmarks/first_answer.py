"""What the first answer costs: `rmfg solve` of every small game of the zoo, in processes of their own.

    python benchmarks/first_answer.py docs/tables/first_answer.md

CPU seconds of the whole command, with nothing kept of what was compiled before, and again with what
the first command kept; how many programs that are; and what of it Python and JAX take to be imported.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import rmfg

LARGEST = 110
SET = ("--set", "total-variation", "--radius", "0.1")


def cpu_seconds(line: list[str], folder: str) -> float:
    """What a command takes of the processor, user and system."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *line],
        check=False,
        env={**kept, "RMFG_CACHE": folder},
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def small_games() -> dict[str, int]:
    """The games of the zoo that are small as they are published, and their states."""
    sizes = {name: rmfg.zoo.make(name).num_states for name in rmfg.zoo.names()}
    return {name: size for name, size in sizes.items() if size <= LARGEST}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("output", nargs="?", help="a file for the table")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        imports = min(cpu_seconds(["-c", "import rmfg; rmfg.solve"], folder) for _ in range(3))
    lines = [
        f"`{' '.join(SET)}`, the rest by default, on {os.cpu_count()} cores of {platform.machine()}. "
        f"Importing alone takes {imports:.1f} s.",
        "",
        "| game | states | first, CPU s | again, CPU s | programs |",
        "|---|---|---|---|---|",
    ]
    costs = []
    for name, size in small_games().items():
        with tempfile.TemporaryDirectory() as folder:
            line = ["-m", "rmfg", "solve", name, *SET, "--quiet"]
            first, again = (cpu_seconds(line, folder) for _ in range(2))
            programs = len(list(Path(folder).glob("*/*-cache")))
        costs.append((first, again))
        lines.append(f"| {name} | {size} | {first:.1f} | {again:.1f} | {programs} |")
        print(lines[-1], flush=True)
    first, again = np.median(costs, axis=0)
    lines.append(f"| median | | {first:.1f} | {again:.1f} | |")
    text = "\n".join(lines) + "\n"
    print(text)
    if given.output:
        Path(given.output).write_text(text)


if __name__ == "__main__":
    main()
