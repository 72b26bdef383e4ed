"""Rubbish for every argument of every public function, one argument at a time.

A call has three good ends: a right answer, or a ValueError or TypeError that names the argument in
backticks. Right means that the argument may be accepted at all (judged here, by what its kind
allows), and that the answer keeps the laws that are cheap to check. Everything else is a fault.

    python tests/fuzzing.py 10000                      prints a table of outcomes
    python tests/fuzzing.py 10000 docs/tables/fuzz.md  and writes it

Nothing here checks types: run it outside of the tests' type checks, as a user meets the library.
"""

import json
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from fuzzed import of_answers, of_models, of_operators, of_populations, of_solvers, of_zoo
from fuzzed.front import Front
from fuzzed.good import GAME, TOTAL
from fuzzed.kinds import is_number
from fuzzed.rubbish import rubbish
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import rmfg

LONGEST = 700


def fronts(answer: rmfg.Equilibrium) -> dict[str, Front]:
    """All functions, with an answer where they want one."""
    return {
        **of_models.fronts(),
        **of_operators.fronts(),
        **of_solvers.fronts(),
        **of_populations.fronts(answer),
        **of_answers.uses(answer),
        **of_zoo.fronts(),
        **of_answers.environments_and_files(answer),
    }


def verdict(front: Front, name: str, value: Any) -> tuple[str, str]:
    """The outcome of one call, and what there is to say about it."""
    given = {key: argument.good for key, argument in front.arguments.items()} | {name: value}
    try:
        found = front.call(**given)
    except (ValueError, TypeError) as error:
        # Where two arguments do not fit together, either may be named.
        message = " ".join([str(error), *getattr(error, "__notes__", ())])
        fits = front.arguments[name].accepts(value)
        names = front.arguments if fits else (name,)
        clear = any(f"`{one}" in message for one in names) and len(message) <= LONGEST
        return ("clear error" if clear else "unclear error"), f"{type(error).__name__}: {message}"
    except rmfg.NotCertifiedError:
        return "right", ""
    except AttributeError as error:
        # What a caller's own function does is the caller's, and says so.
        own = callable(value) and bool(getattr(error, "__notes__", None))
        return ("clear error" if own else "unclear error"), f"AttributeError: {error}"
    except Exception as error:
        own = callable(value) and bool(getattr(error, "__notes__", None))
        return ("clear error" if own else "unclear error"), f"{type(error).__name__}: {error}"
    if not front.arguments[name].accepts(value):
        return "rubbish accepted", f"returned {str(found)[:200]!r}"
    return ("right", "") if front.keeps(found, given) else ("wrong answer", str(found)[:300])


class Hanging(BaseException):
    """A call takes longer than anybody waits."""


def _give_up(*_: Any) -> None:
    raise Hanging


PATIENCE = 20.0
BATCH = 200
CHUNK = 5_000
GOOD_ENDS = ("right", "clear error")
LONG = "much work"  # a billion steps take long, and were asked for


class Run:
    """Outcomes by function, and the faults."""

    def __init__(self, log: Path | None = None) -> None:
        self.log = log
        signal.signal(signal.SIGALRM, _give_up)
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.faults: list[tuple[str, str, str, str, str]] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.answer = rmfg.solve(GAME, TOTAL, tol=1e-3)
        self.fronts = fronts(self.answer)

    def cases(self) -> st.SearchStrategy[tuple[str, str, Any]]:
        """Function, argument, and what is given for it."""
        pairs = [
            (label, name)
            for label, front in self.fronts.items()
            for name in front.arguments
            for _ in range(front.often)
        ]
        return st.sampled_from(pairs).flatmap(
            lambda pair: st.tuples(
                st.just(pair[0]),
                st.just(pair[1]),
                rubbish(self.fronts[pair[0]].arguments[pair[1]].good),
            )
        )

    def try_one(self, label: str, name: str, value: Any) -> None:
        if self.log is not None:  # what a process did that died
            self.log.write_text(f"{label} | {name} | {shown(value)}")
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        try:
            outcome, said = verdict(self.fronts[label], name, value)
        except Hanging:
            # Who asks for a billion steps gets them: that is counted apart.
            asked = is_number(value) and self.fronts[label].arguments[name].accepts(value)
            outcome, said = (LONG if asked else "hangs"), f"more than {PATIENCE:g} s"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.counts[label][outcome] += 1
        if outcome not in (*GOOD_ENDS, LONG):
            self.faults.append((label, name, shown(value), outcome, said[:400]))


