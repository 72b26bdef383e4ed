"""The plan of the house: imports point down, names are public on purpose, nothing loads early."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rmfg

ROOT = Path(rmfg.__file__).parent
# From the top floor down; parts of one floor do not import each other.
FLOORS = (
    ("cli",),
    ("study", "show", "interop"),
    ("solvers",),
    ("population",),
    ("answer",),
    ("rates",),
    ("operators", "zoo"),
    ("model",),
    ("core",),
    ("rigorous",),  # shares nothing with what it checks
)
# Figures are drawn from answers, and from what a game says of itself.
SEEN_BY_FIGURES = {"show", "answer", "model", "core"}
LEVEL = {part: level for level, floor in enumerate(FLOORS) for part in floor}
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


def imports_of(module: str) -> set[str]:
    """The full names of everything that a module imports, also inside functions."""
    package = ["rmfg", *module.split("/")[:-1]]
    found = set()
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            name = ".".join(part for part in (base, node.module or "") if part)
            found |= {f"{name}.{alias.name}" for alias in node.names} | {name}
    return found


def parts_of(names: set[str]) -> set[str]:
    """The parts of the house among imported names."""
    own = {name.split(".")[1] for name in names if name.startswith("rmfg.")}
    return own - {"version", "__version__"}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    part = module.split("/")[0]
    if "/" not in module:
        allowed = {"cli"} if module == "__main__.py" else set()
        assert parts_of(imports_of(module)) <= allowed, "the package itself loads everything lazily"
        return
    assert part in LEVEL, f"{part} stands on no floor"
    for other in parts_of(imports_of(module)):
        if "rmfg" in imports_of(module) and part != "cli":
            raise AssertionError("only the command line may import the package as a whole")
        assert other in LEVEL, f"{module} imports {other}, which stands on no floor"
        assert other == part or LEVEL[other] > LEVEL[part], f"{module} imports {other}"


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("show/")])
def test_figures_see_answers_alone(module):
    """They are made from answers and compute nothing, so that they need no game and no operator."""
    assert parts_of(imports_of(module)) <= SEEN_BY_FIGURES


def test_the_check_of_imports_can_fail():
    assert not {"zoo", "operators", "population", "solvers"} & SEEN_BY_FIGURES
    assert parts_of({"rmfg.zoo.traffic.flow_ratio", "rmfg.show.frame"}) - SEEN_BY_FIGURES == {"zoo"}
    assert LEVEL["operators"] == LEVEL["zoo"]
    assert parts_of({"rmfg.model.game", "numpy", "rmfg.version"}) == {"model"}
    assert "rmfg.model.game.MeanFieldGame" in imports_of("operators/bellman.py")


def name_of(module: str) -> str:
    parts = ["rmfg", *module.removesuffix(".py").split("/")]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """A circle of imports for every module that is on one."""
    found = []
    for start in graph:
        paths = [[start, other] for other in graph[start]]
        seen: set[str] = set()
        while paths:
            path = paths.pop()
            if path[-1] == start:
                found.append(path)
                break
            if path[-1] not in seen:
                seen.add(path[-1])
                paths += [[*path, other] for other in graph[path[-1]]]
    return found


def test_no_circles_of_files():
    names = {name_of(module) for module in MODULES}
    graph = {name_of(module): imports_of(module) & names - {"rmfg"} for module in MODULES}
    # A package whose first file gathers its modules is imported by the names of these.
    for package in {name_of(m) for m in MODULES if m.endswith("__init__.py")} & graph.keys():
        for name, found in graph.items():
            inside = {other for other in found if other.startswith(f"{package}.")}
            if inside or name.startswith(f"{package}."):
                found.discard(package)
    assert circles(graph) == []


def test_floors_exist():
    assert {part for floor in FLOORS for part in floor} == {
        path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()
    }


def test_the_plan_shows_the_floors():
    plan = (ROOT.parents[1] / "CONTRIBUTING.md").read_text()
    rows = re.findall(r"^\| \S+ \| ((?:`\w+`(?:, )?)+) \|", plan, re.MULTILINE)
    assert [tuple(re.findall(r"\w+", row)) for row in rows] == list(FLOORS)


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})[0] == ["a", "b", "c", "a"]
    assert circles({"a": {"b"}, "b": set()}) == []


@pytest.mark.parametrize("module", MODULES)
def test_nothing_opens_a_window(module):
    names = imports_of(module)
    assert not any("pyplot" in name or name.endswith("pylab") for name in names)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is(module):
    tree = ast.parse((ROOT / module).read_text())
    assert ast.get_docstring(tree), f"{module} has no docstring"


def public_names() -> list[str]:
    tree = ast.parse((ROOT / "__init__.pyi").read_text())
    aliases = [alias for node in tree.body for alias in getattr(node, "names", [])]
    return [alias.asname or alias.name for alias in aliases]


@pytest.mark.parametrize("name", public_names())
def test_public_names_exist_and_are_documented(name):
    thing = getattr(rmfg, name)
    assert name in dir(rmfg)
    if name != "__version__":
        assert inspect.getdoc(thing), f"rmfg.{name} has no docstring"


def public_classes() -> list[type]:
    found = [getattr(rmfg, name) for name in public_names()]
    return [thing for thing in found if inspect.isclass(thing)]


@pytest.mark.parametrize("kind", public_classes(), ids=lambda kind: kind.__name__)
def test_public_methods_are_documented(kind):
    for name, member in inspect.getmembers(kind):
        own = getattr(member, "__module__", "") or ""
        if name.startswith("_") or not own.startswith("rmfg") or not callable(member):
            continue
        # A method that keeps a contract is documented where the contract stands.
        assert inspect.getdoc(getattr(kind, name)), f"{kind.__name__}.{name}"


def test_errors_are_errors():
    assert issubclass(rmfg.NotCertifiedError, RuntimeError)
    with pytest.raises(AttributeError, match="Wassertein"):
        _ = rmfg.Wassertein


def test_statuses_have_advice():
    for status in rmfg.Status:
        assert status.advice.endswith(".")
        assert status == status.value


def test_importing_touches_nothing():
    """No JAX, no matplotlib, no settings until a name is used; then still no global setting."""
    code = (
        "import sys, rmfg; "
        "heavy = {'jax', 'matplotlib', 'xarray', 'scipy', 'equinox'} & set(sys.modules); "
        "assert not heavy, heavy; "
        "rmfg.TotalVariation(0.1); import jax; "
        "assert not jax.config.jax_enable_x64; "
        "from jax._src import xla_bridge; assert not xla_bridge._backends; "
        "assert 'matplotlib' not in sys.modules; assert 'xarray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_tests_of_the_public_surface_are_complete():
    """The names that programs outside rely on, as promised."""
    promised = [
        "TabularGame",
        "MeanFieldGame",
        "DenseKernel",
        "SparseKernel",
        "Nominal",
        "Contamination",
        "TotalVariation",
        "Lp",
        "Interval",
        "KullbackLeibler",
        "ReverseKullbackLeibler",
        "ChiSquare",
        "Hellinger",
        "CVaR",
        "Wasserstein",
        "Scenarios",
        "EntropyPenalty",
        "robust_q",
        "best_response",
        "evaluate",
        "stationary_distribution",
        "certify",
        "solve",
        "load",
        "zoo",
        "Picard",
        "FictitiousPlay",
        "Auto",
    ]
    assert set(promised) <= set(public_names())
    for module in ("rmfg.cli", "rmfg.zoo", "rmfg.solvers"):
        importlib.import_module(module)
