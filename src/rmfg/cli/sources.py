"""Where a game comes from: the zoo, a file of arrays, or a Python file."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from rmfg import zoo
from rmfg.cli import array_file, python_file, values
from rmfg.model.game import MeanFieldGame

_PYTHON = re.compile(r"(?P<path>.+\.py)(:(?P<name>\w*))?")


def named(
    source: str | None, given: Mapping[str, str], file: Path
) -> contextlib.AbstractContextManager[MeanFieldGame | None]:
    """Give the game of `--game`, or nothing where a saved answer has to do without that option."""
    if source is not None:
        return opened(source, given)
    values.refuse(str(file), given)
    return contextlib.nullcontext()


@contextlib.contextmanager
def opened(source: str, given: Mapping[str, str]) -> Iterator[MeanFieldGame]:
    """Give the game that `source` names, made with the parameters that were given as text.

    Whatever a Python file raises, now or while its game is solved, is a ValueError that names the
    file and the line.
    """
    python = _PYTHON.fullmatch(source)
    if python:
        path = Path(python["path"])
        with python_file.blaming(path):
            yield python_file.game(path, python["name"], given)
    elif Path(source).suffix in (".npz", ".nc"):
        values.refuse(source, given)
        yield array_file.game(Path(source))
    elif Path(source).suffix or "/" in source:
        raise ValueError(
            f"GAME {source!r} is neither a game of the zoo (see `rmfg games`) nor a file of arrays "
            "(.npz, .nc) nor a game in a Python file (path/to/file.py:name)."
        )
    else:
        entry = zoo.describe(source)
        yield zoo.make(source, **values.arguments(source, entry.build, given))