def shown(value: Any) -> str:
    try:
        return repr(value)[:120].replace("\n", " ")
    except Exception:
        return type(value).__name__


def run(count: int, start: int = 0, log: Path | None = None) -> Run:
    """Try so many cases; equal seeds give equal cases."""
    found = Run(log)
    for batch in range(0, count, BATCH):
        _some(found, min(BATCH, count - batch), start + batch)
    return found


def _some(found: Run, count: int, start: int) -> None:
    @seed(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(found.cases())
    def every(case: tuple[str, str, Any]) -> None:
        found.try_one(*case)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, about what it is asked to convert
        every()


def table(found: dict[str, Counter[str]]) -> str:
    """The outcomes, a row for each function."""
    lines = [
        f"| function | calls | right | clear error | more than {PATIENCE:g} s, as asked "
        "| anything else |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    sums: Counter[str] = Counter()
    for label in sorted(found):
        counts = found[label]
        sums.update(counts)
        lines.append(f"| `{label}` | {_row(counts)} |")
    return "\n".join([*lines, f"| all | {_row(sums)} |"])


def _row(counts: Counter[str]) -> str:
    right, clear, long = (counts[end] for end in (*GOOD_ENDS, LONG))
    return (
        f"{counts.total()} | {right} | {clear} | {long} | {counts.total() - right - clear - long}"
    )


def in_chunks(count: int, start: int, output: Path | None) -> tuple[str, list[list[str]]]:
    """The table and the faults of many cases, some thousand to a process: programs stay in memory.

    The table is written after each process, so that an end before its time loses little.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    faults: list[list[str]] = []
    log = Path(tempfile.mkdtemp()) / "last case"
    for begin in range(start, start + count, CHUNK):
        size = min(CHUNK, start + count - begin)
        command = [sys.executable, __file__, str(size), "--json", str(begin), str(log)]
        child = subprocess.run(command, capture_output=True, text=True, check=False)
        if child.returncode:
            faults.append([log.read_text(), "the process died", child.stderr[-400:]])
            print(*faults[-1], sep=" | ", file=sys.stderr, flush=True)
            continue
        # What the functions that are given print comes before it.
        found = json.loads(child.stdout.splitlines()[-1])
        for label, ends in found["counts"].items():
            counts[label].update(ends)
        faults += found["faults"]
        for fault in found["faults"]:
            print(*fault, sep=" | ", file=sys.stderr, flush=True)
        print(f"{begin - start + size} cases, {len(faults)} faults", file=sys.stderr, flush=True)
        if output is not None:
            output.write_text(table(counts) + "\n")
    return table(counts), faults


def main(arguments: list[str]) -> int:
    """Try many cases, print the table of outcomes, and write it where a path is given."""
    count, start = int(arguments[0]), int(arguments[2]) if len(arguments) > 2 else 0
    output = Path(arguments[1]) if len(arguments) > 1 and arguments[1] != "-" else None
    text, faults = in_chunks(count, start, output)
    print(text)
    for fault in faults:
        print(*fault, sep=" | ")
    return int(bool(faults))


if __name__ == "__main__":
    if sys.argv[2:3] == ["--json"]:
        begin, *log = sys.argv[3:] or ["0"]
        outcome = run(int(sys.argv[1]), int(begin), Path(log[0]) if log else None)
        print(json.dumps({"counts": outcome.counts, "faults": outcome.faults}))
        sys.exit(0)
    sys.exit(main(sys.argv[1:]))
