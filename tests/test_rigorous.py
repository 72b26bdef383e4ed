"""The checker in real arithmetic: never beyond the truth, and every fault put into it is noticed."""

import ast
from pathlib import Path

import numpy as np
import pytest
import rigorous_attack as attack

from rmfg.rigorous import check


@pytest.mark.parametrize("block", range(20))
def test_games_solved_in_rationals_never_lie_beyond_the_bounds(block):
    """20 times 10 games; `make attack` tries 10,000."""
    wrong = [text for seed in range(10 * block, 10 * block + 10) for text in attack.refuted(seed)]
    assert not wrong


@pytest.mark.parametrize("seed", range(20))
def test_arithmetic_encloses_rationals(seed):
    assert not attack.refuted_arithmetic(seed)


@pytest.mark.parametrize("seed", range(25))
def test_smooth_sets_enclose_their_duals_in_fifty_digits(seed):
    assert not attack.refuted_smooth(seed)


def test_bounds_are_narrow():
    widths = [attack.looseness(seed) for seed in range(40)]
    assert max(widths) < 1e-11
    assert np.median(widths) < 1e-13


def test_the_checker_shares_no_code_with_what_it_checks():
    root = Path(check.__file__).parent
    for path in root.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, "names", [])]
            module = getattr(node, "module", None) or ""
            for name in (*names, module):
                assert not name.startswith(("jax.", "equinox"))
                assert name != "jax"
            if module.startswith("rmfg"):
                assert module.startswith("rmfg.rigorous")
