"""Names of sets and solvers: complete, light, and whoever types another one is told which."""

import inspect
import subprocess
import sys

import pytest

import rmfg
from rmfg.core.registry import Registry
from rmfg.model.ambiguity.names import SETS
from rmfg.solvers.names import SOLVERS

REGISTRIES = [(SETS, rmfg.Ambiguity), (SOLVERS, rmfg.Solver)]
LISTED = [(registry, base, name) for registry, base in REGISTRIES for name in registry]
MEANT = [
    (SETS, "tv", "total-variation"),
    (SETS, "TotalVariation", "total-variation"),
    (SETS, "total_variation", "total-variation"),
    (SETS, "total-variatoin", "total-variation"),
    (SETS, "KL", "kl"),
    (SETS, "Kullback-Leibler", "kl"),
    (SETS, "rkl", "reverse-kl"),
    (SETS, "chi2", "chi-square"),
    (SETS, "chi_squared", "chi-square"),
    (SETS, "w1", "wasserstein"),
    (SETS, "AVaR", "cvar"),
    (SETS, "l1", "lp"),
    (SOLVERS, "fp", "fictitious-play"),
    (SOLVERS, "OMD", "mirror-descent"),
    (SOLVERS, "PolicyIteration", "policy-iteration"),
    (SOLVERS, "picart", "picard"),
]


@pytest.mark.parametrize(
    ("registry", "base", "name"), LISTED, ids=[f"{r.kind} {name}" for r, _, name in LISTED]
)
def test_names_stand_for_classes(registry, base, name):
    found = registry[registry.known(name)]
    assert issubclass(found, base)
    assert f"{found.__module__}:{found.__qualname__}" == registry.places[name]


@pytest.mark.parametrize(("registry", "base"), REGISTRIES, ids=["sets", "solvers"])
def test_every_public_class_has_a_name(registry, base):
    public = {thing for name in dir(rmfg) if inspect.isclass(thing := getattr(rmfg, name))}
    concrete = {kind for kind in public if issubclass(kind, base) and not inspect.isabstract(kind)}
    assert len(concrete) > 5
    assert set(registry.values()) == concrete


@pytest.mark.parametrize(
    ("registry", "given", "meant"), MEANT, ids=[f"{r.kind} {given}" for r, given, _ in MEANT]
)
def test_other_names_are_refused_with_the_one_that_is_meant(registry, given, meant):
    assert given not in registry
    with pytest.raises(ValueError, match=f"'{given}'. Did you mean '{meant}'") as caught:
        registry.known(given)
    assert all(name in str(caught.value) for name in registry)


@pytest.mark.parametrize(("registry", "base"), REGISTRIES, ids=["sets", "solvers"])
def test_other_names_are_of_one_thing(registry, base):
    """No other name is a name too, and each stands for one that is listed."""
    names = {name.replace("-", "") for name in registry}
    assert not names & registry.meant.keys()
    assert set(registry.meant.values()) <= set(registry)


@pytest.mark.parametrize("given", ["moon", "", "w"])
def test_what_is_near_to_nothing_gets_no_hint(given):
    with pytest.raises(ValueError, match="unknown ambiguity set") as caught:
        SETS.known(given)
    assert "Did you mean" not in str(caught.value)


def test_what_is_no_name_is_a_type_error():
    with pytest.raises(
        TypeError, match="`name` must be the name of some ambiguity set, but is a list"
    ):
        SETS.known(["kl"])


def test_a_place_that_is_wrong_is_an_error():
    wrong = Registry(
        "thing", ("one", "rmfg.core.status:Status"), ("two", "rmfg.core.status:Nothing")
    )
    assert wrong["one"] is rmfg.Status
    with pytest.raises(AttributeError, match="Nothing"):
        wrong["two"]
    with pytest.raises(KeyError):
        wrong["three"]


def test_names_load_nothing():
    script = (
        "import sys\n"
        "from rmfg.model.ambiguity.names import SETS\n"
        "from rmfg.solvers.names import SOLVERS\n"
        "assert 'kl' in SETS and 'picard' in SOLVERS\n"
        "heavy = {'jax', 'numpy', 'scipy', 'equinox'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)
