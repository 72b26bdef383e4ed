"""Parameters of named games: whatever is given, a game with a plain recipe or one clear error."""

import json
import time

import numpy as np
import pytest

import rmfg

ODD = (
    None,
    "words",
    "1",
    b"bytes",
    1j,
    np.complex128(1j),
    float("nan"),
    float("inf"),
    -float("inf"),
    np.nan,
    object(),
    {},
    (),
    (None,),
    ("a", "b"),
    [[1]],
    np.array([1.0, 2.0]),
    np.datetime64("2020-01-01"),
    True,
    1.5,
    -1,
    1e308,
    10**11,
    2**63,
    10**308,
    10**400,
    lambda: 0,
)
SCALARS = {bool: np.bool_, int: np.int64, float: np.float32}
GIVEN = [
    (name, parameter)
    for name in rmfg.zoo.names()
    for parameter in rmfg.zoo.describe(name).parameters
]
LONGEST_BUILD = 20.0  # seconds; a game that is refused is refused at once


def is_plain(value):
    if isinstance(value, tuple):
        return all(is_plain(item) for item in value)
    return value is None or type(value) in (bool, int, float, str)


def made(name, given):
    """A game, or the one error that is allowed."""
    try:
        return rmfg.zoo.make(name, **given), ""
    except ValueError as error:
        return None, str(error)


@pytest.mark.parametrize(("name", "parameter"), GIVEN, ids=["-".join(pair) for pair in GIVEN])
def test_odd_values_are_refused_by_name(name, parameter):
    refused = 0
    for value in ODD:
        begin = time.perf_counter()
        game, error = made(name, {parameter: value})
        if game is None:
            assert parameter in error, (value, error)
            assert len(error) < 1000
            refused += 1
        else:
            assert all(is_plain(kept) for _, kept in game.recipe[1]), value
            assert rmfg.zoo.remake(json.loads(json.dumps(game.recipe))).recipe == game.recipe
        assert time.perf_counter() - begin < LONGEST_BUILD, value
    assert refused >= 10


@pytest.mark.parametrize(("name", "parameter"), GIVEN, ids=["-".join(pair) for pair in GIVEN])
def test_numpy_scalars_are_numbers(name, parameter):
    """Stored as plain Python, equal to what was given, and built again from text."""
    default = rmfg.zoo.describe(name).parameters[parameter]
    if type(default) not in SCALARS:
        pytest.skip(f"{default!r} has no scalar of NumPy's")
    value = SCALARS[type(default)](default)
    for given in (value, np.asarray(value)):
        game = rmfg.zoo.make(name, **{parameter: given})
        kept = dict(game.recipe[1])[parameter]
        assert type(kept) is type(default)
        assert kept == value
        again = rmfg.zoo.remake(json.loads(json.dumps(game.recipe)))
        assert again.recipe == game.recipe


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("beach-bar", {"num_states": 10**11}),
        ("mf-garnet", {"num_states": 10**6, "num_actions": 10**6}),
        ("malware-spread", {"num_states": 10**6}),
        ("crowded-actions", {"num_places": 10**5}),
        ("ev-charging", {"num_periods": 10**5, "num_levels": 10**5}),
        ("kinetic-congestion", {"num_rows": 10**6, "num_columns": 10**6}),
        ("four-rooms", {"size": 10**7 + 1}),
        ("investment", {"num_states": 10**6}),
        ("sis-epidemic", {"num_actions": 10**12}),
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_allocated(name, sizes):
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=r"would need at least [\d,^]+ [MGTPE]iB of memory"):
        rmfg.zoo.make(name, **sizes)
    assert time.perf_counter() - begin < 1


def test_lists_and_arrays_become_tuples():
    for targets in ([2, 4], np.array([2, 4]), (np.int64(2), np.int32(4))):
        assert dict(rmfg.zoo.make("coordination", targets=targets).recipe[1])["targets"] == (2, 4)


@pytest.mark.parametrize("recipe", [None, 3, "beach-bar", (), ("beach-bar",), ("a", "b"), (1, ())])
def test_what_is_no_recipe_is_refused(recipe):
    with pytest.raises(ValueError, match="`recipe` must be"):
        rmfg.zoo.remake(recipe)


def test_a_constant_beyond_doubles_is_none():
    game = rmfg.zoo.make("investment", taste=200)
    assert game.lipschitz.reward is None
    assert np.isfinite(game.reward(np.full(10, 0.1))).all()
