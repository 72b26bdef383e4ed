"""Where files may be written, and what is left when that goes wrong."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import xarray

from rmfg.core import files
from rmfg.core.files import NETCDF, check_target, write_whole
from rmfg.core.netcdf import write_netcdf


def write(path, text="new"):
    write_whole(path, lambda part: part.write_text(text))


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# Where ------------------------------------------------------------------------------------------


def test_links_are_followed(tmp_path):
    """What a chain of links leads to is replaced, and links stay, also where it is not there yet."""
    (tmp_path / "deep").mkdir()
    for name in ("old.txt", "none.txt"):
        target, middle, link = (
            tmp_path / "deep" / name,
            tmp_path / f"m{name}",
            tmp_path / f"l{name}",
        )
        middle.symlink_to(target)
        link.symlink_to(middle.name)
        if name == "old.txt":
            target.write_text("old")
        write(link)
        assert link.is_symlink()
        assert middle.is_symlink()
        assert target.read_text() == "new"


@pytest.mark.parametrize("given", [0o600, 0o640, 0o644, 0o200, 0o755])
def test_a_mode_is_kept(tmp_path, given):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(given)
    write(path)
    assert mode(path) == given


def test_a_new_file_has_the_mode_of_new_files(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    write(tmp_path / "file")
    assert mode(tmp_path / "file") == mode(plain)


def refusals(home):
    """Paths where nothing may be written, each with what the error says."""
    os.mkfifo(home / "pipe")
    (home / "locked").touch(0o444)
    (home / "folder").mkdir()
    (home / "loop").symlink_to("loop")
    (home / "to_pipe").symlink_to("pipe")
    (home / "to_locked").symlink_to("locked")
    (home / "file").write_text("a file")
    return {
        home / "pipe": "named pipe",
        home / "to_pipe": "named pipe",
        home / "locked": "read-only",
        home / "to_locked": "read-only",
        home / "folder": "is a folder",
        f"{home}/absent/": "is a folder",
        home / "absent" / "file": "does not exist",
        home / "file" / "file": "does not exist",
        home / "loop": "leads nowhere",
        "": "must be the path of a file",
        "a\0b": "must be the path of a file",
    }


def test_what_is_no_place_for_a_file_is_refused_before_any_work(tmp_path):
    worked = []
    found = refusals(tmp_path)
    before = sorted(tmp_path.iterdir())
    for path, words in found.items():
        with pytest.raises(ValueError, match=rf"`path`.*{words}"):
            write_whole(path, worked.append)
        with pytest.raises(ValueError, match=rf"`-o`.*{words}"):
            check_target("-o", path)
    for path in (None, 3, b"file", ["file"]):
        with pytest.raises(TypeError, match="`path` must be a path"):
            write_whole(path, worked.append)
    assert worked == []
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "pipe").is_fifo()
    assert mode(tmp_path / "locked") == 0o444


def test_a_name_says_the_format(tmp_path):
    for name in ("eq.nc", "eq.NC", "eq", "eq.nc4", ".eq"):
        check_target("path", tmp_path / name, NETCDF)
    for name in ("eq.png", "out.npz", "eq.nc.gz", "eq.json", "eq.0"):
        with pytest.raises(ValueError, match=r"`path`.*netCDF.*end in \.nc"):
            check_target("path", tmp_path / name, NETCDF)


# What is left -----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyError("x")])
def test_a_failed_write_leaves_the_old_file_alone(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(part):
        part.write_text("half")
        raise error

    with pytest.raises(type(error), match=r"No space left on device.*is kept|x"):
        write_whole(path, fail)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]
    assert path.read_text() == "old"


LIMITED = """
import resource, signal, sys
import numpy as np, xarray
from rmfg.core.netcdf import write_netcdf
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
data = xarray.Dataset({"a": ("x", np.random.default_rng(0).normal(size=100_000))})
resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, 16_000))
try:
    write_netcdf(data, sys.argv[1])
except OSError as error:
    print(error)
"""


def test_a_file_that_has_no_room_is_one_line(tmp_path):
    """No page of HDF5, no half file, and the old one stays."""
    path = tmp_path / "eq.nc"
    path.write_text("old")
    call = [sys.executable, "-c", LIMITED, str(path)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    assert "`path`" in done.stdout
    assert "File too large" in done.stdout
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


WAITING = """
import sys, time
from rmfg.core.files import write_whole

def wait(part):
    part.write_text("half")
    print(part.name, flush=True)
    time.sleep(60)

