"""What was compiled is kept between processes, in the user's cache folder.

JAX writes the entries of its compilation cache in place, so that a process could read what another
one has half written. Each process therefore works in a folder of its own, which begins with links to
all that is kept. At its end new entries move to the others, each in one step; of a process that is
killed nothing is kept. Entries are named by what was compiled, for which versions and options, so that
new versions of JAX find nothing of older ones; code for one kind of processor is no code for another,
whose folder is another one.
"""

import atexit
import contextlib
import hashlib
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path

import jax
import platformdirs
from jax.experimental.compilation_cache import compilation_cache

from rmfg.core import files

# Kept at most, in bytes, the newest first; nothing is kept on a disk that is nearly full.
LARGEST = 500_000_000
LEAST_FREE = 200_000_000
# Folders of processes that were killed go after a day.
FORGOTTEN = 86_400.0


def keep_compiled(folder: str | os.PathLike[str] | None = None) -> Path | None:
    """Keep what JAX compiles from here on for other processes, and use what they kept.

    The folder is the user's cache folder unless one is given. Returns where things are kept, or None
    where nothing is: the environment variable RMFG_CACHE is "off" (otherwise it may name the folder),
    JAX_COMPILATION_CACHE_DIR already names a cache of JAX's own, or the user's folder cannot be
    written. The command line calls this by itself. Changes JAX's settings for this process.
    Raises ValueError where a folder that was given cannot be written.
    """
    wish = os.environ.get("RMFG_CACHE", "")
    if folder is None and (wish == "off" or os.environ.get("JAX_COMPILATION_CACHE_DIR")):
        return None
    named = files.text_of("folder", folder) if folder is not None else wish
    base = Path(named) if named else platformdirs.user_cache_path("rmfg")
    store = base / _processor()
    try:
        own = _own_folder(store)
    except OSError as error:
        if folder is None:
            return None
        raise ValueError(f"`folder`: {str(base)!r} cannot be written: {error.strerror}.") from None
    jax.config.update("jax_compilation_cache_dir", str(own))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    # XLA's own caches would put the folder's name into the names of the entries.
    jax.config.update("jax_persistent_cache_enable_xla_caches", "none")
    compilation_cache.reset_cache()
    atexit.register(_publish, own, store, os.getpid())
    return store


def _processor() -> str:
    """A name for processors that run the same code."""
    about = [platform.machine(), platform.system()]
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        about += next(([line] for line in lines if line.startswith(("flags", "Features"))), [])
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:12]


def _own_folder(store: Path) -> Path:
    """A new folder with links to all that is kept."""
    running = store / "running"
    running.mkdir(parents=True, exist_ok=True)
    for left in running.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > FORGOTTEN:
                shutil.rmtree(left, ignore_errors=True)
    own = Path(tempfile.mkdtemp(dir=running))
    for entry in _entries(store):
        with contextlib.suppress(FileNotFoundError):  # another process has just removed it
            try:
                os.link(entry, own / entry.name)
            except FileNotFoundError:
                raise
            except OSError:  # a file system without links
                shutil.copyfile(entry, own / entry.name)
    return own


def _publish(own: Path, store: Path, process: int) -> None:
    """Move new entries to the others, and forget the oldest beyond what is kept."""
    if os.getpid() != process:
        return  # a fork, whose parent still works in the folder
    # The interpreter is ending: what cannot be kept is not, and nobody is told.
    with contextlib.suppress(OSError):
        known = {entry.name for entry in _entries(store)}
        if shutil.disk_usage(store).free > LEAST_FREE:
            for entry in _entries(own):
                if entry.name not in known:
                    os.replace(entry, store / entry.name)
        room = LARGEST
        sizes = [(entry.stat(), entry) for entry in _entries(store)]
        for about, entry in sorted(sizes, key=lambda pair: -pair[0].st_mtime):
            room -= about.st_size
            if room < 0:
                entry.unlink(missing_ok=True)
    shutil.rmtree(own, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in os.scandir(folder) if entry.is_file()]
