"""Estimates where nothing can be proved: soft responses at sampled laws, and at laws beside them."""

import functools
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.deadline import check_time
from rmfg.core.meter import report
from rmfg.core.precision import Array
from rmfg.model.dobrushin import dobrushin
from rmfg.model.game import uniform_mean_field
from rmfg.model.kernel import aligned
from rmfg.model.problem import Problem
from rmfg.operators.newton import Point, nature_answers, solve_bellman
from rmfg.operators.response import absolute_tolerance
from rmfg.operators.robust_mdp import RobustMDP

TOLERANCE = 1e-12
# Small enough for a slope, and far above the responses' error.
BESIDE = 1e-3


class Probe(NamedTuple):
    """What agents and nature do at a law."""

    law: Float[np.ndarray, "..."]
    mdp: RobustMDP
    point: Point


class Probes:
    """Soft responses at laws drawn from a seed; solved when they are first needed."""

    def __init__(
        self,
        problem: Problem,
        temperature: float,
        num_samples: int,
        seed: int,
        near: Array | None = None,
    ):
        self.problem, self.temperature = problem, temperature
        self.laws = _laws(np.asarray(uniform_mean_field(problem.game)), num_samples, seed, near)

    @property
    def reason(self) -> str:
        """Where an estimate comes from."""
        return f"nature's answers at {len(self.laws)} laws"

    def support(self) -> float:
        """The largest slope seen of the support function at the values of a law."""
        quotients = [
            np.abs(
                there.point.answer.worst - nature_answers(here.mdp, there.point.value).worst
            ).max()
            / np.abs(there.law - here.law).sum()
            for here, there in self._pairs
        ]
        return float(np.max(quotients, initial=0))

    def worst_kernel(self) -> float:
        """The largest slope seen of nature's answer, in L1."""
        quotients = [
            _apart(here, there) / np.abs(there.law - here.law).sum() for here, there in self._pairs
        ]
        return float(np.max(quotients, initial=0))

    def mixing(self) -> float:
        """The largest Dobrushin coefficient seen of nature's answer."""
        found = [dobrushin(here.point.answer.kernel) for here, _ in self._pairs]
        return float(np.max(found, initial=0))

    @functools.cached_property
    def _pairs(self) -> list[tuple[Probe, Probe]]:
        """Each law with the next one, and with a law close by in that direction."""
        probes: list[Probe] = []
        for number, law in enumerate(self.laws):
            report(number, {"of": len(self.laws)})
            probes.append(self._probe(law, probes[-1].point.value if probes else None))
        pairs = list(itertools.pairwise(probes))
        for here, there in itertools.pairwise(probes):
            beside = here.law + BESIDE * (there.law - here.law)
            pairs.append((here, self._probe(beside, here.point.value)))
        return pairs

    def _probe(
        self, law: Float[np.ndarray, "..."], start: Float[Array, " S"] | None = None
    ) -> Probe:
        mdp = RobustMDP.at(self.problem.game, self.problem.ambiguity, jnp.asarray(law))
        start = np.zeros(self.problem.game.num_states) if start is None else start
        tolerance = absolute_tolerance(mdp, TOLERANCE)
        point = solve_bellman(mdp, start, tolerance, None, self.temperature).point
        check_time()
        return Probe(law, mdp, point)


def _apart(here: Probe, there: Probe) -> float:
    """The largest L1 distance between rows of nature's two answers."""
    before, after = aligned(here.point.answer.kernel, there.point.answer.kernel)
    return float(np.abs(np.asarray(before - after)).sum(axis=0).max())


def _laws(
    uniform: Float[np.ndarray, "..."], count: int, seed: int, near: Array | None
) -> Float[np.ndarray, "N ..."]:
    """The uniform law, the one given, point masses, and laws with much and with little spread."""
    random, size = np.random.default_rng(seed), uniform.size
    # Nobody plays actions that a state does not have.
    places = np.flatnonzero(uniform)

    def spread(weight: float) -> Float[np.ndarray, " N"]:
        law = np.zeros(size)
        law[places] = random.dirichlet(np.full(places.size, weight))
        return law

    def drawn() -> Iterator[Float[np.ndarray, " N"]]:
        yield uniform.ravel()
        if near is not None:
            yield np.asarray(near).ravel()
        while True:
            yield np.eye(size)[places[random.integers(places.size)]]
            yield spread(1.0)
            yield spread(0.3)

    found: list[np.ndarray] = []
    for law in drawn():
        # Two laws that are one have no slope; the rarest draws are no laws.
        if np.isfinite(law).all() and not any(
            np.abs(law - other).sum() < BESIDE for other in found
        ):
            found.append(law)
        if len(found) == count or size == 1:
            return np.array(found).reshape(-1, *uniform.shape)
    raise AssertionError("unreachable")