write_whole(sys.argv[1], wait)
"""


def begun(path):
    """A process within a write, and the name of its temporary file."""
    call = [sys.executable, "-c", WAITING, str(path)]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def ended(process, number):
    process.send_signal(number)
    code = process.wait(timeout=60)
    process.stdout.close()
    return code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_signals_within_a_write(tmp_path, number):
    """Told to end, a process takes its temporary file along; killed, the next write does."""
    path = tmp_path / "file.txt"
    path.write_text("old")
    process, part = begun(path)
    assert part.startswith(f".file.txt.rmfg-{process.pid}-")
    assert part.endswith(".tmp.txt")
    assert ended(process, number) == -number
    left = [path, tmp_path / part] if number == signal.SIGKILL else [path]
    assert sorted(tmp_path.iterdir()) == sorted(left)
    assert path.read_text() == "old"
    write(path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "new"


def test_only_leftovers_are_cleaned(tmp_path):
    """Neither what living processes write, nor what other machines wrote, nor other targets'."""
    path = tmp_path / "file.txt"
    process, part = begun(path)
    number = str(process.pid)
    kept = [
        ".file.txt.rmfg-999999999-00000000-abc.tmp.txt",  # of another machine
        part.replace(".file.txt.", ".other.txt."),
        ".file.txt.rmfg-x-abc.tmp.txt",
        ".file.txt",
        "file.txt.rmfg-1-abc.tmp.txt",
    ]
    dead = part.replace(number, "999999999")
    own = part.replace(number, str(os.getpid()))
    for name in (*kept, dead, own):
        (tmp_path / name).write_text("something")
    write(path)
    assert {entry.name for entry in tmp_path.iterdir()} == {*kept, part, "file.txt"}
    ended(process, signal.SIGTERM)


def test_two_threads_write_one_file(tmp_path):
    path = tmp_path / "file.txt"
    started = threading.Barrier(2)

    def slowly(text):
        def fill(part):
            part.write_text(text)
            started.wait(timeout=30)

        write_whole(path, fill)

    threads = [threading.Thread(target=slowly, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in ("one", "two")
    assert list(tmp_path.iterdir()) == [path]


def test_handlers_of_the_caller_are_left_alone(tmp_path):
    heard = []
    old = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:

        def fill(part):
            part.write_text("new")
            os.kill(os.getpid(), signal.SIGTERM)

        write_whole(tmp_path / "file", fill)
    finally:
        signal.signal(signal.SIGTERM, old)
    assert heard == [signal.SIGTERM]
    assert (tmp_path / "file").read_text() == "new"


def test_long_names(tmp_path):
    for name in ("n" * 255, "n" * 200 + ".nc", "ü" * 120 + ".nc", "n." + "s" * 200):
        write(tmp_path / name)
        assert (tmp_path / name).read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 4


def test_netcdf_is_what_xarray_would_have_written(tmp_path):
    random = np.random.default_rng(0)
    data = xarray.Dataset(
        {"a": (("s", "t"), random.normal(size=(300, 50))), "b": ("s", np.arange(300))},
        coords={"s": [f"ü{n}" for n in range(300)]},
        attrs={"text": "é", "empty": "", "number": 1.5, "none": np.nan, "long": "x" * 100_000},
    )
    encoding = {"a": {"zlib": True, "complevel": 1}}
    write_netcdf(data, tmp_path / "ours.nc", encoding)
    data.to_netcdf(tmp_path / "theirs.nc", engine="netcdf4", encoding=encoding)
    sizes = [(tmp_path / name).stat().st_size for name in ("ours.nc", "theirs.nc")]
    assert sizes[0] <= sizes[1]
    for name in ("ours.nc", "theirs.nc"):
        with xarray.open_dataset(tmp_path / name, engine="netcdf4") as found:
            assert found.load().identical(data)


def test_memory_of_this_machine_is_known():
    from rmfg.core.memory import affordable, memory

    assert memory() >= 1 << 28
    affordable("size", 1000)
    for numbers in (memory(), 10**30, 10**308, 10**1000):
        with pytest.raises(ValueError, match=r"`size` too large.*iB of memory"):
            affordable("size", numbers)


def test_temporary_files_are_known_while_they_are_written(tmp_path):
    write_whole(tmp_path / "file", lambda part: assert_under_way(part))
    assert files._under_way == set()


def assert_under_way(part: Path) -> None:
    assert part in files._under_way
