"""The guarantee that an answer carries: what it says, and that files keep it."""

import dataclasses
import json

import numpy as np
import pytest
from registry import lonely_game
from soft_games import CASES, ladder

import rmfg
from rmfg.rates.contraction import measured_rate


def test_picard_with_a_temperature_reports_it(tmp_path):
    case = CASES["ladder, TV"]
    answer = rmfg.solve(
        case.game, case.ambiguity, solver=case.solver, initial=np.eye(4)[0], max_steps=6, tol=1e-12
    )
    found = answer.guarantee
    assert found.contractive
    assert found.proved
    assert found.rate == pytest.approx(case.known().rate, rel=1e-12)
    assert 0 < found.measured_rate <= found.rate
    assert found.distance == found.bound(found.residual)
    text = str(answer)
    assert "guarantee    modulus 0.333 (proved), rate 0.333 a step, measured" in text
    assert "from the one soft equilibrium, at most" in text
    answer.save(tmp_path / "eq.nc")
    again = rmfg.load(tmp_path / "eq.nc")
    assert again.guarantee == found
    assert str(again).replace(", as saved: not verified since", "") == text


def test_files_without_a_guarantee_are_read(tmp_path):
    case = CASES["ladder, TV"]
    answer = rmfg.solve(case.game, case.ambiguity, solver=case.solver, max_steps=2, tol=1e-12)
    data = answer.to_xarray()
    assert json.loads(data.attrs["guarantee"])["modulus"]["proved"] is True
    del data.attrs["guarantee"]
    data.to_netcdf(tmp_path / "old.nc")
    assert rmfg.load(tmp_path / "old.nc").guarantee is None


def test_without_a_temperature_there_is_none():
    answer = rmfg.solve(lonely_game("dense"), solver=rmfg.Picard(), max_steps=2)
    assert answer.guarantee is None
    assert "guarantee" not in str(answer)


def test_no_guarantee_is_said_with_its_reason():
    answer = rmfg.solve(
        ladder(20.0), rmfg.TotalVariation(0.1), solver=rmfg.Picard(0.5, 0.5), max_steps=2
    )
    assert "guarantee    none, since the modulus is inf (no bound: nature's answer" in str(answer)


def test_the_measured_rate_is_that_of_the_later_half():
    fall = [1.0, 0.9, 0.9, *(0.5**k for k in range(1, 30))]
    assert measured_rate(fall) == pytest.approx(0.5, rel=1e-12)
    assert measured_rate([*fall, 1e-14, 2e-14, 1e-14]) == pytest.approx(0.5, rel=1e-12)
    assert measured_rate([1.0, 0.5]) is None
    assert measured_rate([]) is None


def test_a_guarantee_is_plain_data():
    known = CASES["ladder, TV"].known()
    assert json.loads(json.dumps(dataclasses.asdict(known)))["modulus"]["value"] < 1
