"""Parameters of named games: whatever is given, a game with a plain recipe or one clear error."""

import json
import time

import numpy as np
import pytest

import rmfg
from rmfg import zoo
from rmfg.zoo import arguments

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


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("beach-baar", {}, "unknown game 'beach-baar'.*Did you mean 'beach-bar'"),
        ("beach-bar", {"num_state": 3}, "'num_state'.*Did you mean 'num_states'"),
        ("beach-bar", {"num_states": 0}, "`num_states` must be a positive integer"),
        ("beach-bar", {"bar": 21}, "`bar` must hold state numbers from 0 to 20"),
        ("beach-bar", {"noise": 1.5}, r"`noise` must be in \[0, 1\], but is 1.5"),
        ("beach-bar", {"noise": float("nan")}, "`noise` must be a finite number"),
        ("beach-bar", {"floor": 0.0}, "`floor` must be above 0"),
        ("beach-bar", {"discount": 1.0}, "`discount` must lie in"),
        ("two-beach-bars", {"bars": (3,), "charms": (1.0, 2.0)}, "`charms`.*one entry per bar"),
        ("coordination", {"targets": ()}, "`targets` must be a sequence of state numbers"),
        ("four-rooms", {"size": 10}, "`size` must be odd"),
        ("sis-epidemic", {"num_actions": 1}, "`num_actions` must be an integer of at least 2"),
        ("investment", {"depreciation": -0.1}, "`depreciation` must be in"),
        ("mf-garnet", {"branching": 101}, "`branching` must be at most num_states=100"),
        ("mf-garnet", {"kernel_coupling": "aditive"}, "Did you mean 'additive'"),
        ("mf-garnet", {"seed": -1}, "`seed` must be an integer of at least 0"),
    ],
)
def test_wrong_arguments_are_refused_with_the_way_out(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        zoo.make(name, **parameters)


@pytest.mark.parametrize("value", ["21", True, 2.5, None, np.float64(3), 0, -1])
def test_sizes_are_positive_integers(value):
    with pytest.raises(ValueError, match="`num_states` must be a positive integer"):
        arguments.whole("num_states", value)


@pytest.mark.parametrize("value", ["0.1", True, None, np.nan, np.inf, [0.1]])
def test_numbers_are_finite(value):
    with pytest.raises(ValueError, match="`noise` must be a finite number"):
        arguments.probability("noise", value)


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_flags_are_true_or_false(value):
    with pytest.raises(ValueError, match="`ring` must be True or False"):
        arguments.flag("ring", value)


def test_recipes_are_plain():
    game = zoo.make("two-beach-bars", bars=[3, 9], charms=[0.0, 1.0], attraction=2)
    recipe = dict(game.recipe[1])
    assert (recipe["bars"], recipe["charms"]) == ((3, 9), (0.0, 1.0))
    assert isinstance(recipe["attraction"], float)


def test_unknown_names_cannot_be_described():
    with pytest.raises(ValueError, match="Did you mean 'four-rooms'"):
        zoo.describe("four-room")
