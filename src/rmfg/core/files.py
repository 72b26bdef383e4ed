"""Files are written whole or not at all, and only where a file may be written.

A temporary neighbor is filled and then moved into place in one step. Links are followed, so that what
they point to is replaced and not the link. A mode is kept and never widened; a read-only file is
refused by its mode, whoever asks. Leftovers of processes that were killed while they wrote a file go
when that file is written next.
"""

import contextlib
import os
import signal
import socket
import stat
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType

from rmfg.core import inputs

NETCDF = (".nc", ".nc4", ".netcdf", ".cdf")
# Temporary names repeat so much of the target's; file systems allow 255 bytes in all.
LONGEST_NAME, LONGEST_SUFFIX = 40, 10
_KINDS = {
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}
# What this process is writing now: never taken for a leftover.
_under_way: set[Path] = set()


def check_target(name: str, path: object, suffixes: Iterable[str] | None = None) -> Path:
    """Refuse a path where no file can be written, and return the file that a write would replace.

    `suffixes` are the endings that the format may have; a name without any is left as it is.
    Raises TypeError for what is no path, and ValueError for folders and what would be one, missing
    or unwritable folders, devices, pipes, sockets, and files that may not be written.
    """
    text = text_of(name, path)
    if text.endswith(("/", os.sep)) or os.path.isdir(text):
        raise ValueError(f"`{name}`: {text!r} is a folder; name a file inside it.")
    suffix = Path(text).suffix
    if suffixes is not None and suffix and suffix.lower() not in suffixes:
        raise ValueError(
            f"`{name}`: {text!r} would be netCDF, which {suffix!r} does not say. Let it end in .nc."
        )
    target = Path(os.path.realpath(text))
    if target.is_symlink():
        raise ValueError(f"`{name}`: {text!r} is a link that leads nowhere but to itself.")
    folder = target.parent
    if not folder.is_dir():
        raise ValueError(f"`{name}`: the folder of {text!r} does not exist; create it first.")
    if target.exists():
        mode = target.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
            raise ValueError(
                f"`{name}`: {text!r} is {kind}, which a file would replace; name another."
            )
        if not mode & 0o222 or not os.access(target, os.W_OK):
            raise ValueError(f"`{name}`: {text!r} is read-only; name another, or chmod u+w it.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"`{name}`: the folder of {text!r} is not writable.")
    return target


def text_of(name: str, path: object) -> str:
    """The path as text. Raises TypeError for what is no path, and ValueError for what names nothing."""
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str):
        raise TypeError(f"`{name}` must be a path, but is {inputs.described(path)}.")
    if not text or "\0" in text:
        raise ValueError(f"`{name}` must be the path of a file, but is {text!r}.")
    return text


def write_whole(path: object, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary neighbor of `path`, then move it into place in one step.

    Whatever stood at `path` is kept on failure. Raises what `check_target` does, and OSError with one
    line where the disk is full or the file too large.
    """
    target = check_target("path", path)
    _remove_leftovers(target)
    # The suffix is kept because writers choose their format by it.
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(_suffix(target), _prefix(target) + "-", target.parent)
        os.close(handle)
        temporary = Path(name)
        _under_way.add(temporary)
        with _removed_on_signals(temporary):
            write(temporary)
            _give_mode(temporary, target)
            _to_disk(temporary)
            temporary.replace(target)
    except OSError as error:
        kept = "what was there is kept" if target.exists() else "nothing is left of it"
        reason = error.strerror or str(error)
        raise OSError(
            f"`path`: {str(path)!r} could not be written ({reason}); {kept}. "
            "Free some space, or name another place."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
            _under_way.discard(temporary)


def _prefix(target: Path) -> str:
    """What the temporary files of this process for a target begin with: it names the owner."""
    machine = zlib.crc32(socket.gethostname().encode())
    return f".{target.name[:LONGEST_NAME]}.rmfg-{os.getpid()}-{machine:08x}"


def _suffix(target: Path) -> str:
    return ".tmp" + (target.suffix if len(target.suffix) <= LONGEST_SUFFIX else "")


def _remove_leftovers(target: Path) -> None:
    """Remove what processes of this machine that no longer live have left beside the target."""
    begin, own, machine = _prefix(target).rpartition(".rmfg-")
    machine = machine.partition("-")[2]
    with contextlib.suppress(OSError):
        for found in os.scandir(target.parent):
            if not found.name.startswith(begin + own) or ".tmp" not in found.name:
                continue
            process, _, rest = found.name[len(begin + own) :].partition("-")
            leftover = Path(found.path)
            if (
                process.isdigit()
                and rest.startswith(machine + "-")
                and leftover not in _under_way
                and not _lives(int(process))
            ):
                leftover.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    if process == os.getpid():
        return False  # this one's own are known, so this is of an earlier process of that number
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True


def _give_mode(temporary: Path, target: Path) -> None:
    """Give a file the owner and mode of the one that it replaces, or those of a new file."""
    if not target.exists():
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        return
    old = target.stat()
    mode = stat.S_IMODE(old.st_mode) & 0o777
    with contextlib.suppress(OSError):
        os.chown(temporary, old.st_uid, old.st_gid)
    if temporary.stat().st_gid != old.st_gid:
        mode &= ~0o070  # what its group may do is not for another group
    temporary.chmod(mode)


def _to_disk(temporary: Path) -> None:
    """Have the file on the disk before it replaces another: some disks are full only then."""
    handle = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _removed_on_signals(temporary: Path) -> Iterator[None]:
    """Remove the file also where the process is told to end, and let it end as it would."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        temporary.unlink(missing_ok=True)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    heard = [
        number
        for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
        if signal.getsignal(number) == signal.SIG_DFL  # a handler of the caller's is left alone
    ]
    for number in heard:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_DFL)
