"""rmfg against published libraries for mean-field games, in one run.

    python benchmarks/peers/compare.py OUT [--environments FOLDER] [--table FILE] [--figure FILE]
        [--stages peers ours judge]

Bench-MFG (arXiv:2602.12517) and MFGLib (arXiv:2304.08630) are installed by pip into environments of
their own, and play their own games with their own algorithms in processes of their own. Everybody
leaves policies with times in OUT; `verdicts.py` judges them all by one definition, and a table and a
figure come out. Nobody is ambiguous here: rmfg plays with radius 0, since no peer knows more.

A stage may be run alone on the OUT of an earlier run, with what that left.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from figure import draw
from table import full_table, main_table

HERE = Path(__file__).parent
PEERS = {
    "peer_bench_mfg.py": "bench-mfg-suite==0.1.3",
    "peer_mfglib.py": "mfglib==0.3.0",
}
STAGES = ("peers", "ours", "judge")
# One thread for everybody: at these sizes more of them only wait for each other.
ALONE = {
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


def main() -> None:
    """Run the stages and write table and figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--environments", type=Path, help="where to keep what pip installs")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if "peers" in given.stages:
        with tempfile.TemporaryDirectory() as spare:
            for script, package in PEERS.items():
                python = environment(given.environments or Path(spare), package)
                run(python, script, given.out)
    if "ours" in given.stages:
        run(Path(sys.executable), "ours.py", given.out)
    if "judge" in given.stages:
        run(Path(sys.executable), "verdicts.py", given.out)
    found = json.loads((given.out / "verdicts.json").read_text(encoding="utf-8"))
    table = main_table(found)
    (given.out / "all.md").write_text(full_table(found), encoding="utf-8")
    (given.table or given.out / "peers.md").write_text(table, encoding="utf-8")
    draw(found, given.figure or given.out / "peers.png")
    print(table)


def environment(folder: Path, package: str) -> Path:
    """The interpreter of an environment that holds a package, made if it is not there."""
    home = folder / package
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", package], check=True)
        (home / "complete").touch()
    return python


def run(python: Path, script: str, out: Path) -> None:
    """Run a script of this folder in a process of its own."""
    command = [python, HERE / script, out]
    subprocess.run([str(part) for part in command], check=True, env=os.environ | ALONE)


if __name__ == "__main__":
    main()
