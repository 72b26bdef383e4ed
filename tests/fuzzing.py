"""Rubbish for every argument of every public function, one argument at a time.

A call has three good ends: a right answer, or a ValueError or TypeError that names the argument in
backticks. Right means that the argument may be accepted at all (judged here, by what its kind
allows), and that the answer keeps the laws that are cheap to check. Everything else is a fault.

    python tests/fuzzing.py 10000                      prints a table of outcomes
    python tests/fuzzing.py 10000 docs/tables/fuzz.md  and writes it

Nothing here checks types: run it outside of the tests' type checks, as a user meets the library.
"""

import dataclasses
import datetime
import fractions
import functools
import inspect
import json
import math
import numbers
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import rmfg

RANDOM = np.random.default_rng(0)
LAWS = RANDOM.dirichlet(np.ones(3), (3, 2))
PAYOFF = RANDOM.normal(size=(3, 2))
LAW = np.array([0.2, 0.3, 0.5])
POLICY = np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]])
VALUES = np.array([1.0, -2.0, 4.0])
SLOTS = np.broadcast_to(np.arange(3), (3, 2, 3)).copy()
METRIC = 1 - np.eye(3)
LONGEST = 700

# What may be accepted ------------------------------------------------------------------------------


def numeric(value: Any) -> np.ndarray | None:
    """The numbers of what is an array of real numbers; None for anything else."""
    if isinstance(value, str | bytes | dict | set | type(None)) or callable(value):
        return None
    if np.ma.is_masked(value):
        return None
    try:
        array = np.asarray(value)
    except Exception:
        return None
    floating = array.dtype.kind in "biuf" or jnp.issubdtype(array.dtype, jnp.floating)
    return array.astype(float) if floating else None


def is_array(value: Any) -> bool:
    found = numeric(value)
    return found is not None and bool(np.isfinite(found).all())


def is_law(value: Any) -> bool:
    found = numeric(value)
    if found is None or not found.ndim or not found.size or not np.isfinite(found).all():
        return False
    narrow = getattr(value, "dtype", None) == np.float16
    slack = 1e-2 if narrow else 1e-6
    return bool(np.abs(found.sum(-1) - 1).max() <= slack and found.min() >= -slack)


def is_joint_law(value: Any) -> bool:
    found = numeric(value)
    return found is not None and found.ndim > 0 and is_law(np.asarray(value).reshape(-1))


def is_number(value: Any) -> bool:
    if isinstance(value, bool | np.bool_ | np.timedelta64) or np.ma.is_masked(value):
        return False
    if isinstance(value, np.ndarray | jax.Array):
        return value.ndim == 0 and value.dtype.kind in "iuf" and bool(np.isfinite(value))
    return isinstance(value, numbers.Real) and abs(value) <= sys.float_info.max


def is_order(value: Any) -> bool:
    """A number, or infinity."""
    found = numeric(value)
    return is_number(value) or (found is not None and found.ndim == 0 and found == math.inf)


def is_integer(value: Any) -> bool:
    return is_number(value) and float(value).is_integer() and abs(float(value)) < 2**63


def is_size(value: Any) -> bool:
    return callable(value) or (is_array(value) and not isinstance(value, bool | np.bool_))


