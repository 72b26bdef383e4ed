"""Files are written whole or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary neighbor of `path`, then move it into place in one step.

    Raises ValueError where the folder does not exist; whatever stood at `path` is kept on failure.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise ValueError(f"`path`: the folder of {str(target)!r} does not exist; create it first.")
    if target.is_dir():
        raise ValueError(f"`path`: {str(target)!r} is a folder; name a file inside it.")
    # The suffix is kept because writers choose their format by it.
    handle, name = tempfile.mkstemp(prefix=".", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
