"""A folder with games for the command line and files that are none, and how a test types in it."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray

import rmfg
from rmfg.cli import main

KERNEL = np.random.default_rng(0).dirichlet(np.ones(3), (3, 2))
REWARD = np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 0.0]])
GAME = {"kernel": KERNEL, "reward": REWARD, "discount": 0.8}

SOURCE = """
import numpy as np
import rmfg

print("hello from the file")
KERNEL = np.full((3, 2, 3), 1 / 3)
REWARD = np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 0.0]])
ready = rmfg.TabularGame(KERNEL, REWARD, 0.8)
number = 3

def build(discount: float = 0.8, bonus: "float" = 0.0):
    return rmfg.TabularGame(KERNEL, REWARD + bonus, discount)

def needs(discount):
    return build(discount)

def returns_nothing():
    pass

def fails():
    raise KeyError("no such thing")

def bad_rows():
    return rmfg.TabularGame(KERNEL * 2, REWARD, 0.8)

def interrupted():
    raise KeyboardInterrupt

def fails_when_solved():
    return rmfg.TabularGame(KERNEL, lambda m: REWARD + late(m), 0.8, num_states=3, num_actions=2)

def late(m):
    return undefined_name
"""


def broken(**changes: object) -> dict:
    return {name: x for name, x in {**GAME, **changes}.items() if x is not None}


HEADER = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1000000000)}".ljust(
    117
)
WIDE = b"\x93NUMPY\x01\x00v\x00" + HEADER + b"\n"
NAN = np.where(np.arange(18).reshape(3, 2, 3) == 7, np.nan, KERNEL)
NEGATIVE = KERNEL - [[[0.9, 0, 0]]] + [[[0, 0.9, 0]]]

ARRAY_FILES = {
    "short.npz": broken(reward=None),
    "no_kernel.npz": broken(kernel=None),
    "no_discount.npz": broken(discount=None),
    "typo.npz": broken(intial=np.ones(3) / 3),
    "both.npz": broken(successors=np.zeros((3, 2, 1), int), probabilities=np.ones((3, 2, 1))),
    "swapped.npz": broken(kernel=np.swapaxes(KERNEL, 1, 2)),
    "rows.npz": broken(kernel=KERNEL * 1.1),
    "negative.npz": broken(kernel=NEGATIVE),
    "nan.npz": broken(kernel=NAN),
    "reward_shape.npz": broken(reward=REWARD.T),
    "reward_nan.npz": broken(reward=REWARD * np.nan),
    "discount_one.npz": broken(discount=1.0),
    "discounts.npz": broken(discount=np.array([0.8, 0.9])),
    "text.npz": broken(kernel=np.full((3, 2, 3), "x")),
    "complex.npz": broken(reward=REWARD + 0j),
    "names.npz": broken(state_names=np.array(["a", "b"])),
    "initial.npz": broken(initial=np.ones(3)),
    "successor.npz": {
        "successors": np.full((3, 2, 1), 3),
        "probabilities": np.ones((3, 2, 1)),
        "reward": REWARD,
        "discount": 0.8,
    },
}


def filled(home: Path) -> Path:
    """A folder with games and files that are none."""
    np.savez(home / "game.npz", **GAME)
    for name, arrays in ARRAY_FILES.items():
        np.savez(home / name, **arrays)
    np.savez(home / "objects.npz", kernel=np.array([None, {}]), reward=REWARD, discount=0.8)
    np.save(home / "metric.npy", np.abs(np.subtract.outer(np.arange(3.0), np.arange(3.0))))
    np.save(home / "small.npy", np.zeros((2, 2)))
    np.save(home / "words.npy", np.array(["a"]))
    whole = (home / "game.npz").read_bytes()
    (home / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (home / "empty.npz").write_bytes(b"")
    (home / "fake.nc").write_bytes(b"no netCDF" * 20)
    axes = ("state", "action", "next_state")
    dataset = xarray.Dataset(
        {"kernel": (axes, KERNEL), "reward": (axes[:2], REWARD)}, attrs={"discount": 0.8}
    )
    dataset.to_netcdf(home / "game.nc")
    (home / "cut.nc").write_bytes((home / "game.nc").read_bytes()[:3000])
    (home / "games.py").write_text(SOURCE)
    (home / "syntax.py").write_text("x = 1\ndef broken(:\n")
    (home / "raises.py").write_text("x = 1\nraise RuntimeError('on purpose')\n")
    (home / "exits.py").write_text("import sys\nsys.exit('bye')\n")
    (home / "null.py").write_bytes(b"game = 1\0\n")
    (home / "generator.py").write_text("raise GeneratorExit\n")
    (home / "base.py").write_text("raise BaseException('all the way up')\n")
    (home / "latin.py").write_bytes(b"game = '\xff'\n")
    (home / "zipped.npy").write_bytes(b"PK\x03\x04" + bytes(40))
    (home / "wide.npy").write_bytes(WIDE)
    (home / "folder").mkdir()
    (home / "link.nc").symlink_to("same.png")
    for pipe in ("pipe.nc", "pipe.png"):
        os.mkfifo(home / pipe)
    (home / "locked.nc").touch(0o444)
    return home


def runner(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in the current folder; return exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def certified(folder: Path) -> Path:
    """A certified equilibrium of a game of the zoo."""
    path = folder / "saved.nc"
    equilibrium = rmfg.solve(rmfg.zoo.make("move-forward"), rmfg.TotalVariation(0.1), tol=1e-6)
    assert equilibrium.status == "certified"
    equilibrium.save(path)
    return path