def optional(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or kind(value)


def one_of(*words: Any) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in words


def instance(*kinds: Any) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def is_kernel(value: Any) -> bool:
    return isinstance(value, rmfg.Kernel) or is_law(value)


def anything(value: Any) -> bool:
    return True


# Rubbish -------------------------------------------------------------------------------------------


def two_arguments(m: Any, other: Any) -> Any:
    return m


def branching(m: Any) -> Any:
    return PAYOFF if m[0] > 0.5 else 2 * PAYOFF


def impure(m: Any) -> Any:
    return np.asarray(m)


@dataclasses.dataclass
class Hostile:
    """An object whose conversions raise."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no array today")

    def __float__(self) -> float:
        raise RuntimeError("no number today")

    def __len__(self) -> int:
        raise RuntimeError("no length today")


OTHER = rmfg.TabularGame(np.full((2, 2, 2), 0.5), np.zeros((2, 2)), 0.5)
THINGS: tuple[Any, ...] = (
    *(None, "", "abc", "0.1", "nominal", b"x", True, False, 0, -1, 1, 2, 7, 0.5, -0.1, 1.5, 1e308),
    *(-1e308, 1e-320, float("nan"), float("inf"), -float("inf"), 2**31, 2**63, 2**70, 10**400),
    *(
        1j,
        complex(0.5, 0),
        fractions.Fraction(1, 3),
        [],
        (),
        {},
        set(),
        [[]],
        [None],
        ["a"],
        [[1], [1, 2]],
    ),
    *(
        {"a": 1},
        {1: 2, "b": 3},
        object(),
        Hostile(),
        Hostile,
        print,
        int,
        np,
        iter([1.0]),
        range(3),
    ),
    *(
        lambda: 0,
        lambda m: None,
        lambda m: "rubbish",
        lambda m: m,
        two_arguments,
        branching,
        impure,
    ),
    *(lambda m: 1j * m, lambda m: [m, [m]], lambda m: {"m": m}, lambda m: jnp.zeros((2, 3))),
    *(
        lambda *_: 0.1,
        lambda m: jnp.float32(0.1),
        lambda m: -0.1,
        lambda m: jnp.nan,
        lambda m: print,
    ),
    *(
        np.float32(0.25),
        np.float16(0.25),
        np.longdouble(0.25),
        np.int8(3),
        np.uint64(2**63),
        np.True_,
    ),
    *(np.array(0.25), np.array(3), np.array("a"), np.array(None), np.datetime64("2020-01-01")),
    *(np.timedelta64(3, "s"), datetime.date(2020, 1, 1), np.array([1, "a"], dtype=object)),
    *(np.zeros(3, dtype=[("x", float)]), np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(0)),
    *(np.ma.masked, np.ma.array([1.0, 2, 3], mask=[0, 1, 0]), np.full((3, 2), np.nan), np.eye(3)),
    *(
        rmfg.Nominal(),
        rmfg.TotalVariation,
        rmfg.Picard(),
        rmfg.DenseKernel(LAWS),
        OTHER,
        OTHER.kernel,
    ),
    *(
        rmfg.DenseKernel(np.full((2, 2, 2), 0.5)),
        rmfg.Status.CERTIFIED,
        rmfg,
        Path("nowhere"),
        Ellipsis,
    ),
)
SHAPES = ("reversed", "flat", "deeper", "shorter", "longer", "first", "empty", "swapped")
TYPES = (
    "str",
    "object",
    "complex64",
    "float32",
    "float16",
    "longdouble",
    "bool",
    "int64",
    "uint8",
    "bytes",
)
ENTRIES = (math.nan, math.inf, -math.inf, -0.5, 1e308, -1e-17, 1e-320, 1.0, 1e-7)
FORMS = (
    "list",
    "tuple",
    "ragged",
    "masked",
    "unmasked",
    "structured",
    "jax",
    "fortran",
    "scaled",
    "nudged",
)


def reshaped(array: np.ndarray, how: str) -> np.ndarray:
    """The array in another shape."""
    return {
        "reversed": lambda: array.T,
        "flat": lambda: array.reshape(-1),
        "deeper": lambda: array[None],
        "shorter": lambda: array[:-1],
        "longer": lambda: np.concatenate([array, array[:1]]),
        "first": lambda: array[0],
        "empty": lambda: array[:0],
        "swapped": lambda: np.moveaxis(array, -1, 0),
    }[how]()


def formed(array: np.ndarray, how: str) -> Any:
    """The array as something else, or slightly wrong."""
    if how == "ragged":
        rows = array.tolist()
        return [*rows[:-1], [rows[-1]]]
    if how == "structured":
        return np.zeros(array.shape, dtype=[("p", float), ("q", int)])
    if how in ("masked", "unmasked"):
        mask = np.zeros(array.shape, dtype=bool)
        mask.flat[0] = how == "masked"
        return np.ma.array(array, mask=mask)
    if how == "jax":
        return jnp.asarray(array, jnp.float32 if array.dtype.kind == "f" else jnp.int32)
    changed = {
        "list": lambda: array.tolist(),
        "tuple": lambda: tuple(array.tolist()),
        "fortran": lambda: np.asfortranarray(array),
        "scaled": lambda: array * 1.1,
        "nudged": lambda: array * (1 + 1e-12),
    }
    return changed[how]()


@st.composite
def spoiled(draw: Any, good: np.ndarray) -> Any:
    """A good array with one thing wrong, or merely unusual."""
    how = draw(st.sampled_from(("shape", "type", "entry", "form")))
    if how == "shape":
        return reshaped(good, draw(st.sampled_from(SHAPES)))
    if how == "type":
        return good.astype(draw(st.sampled_from(TYPES)))
    if how == "form":
        return formed(good, draw(st.sampled_from(FORMS)))
    changed = good.astype(float)
    changed.flat[draw(st.integers(0, good.size - 1))] = draw(st.sampled_from(ENTRIES))
    return changed


def rubbish(good: Any) -> st.SearchStrategy[Any]:
    """What may be given in place of a good value."""
    kinds: list[Any] = [
        st.sampled_from(range(len(THINGS))).map(lambda number: THINGS[number]),
        st.text(max_size=5),
        st.floats(),
        st.integers(-(2**70), 2**70),
        arrays.arrays(
            arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, max_dims=3, max_side=3)
        ),
    ]
    if isinstance(good, np.ndarray) and good.ndim:
        kinds[1:1] = [spoiled(good), spoiled(good), spoiled(good)]
    return st.one_of(kinds)


# The functions -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Argument:
    """A good value, and what else may be accepted."""

    good: Any
    accepts: Callable[[Any], bool]


@dataclasses.dataclass(frozen=True)
class Front:
    """A public function, arguments that are fine, and what its answers keep."""

    call: Callable[..., Any]
    arguments: dict[str, Argument]
    keeps: Callable[[Any, dict[str, Any]], bool]
    often: int = 4
    positional: tuple[str, ...] = ()


def finite(*found: Any) -> bool:
    return all(np.isfinite(np.asarray(array)).all() for array in found)


def law(array: Any) -> bool:
    rows = np.asarray(array)
    return bool(finite(rows) and rows.min() >= -1e-12 and np.abs(rows.sum(-1) - 1).max() <= 1e-9)


def keeps_kernel(kernel: Any, _: dict[str, Any]) -> bool:
    return law(kernel.to_dense()) and not np.asarray(kernel.law).flags.writeable


def keeps_game(game: Any, _: dict[str, Any]) -> bool:
    field = np.full(game.mean_field_shape, 1 / np.prod(game.mean_field_shape))
    shape = (game.num_states, game.num_actions)
    reward, kernel = game.reward(field), game.kernel(field)
    return finite(reward) and reward.shape == shape and law(kernel.probabilities)


def keeps_set(ambiguity: Any, _: dict[str, Any]) -> bool:
    return isinstance(ambiguity, rmfg.Ambiguity)


def keeps_bounds(found: Any, given: dict[str, Any]) -> bool:
    """Nature takes something, and not more than there is."""
    values = numeric(given["values"])
    mean = np.asarray(rmfg.DenseKernel(LAWS).to_dense()) @ values
    slack = 1e-5 * max(1.0, float(np.abs(values).max()))
    inside = not isinstance(given["kernel"], rmfg.DenseKernel) or (found <= mean + slack).all()
    return finite(found) and bool((found >= values.min() - slack).all() and inside)


def keeps_numbers(found: Any, _: dict[str, Any]) -> bool:
    return finite(
        *(leaf for leaf in jax.tree.leaves(found) if isinstance(leaf, np.ndarray | float))
    )


def keeps_law(found: Any, _: dict[str, Any]) -> bool:
    return law(found)


def keeps_answer(answer: Any, _: dict[str, Any]) -> bool:
    shown = [answer.policy, answer.distribution, answer.kernel.to_dense()]
    return all(law(array) for array in shown) and finite(answer.value) and bool(str(answer))


def keeps_certificate(proof: Any, _: dict[str, Any]) -> bool:
    # NaN in a candidate is no error, but refuted.
    return bool(proof.certified) <= finite(proof.exploitability, proof.consistency)


def keeps_dataset(found: Any, _: dict[str, Any]) -> bool:
    return all(finite(field) for field in found.data_vars.values() if field.dtype.kind == "f")


GAME = rmfg.TabularGame(LAWS, lambda m: jnp.asarray(PAYOFF) - m[:, None], 0.9)
TOTAL = rmfg.TotalVariation(0.1)
KERNEL = rmfg.DenseKernel(LAWS)


def fronts(answer: Any) -> dict[str, Front]:
    """All functions, with an answer where they want one."""
    game = Argument(GAME, instance(rmfg.MeanFieldGame))
    ambiguity = Argument(TOTAL, instance(rmfg.Ambiguity))
    doubt = Argument(TOTAL, optional(instance(rmfg.Ambiguity)))
    kernel, values = Argument(KERNEL, is_kernel), Argument(VALUES, is_array)
    field, policy = Argument(LAW, is_law), Argument(POLICY, is_law)
    tol, whole = Argument(1e-3, is_number), Argument(3, is_integer)
    solved = Argument(answer, instance(rmfg.Equilibrium))
    played = Argument(POLICY, lambda value: is_law(value) or isinstance(value, rmfg.Equilibrium))
    start, flag = Argument(LAW, optional(is_law)), Argument(False, is_flag)
    rule = Argument("nominal", lambda v: v is None or isinstance(v, str) or is_kernel(v))
    population = Argument("nominal", lambda v: isinstance(v, str) or is_kernel(v))
    seconds = Argument(5.0, optional(is_number))
    heat, share = Argument(0.5, is_number), Argument(0.5, is_number)
    support = Argument("all", one_of("all", "nominal"))
    names = Argument(["a", "b", "c"], anything)

    def table(m: Any) -> Any:
        return jnp.asarray(LAWS)

    def payoff(m: Any) -> Any:
        return jnp.asarray(PAYOFF) - m[:, None]

    states, actions, slots = (a.ravel() for a in (*np.indices((3, 2, 3))[:2], SLOTS))
    moves = {"states": states, "actions": actions, "successors": slots}
    sets = {
        "Contamination": (rmfg.Contamination, "radius", {}),
        "TotalVariation": (rmfg.TotalVariation, "radius", {"support": support}),
        "KullbackLeibler": (rmfg.KullbackLeibler, "radius", {}),
        "ReverseKullbackLeibler": (rmfg.ReverseKullbackLeibler, "radius", {}),
        "ChiSquare": (rmfg.ChiSquare, "radius", {}),
        "Hellinger": (rmfg.Hellinger, "radius", {}),
        "CVaR": (rmfg.CVaR, "level", {}),
        "EntropyPenalty": (rmfg.EntropyPenalty, "strength", {}),
        "Lp": (
            rmfg.Lp,
            "radius",
            {"p": Argument(2, is_order), "weights": Argument(None, optional(is_array))},
        ),
        "Wasserstein": (
            rmfg.Wasserstein,
            "radius",
            {
                "metric": Argument(METRIC, lambda v: numeric(v) is not None),
                "order": Argument(1, is_number),
            },
        ),
    }
    found = {
        f"rmfg.{name}": Front(
            kind, {size: Argument(np.full((3, 2), 0.1), is_size), **more}, keeps_set
        )
        for name, (kind, size, more) in sets.items()
    }
    found["rmfg.Interval"] = Front(
        rmfg.Interval,
        {"lower": Argument(np.zeros(3), is_array), "upper": Argument(np.ones(3), is_array)},
        keeps_set,
    )
    found["rmfg.Scenarios"] = Front(
        rmfg.Scenarios, {"kernels": Argument([LAWS], anything)}, keeps_set
    )
    found["rmfg.DenseKernel"] = Front(
        rmfg.DenseKernel, {"probabilities": Argument(LAWS, is_law)}, keeps_kernel, 12
    )
    found["rmfg.SparseKernel"] = Front(
        rmfg.SparseKernel,
        {
            "successors": Argument(SLOTS, is_array),
            "probabilities": Argument(LAWS, is_law),
            "merge": Argument(True, is_flag),
        },
        keeps_kernel,
        8,
    )
    found["rmfg.SparseKernel.from_coo"] = Front(
        rmfg.SparseKernel.from_coo,
        {
            **{name: Argument(array, is_array) for name, array in moves.items()},
            "probabilities": Argument(LAWS.ravel(), is_array),
            "num_states": Argument(3, optional(is_integer)),
            "num_actions": Argument(2, optional(is_integer)),
        },
        keeps_kernel,
        8,
    )
    options = {
        "discount": Argument(0.9, is_number),
        "mean_field": Argument("state", one_of("state", "state-action")),
        "initial": start,
        "state_names": names,
        "actions": Argument(np.ones((3, 2), dtype=bool), lambda v: v is None or is_array(v)),
        "name": Argument("game", optional(instance(str))),
        "num_states": Argument(3, optional(is_integer)),
        "num_actions": Argument(2, optional(is_integer)),
        "layout": Argument(None, optional(anything)),
        "lipschitz": Argument(None, optional(instance(rmfg.Lipschitz))),
        "observables": Argument({"first": lambda m: m[0]}, optional(instance(dict))),
    }
    found["rmfg.TabularGame"] = Front(
        rmfg.TabularGame,
        {
            "kernel": Argument(LAWS, lambda v: is_kernel(v) or callable(v)),
            "reward": Argument(PAYOFF, lambda v: is_array(v) or callable(v)),
            **options,
        },
        keeps_game,
        12,
    )
    found["rmfg.TabularGame of functions"] = Front(
        rmfg.TabularGame,
        {
            "kernel": Argument(table, lambda v: is_kernel(v) or callable(v)),
            "reward": Argument(payoff, lambda v: is_array(v) or callable(v)),
            "discount": Argument(0.9, is_number),
            "num_states": Argument(3, is_integer),
            "num_actions": Argument(2, is_integer),
        },
        keeps_game,
        6,
    )
    found["rmfg.TabularGame.from_functions"] = Front(
        rmfg.TabularGame.from_functions,
        {
            "transition": Argument(lambda s, a, m: m, callable),
            "reward": Argument(lambda s, a, m: m[s], callable),
            "num_states": Argument(3, is_integer),
            "num_actions": Argument(2, is_integer),
            "discount": Argument(0.9, is_number),
        },
        keeps_game,
    )
    law_and_values = {"mean_field": field, "values": values}
    found |= {
        "Ambiguity.worst_value": Front(
            lambda **given: TOTAL.worst_value(**given),
            {"kernel": kernel, "values": values, "mean_field": Argument(None, anything)},
            keeps_bounds,
            6,
        ),
        "Ambiguity.worst_kernel": Front(
            lambda **given: TOTAL.worst_kernel(**given),
            {"kernel": kernel, "values": values},
            lambda found, _: law(found.to_dense()),
        ),
        "Ambiguity.violation": Front(
            lambda **given: TOTAL.violation(**given),
            {"kernel": kernel, "nominal": kernel},
            keeps_numbers,
        ),
        "rmfg.robust_q": Front(
            rmfg.robust_q,
            {"game": game, "ambiguity": ambiguity, **law_and_values},
            keeps_numbers,
            6,
        ),
        "rmfg.optimal_operator": Front(
            rmfg.optimal_operator,
            {"game": game, "ambiguity": ambiguity, **law_and_values},
            keeps_numbers,
        ),
        "rmfg.policy_operator": Front(
            rmfg.policy_operator,
            {"game": game, "ambiguity": ambiguity, "policy": policy, **law_and_values},
            keeps_numbers,
        ),
        "rmfg.soft_operator": Front(
            rmfg.soft_operator,
            {"game": game, "ambiguity": ambiguity, "temperature": heat, **law_and_values},
            keeps_numbers,
        ),
        "rmfg.best_response": Front(
            rmfg.best_response,
            {
                "game": game,
                "ambiguity": ambiguity,
                "mean_field": field,
                "tol": tol,
                "start": Argument(VALUES, optional(is_array)),
            },
            lambda found, _: law(found.policy) and finite(found.value, found.q),
        ),
        "rmfg.evaluate": Front(
            rmfg.evaluate,
            {
                "game": game,
                "ambiguity": ambiguity,
                "policy": policy,
                "mean_field": field,
                "tol": tol,
            },
            keeps_numbers,
        ),
        "rmfg.stationary_distribution": Front(
            rmfg.stationary_distribution,
            {"kernel": kernel, "policy": policy, "initial": start},
            keeps_law,
        ),
        "rmfg.certify": Front(
            rmfg.certify,
            {
                "game": game,
                "ambiguity": doubt,
                # A candidate that holds NaN is refuted.
                "policy": Argument(POLICY, lambda v: numeric(v) is not None),
                "distribution": Argument(LAW, lambda v: numeric(v) is not None),
                "kernel": Argument(KERNEL, optional(is_kernel)),
                "population": population,
                "tol": tol,
                "atol": Argument(None, optional(is_number)),
            },
            keeps_certificate,
        ),
        "rmfg.Problem": Front(
            rmfg.Problem,
            {"game": game, "ambiguity": doubt, "population": population},
            anything_kept,
        ),
        "rmfg.solve": Front(
            rmfg.solve,
            {
                "game": game,
                "ambiguity": doubt,
                "solver": Argument(None, optional(instance(rmfg.Solver))),
                "tol": tol,
                "population": population,
                "initial": Argument(
                    LAW, lambda v: v is None or is_law(v) or isinstance(v, rmfg.Equilibrium)
                ),
                "atol": Argument(None, optional(is_number)),
                "max_steps": Argument(2, optional(is_integer)),
                "max_seconds": seconds,
                "progress": flag,
                "throw": flag,
                "seed": whole,
            },
            keeps_answer,
            6,
        ),
        "rmfg.Picard": Front(
            rmfg.Picard,
            {
                "damping": share,
                "temperature": Argument(None, optional(is_number)),
                "long_run": flag,
            },
            anything_kept,
        ),
        "rmfg.FictitiousPlay": Front(
            rmfg.FictitiousPlay, {"power": Argument(2.0, is_number)}, anything_kept
        ),
        "rmfg.MirrorDescent": Front(
            rmfg.MirrorDescent, {"step_size": share, "optimistic": flag}, anything_kept
        ),
        "rmfg.PolicyIteration": Front(
            rmfg.PolicyIteration,
            {
                "kind": Argument("smooth", instance(str)),
                "damping": Argument(0.5, optional(is_number)),
            },
            anything_kept,
        ),
        "rmfg.Newton": Front(
            rmfg.Newton,
            {
                "temperature": heat,
                "restart": share,
                "start": Argument(None, optional(instance(rmfg.Equilibrium))),
            },
            anything_kept,
        ),
        "rmfg.Anderson": Front(
            rmfg.Anderson,
            {
                "solver": Argument(None, optional(instance(rmfg.Solver))),
                "memory": whole,
                "regularization": share,
            },
            anything_kept,
        ),
        "rmfg.find_equilibria": Front(
            rmfg.find_equilibria,
            {
                "game": game,
                "num_starts": Argument(1, is_integer),
                "tol": tol,
                "apart": share,
                "population": population,
                "max_seconds": Argument(1.0, optional(is_number)),
                "seed": whole,
            },
            anything_kept,
            1,
        ),
        "rmfg.contraction": Front(
            rmfg.contraction,
            {
                "game": game,
                "ambiguity": doubt,
                "temperature": heat,
                "population": population,
                "damping": share,
                "long_run": flag,
                "num_samples": Argument(2, is_integer),
                "seed": whole,
            },
            anything_kept,
            1,
        ),
        "rmfg.simulate": Front(
            rmfg.simulate,
            {
                "game": game,
                "policy": played,
                "num_agents": whole,
                "num_steps": Argument(2, is_integer),
                "nature": rule,
                "ambiguity": doubt,
                "initial": start,
                "num_runs": Argument(2, is_integer),
                "seed": whole,
                "method": Argument("counts", one_of("auto", "agents", "counts")),
                "keep_agents": flag,
            },
            keeps_dataset,
            2,
        ),
        "rmfg.finite_gap": Front(
            rmfg.finite_gap,
            {
                "game": game,
                "ambiguity": doubt,
                "policy": played,
                "num_agents": Argument(2, is_integer),
                "method": Argument("exact", one_of("auto", "exact", "sample")),
                "initial": start,
                "nature": rule,
                "tol": tol,
                "num_runs": whole,
                "num_steps": Argument(None, optional(is_integer)),
                "seed": whole,
            },
            anything_kept,
            1,
        ),
        "rmfg.finite_bound": Front(
            rmfg.finite_bound,
            {
                "equilibrium": solved,
                "num_agents": whole,
                "game": Argument(None, optional(instance(rmfg.MeanFieldGame))),
                "posterior": flag,
                "num_runs": whole,
                "seed": Argument(0, is_integer),
            },
            anything_kept,
            1,
        ),
        "rmfg.finite_equilibrium": Front(
            rmfg.finite_equilibrium,
            {
                "game": game,
                "ambiguity": doubt,
                "num_agents": Argument(2, is_integer),
                "tol": Argument(0.1, is_number),
                "max_steps": Argument(1, is_integer),
                "max_seconds": seconds,
            },
            anything_kept,
            1,
        ),
        "rmfg.plot": Front(
            rmfg.plot,
            {"equilibrium": solved, "path": Argument("nowhere/at/all.gif", lambda v: v is None)},
            anything_kept,
        ),
        "rmfg.implicit": Front(
            rmfg.implicit,
            {
                "game": Argument(OTHER, instance(rmfg.MeanFieldGame)),
                "ambiguity": ambiguity,
                "equilibrium": solved,
            },
            anything_kept,
        ),
        "rmfg.trace": Front(
            rmfg.trace,
            {
                "game": game,
                # Whatever else is right, this family is refused: to follow one takes minutes.
                "family": Argument(no_family, callable),
                "radii": Argument(np.array([0.1, 0.2]), is_array),
                "initial": Argument(None, optional(instance(rmfg.Equilibrium))),
            },
            anything_kept,
        ),
    }
    return found | zoo_fronts() | population_fronts(game, solved, doubt, rule, start)


def kind_of(default: Any) -> Callable[[Any], bool]:
    """What may be accepted in place of a default value."""
    kinds = {bool: is_switch, int: is_integer, float: is_number, str: instance(str)}
    return kinds.get(type(default), anything)


def is_switch(value: Any) -> bool:
    """The zoo takes arrays without axes for what they hold."""
    return is_flag(value) or (
        isinstance(value, np.ndarray | jax.Array) and value.ndim == 0 and value.dtype.kind == "b"
    )


def zoo_fronts() -> dict[str, Front]:
    """The builders of the zoo, and an unknown name."""
    found = {
        "rmfg.zoo.make": Front(
            lambda name: rmfg.zoo.make(name), {"name": Argument("nothing", no)}, keeps_game
        )
    }
    for name in rmfg.zoo.names():
        parameters = inspect.signature(rmfg.zoo.describe(name).build).parameters.values()
        found[f"rmfg.zoo.make({name!r})"] = Front(
            functools.partial(rmfg.zoo.make, name),
            {p.name: Argument(p.default, kind_of(p.default)) for p in parameters},
            keeps_game,
            1,
        )
    return found


def population_fronts(
    game: Argument, solved: Argument, doubt: Argument, rule: Argument, start: Argument
) -> dict[str, Front]:
    """Environments, studies, proofs and files."""
    whole = Argument(3, is_integer)
    played = Argument(None, lambda v: v is None or is_law(v) or isinstance(v, rmfg.Equilibrium))
    field = Argument(LAW, lambda v: is_law(v) or isinstance(v, rmfg.Equilibrium))
    return {
        "rmfg.parallel_env": Front(
            rmfg.parallel_env,
            {
                "game": game,
                "num_agents": whole,
                "num_steps": whole,
                "nature": rule,
                "ambiguity": doubt,
                "policy": played,
                "initial": start,
            },
            anything_kept,
            1,
        ),
        "rmfg.single_agent_env": Front(
            rmfg.single_agent_env,
            {
                "game": game,
                "mean_field": field,
                "nature": rule,
                "ambiguity": doubt,
                "num_steps": whole,
                "initial": start,
            },
            anything_kept,
            1,
        ),
        "rmfg.finite_study": Front(
            rmfg.finite_study,
            {
                "game": game,
                "equilibrium": solved,
                "agents": Argument(np.array([2.0, 3.0]), is_array),
                "num_runs": Argument(2, is_integer),
                "num_steps": Argument(2, optional(is_integer)),
                "nature": rule,
                "gap": Argument(None, optional(instance(str))),
                "seed": whole,
            },
            keeps_dataset,
            1,
        ),
        "rmfg.prove": Front(
            rmfg.prove, {"answer": solved}, lambda proof, _: isinstance(proof.proved, bool)
        ),
        "rmfg.load": Front(rmfg.load, {"path": Argument("nowhere/at/all.nc", no)}, anything_kept),
    }


def no(value: Any) -> bool:
    """Nothing may be accepted."""
    return False


def no_family(radius: Any) -> None:
    """Make no ambiguity set."""


def anything_kept(found: Any, given: dict[str, Any]) -> bool:
    return True


# Verdicts ------------------------------------------------------------------------------------------


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
