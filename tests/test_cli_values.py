"""What is typed becomes what the library takes: sets, metrics, and values by their annotations."""

from pathlib import Path

import numpy as np
import pytest
from cli_folder import KERNEL, filled

import rmfg
from rmfg.cli import choices, values
from rmfg.model.ambiguity import catalog
from rmfg.model.ambiguity.names import SETS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("cli"))


@pytest.mark.parametrize("name", [name for name in SETS if name != "nominal"])
def test_every_set_can_be_typed(folder, monkeypatch, name):
    monkeypatch.chdir(folder)
    np.save("kernels.npy", np.stack([KERNEL, KERNEL]))
    np.save("radius.npy", np.full((3, 2), 0.1))
    options = {
        "interval": {"lower": "0", "upper": "0.9"},
        "scenarios": {"kernels": "kernels.npy"},
        "wasserstein": {"metric": "metric.npy", "order": "2"},
        "lp": {"radius": "radius.npy", "p": "inf", "weights": "1,2,1"},
    }.get(name, {})
    sized = name not in ("interval", "scenarios", "lp")
    made = choices.ambiguity(name, 0.1 if sized else None, None, options, 3)
    assert catalog.name_of(made) == name
    assert (made.violation(rmfg.DenseKernel(KERNEL), rmfg.DenseKernel(KERNEL)) <= 1e-12).all()


def test_metrics_by_name():
    line, ring = (
        choices.ambiguity("wasserstein", 0.1, None, {"metric": word}, 5).metric
        for word in ("line", "ring")
    )
    assert line[0].tolist() == [0, 1, 2, 3, 4]
    assert ring[0].tolist() == [0, 1, 2, 2, 1]


def test_values_follow_annotations():
    def function(
        many: "tuple[int, ...]" = (1,),
        text: "str | None" = None,
        path: "Path | None" = None,
        flag=False,
        number: float = 1.0,
        **others,
    ):
        pass

    given = {"many": "3", "text": "12", "path": "none", "flag": "True", "number": "1e-3"}
    found = values.arguments("function", function, given)
    expected = {"many": (3,), "text": "12", "path": "none", "flag": True, "number": 1e-3}
    assert found == expected
    assert values.literal("none") is None
    assert values.literal("1,2.5") == (1, 2.5)
    assert values.literal("-3") == -3
