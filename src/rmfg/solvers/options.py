"""The options of Newton's method. Temperatures are in units of the range of values.

`benchmarks/newton_options.py` measures what answers cost where one of them is half or twice as large.
"""

import dataclasses

from rmfg.core import checks, inputs


@dataclasses.dataclass(frozen=True)
class PathOptions:
    """How the path of smoothed equilibria is followed (see `rmfg.solvers.path`).

    The length of a step is measured in units of point and logarithm of the temperature together.
    Raises ValueError for what is not positive.
    """

    hot: float = 1.0
    """Temperature at which the path begins: there everybody plays nearly at random."""
    tolerance: float = 1e-7
    """Residual at which a point is on the path: proximal steps need no more to begin with."""
    corrections: int = 7
    """Newton steps back to the path, after which a step along it counts as too long."""
    first_corrections: int = 30
    """Newton steps to the first point, from a guess of the population."""
    first_length: float = 0.5
    longest: float = 2.0
    shortest: float = 1e-5
    """Length at which the path is given up."""
    easy: int = 3
    """Corrections up to which the next step is longer, by `growth`."""
    growth: float = 1.6
    hard: int = 6
    """Corrections from which the next step is shorter, by `shrinkage`."""
    shrinkage: float = 0.7
    straight: float = 0.5
    """Cosine between two tangents below which the step between them was too long."""
    max_steps: int = 150
    max_rescues: int = 5
    """Rounds of damped Picard sweeps before the first point is given up."""

    def __post_init__(self) -> None:
        _check(self)


@dataclasses.dataclass(frozen=True)
class ProximalOptions:
    """How proximal steps are taken (see `rmfg.solvers.proximal`).

    Raises ValueError for what is not positive.
    """

    tolerance: float = 1e-13
    """Residual at which a step is solved: its solution is the next center."""
    corrections: int = 15
    """Newton steps after which a step is tried at a warmer temperature."""
    easy: int = 4
    """Corrections up to which the next step is colder, by `cooling`."""
    cooling: float = 4.0
    warming: float = 3.0
    hot: float = 1.0
    """Temperature above which steps fail as they do there: then the equations are relaxed."""
    coldest: float = 1e-6
    """Where cooling ends: below, rounding is felt in policies, 1e-16 / temperature."""
    quiet: float = 1e-3
    """The warmest temperature that is tried where colder steps only shake."""
    shaking: float = 0.5
    """Ratio of two steps in turn above which they shake: they do not shrink."""
    trials: int = 3
    """Steps at one temperature before the next one is tried."""
    stretch: float = 4.0
    """Where nothing colder is left, centers run ahead: each time this many times farther."""
    furthest: float = 1000.0
    straight: float = 0.5
    """Cosine between two steps above which the center runs ahead."""
    max_rescues: int = 5
    """Rounds of damped Picard sweeps before the method gives up."""

    def __post_init__(self) -> None:
        _check(self)


def _check(options: PathOptions | ProximalOptions) -> None:
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if field.type is int:
            inputs.integer(field.name, value, 1)
        else:
            checks.positive(field.name, value)
