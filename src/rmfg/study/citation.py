"""What to cite: the BibTeX entries that ambiguity sets and solvers carry in their docstrings."""

import inspect
import re
from collections.abc import Iterator

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame
from rmfg.solvers.base import Solver
from rmfg.solvers.names import SOLVERS
from rmfg.version import __version__
from rmfg.zoo import describe, names

THEORY = """@inproceedings{wang2026,
  title={Stationary Robust Mean-Field Games under Model Mismatches},
  author={Wang, Yue},
  booktitle={Uncertainty in Artificial Intelligence},
  series={Proceedings of Machine Learning Research},
  volume={337},
  pages={7229--7272},
  year={2026}
}"""
SOFTWARE = f"""@software{{rmfg,
  title={{rmfg: distributionally robust mean-field games}},
  author={{{{The rmfg developers}}}},
  version={{{__version__}}}
}}"""


def cite(answer: Equilibrium | MeanFieldGame | Ambiguity | Solver) -> str:
    """Return BibTeX of the theory, the software, and what an answer rests on, each entry once.

    Of an answer these are its game, where it is of the zoo, its ambiguity set, and the methods that
    its solver used; a game, a set or a solver can be given alone. Raises TypeError for anything else.
    """
    kinds = Equilibrium | MeanFieldGame | Ambiguity | Solver
    inputs.instance("answer", answer, kinds, "an answer of `rmfg.solve`, a game, a set or a solver")
    return "\n\n".join(dict.fromkeys([THEORY, SOFTWARE, *_entries(answer)])) + "\n"


def _entries(thing: Equilibrium | MeanFieldGame | Ambiguity | Solver) -> Iterator[str]:
    if isinstance(thing, Equilibrium):
        yield from _entries(thing.game)
        yield from _entries(thing.ambiguity)
        for method in SOLVERS.values():
            if re.search(rf"\b{method.__name__}\b", thing.solver):
                yield from entries_of(method)
    elif isinstance(thing, MeanFieldGame):
        yield from _of_the_zoo(thing)
    else:
        yield from entries_of(type(thing))


def _of_the_zoo(game: MeanFieldGame) -> Iterator[str]:
    name = game.recipe[0] if game.recipe else None
    if name in names():
        entry = describe(name)
        yield f"@misc{{{name},\n  title={{{entry.summary.rstrip('.')}}},\n  note={{{entry.source}}}\n}}"


def entries_of(kind: type) -> list[str]:
    """The BibTeX entries in the docstrings of a class and of the classes that it is made of."""
    found = []
    for base in kind.__mro__:
        doc = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        found += [block for block in re.split(r"\n(?=@)|\n\n", doc) if block.startswith("@")]
    return found
