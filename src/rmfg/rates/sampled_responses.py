"""Estimates where nothing can be proved: soft responses at sampled mean fields, and close to them."""

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
from rmfg.operators.bellman_newton import Point, nature_answers, solve_bellman
from rmfg.operators.response import absolute_tolerance
from rmfg.operators.robust_mdp import RobustMDP

# What soft values are solved to, relative to the range of values.
TOLERANCE = 1e-12
# The share of the way to another mean field: small enough for a slope, far above what is solved to.
NEARBY = 1e-3


class SampledResponse(NamedTuple):
    """What agents and nature answer to a mean field."""

    mean_field: Float[np.ndarray, "..."]
    mdp: RobustMDP
    point: Point


class SampledResponses:
    """Soft responses at mean fields drawn from a seed, solved when they are first needed."""

    def __init__(
        self,
        problem: Problem,
        temperature: float,
        num_samples: int,
        seed: int,
        near: Array | None = None,
    ):
        self.problem, self.temperature = problem, temperature
        uniform = np.asarray(uniform_mean_field(problem.game))
        self.mean_fields = _sampled_mean_fields(uniform, num_samples, seed, near)

    @property
    def reason(self) -> str:
        """Where an estimate comes from."""
        return f"nature's answers at {len(self.mean_fields)} laws"

    def support(self) -> float:
        """The largest slope seen of the support function, at the values of a sample."""
        slopes = [
            np.abs(
                there.point.worst_case.worst - nature_answers(here.mdp, there.point.value).worst
            ).max()
            / _distance(here, there)
            for here, there in self._pairs
        ]
        return float(np.max(slopes, initial=0))

    def worst_kernel(self) -> float:
        """The largest slope seen of nature's kernel, in L1."""
        slopes = [
            _kernel_distance(here, there) / _distance(here, there) for here, there in self._pairs
        ]
        return float(np.max(slopes, initial=0))

    def dobrushin(self) -> float:
        """The largest Dobrushin coefficient seen of nature's kernel."""
        found = [dobrushin(here.point.worst_case.kernel) for here, _ in self._pairs]
        return float(np.max(found, initial=0))

    @functools.cached_property
    def _pairs(self) -> list[tuple[SampledResponse, SampledResponse]]:
        """Each sample with the next one, and with one close by in that direction."""
        samples: list[SampledResponse] = []
        for number, mean_field in enumerate(self.mean_fields):
            report(number, {"of": len(self.mean_fields)})
            start = samples[-1].point.value if samples else None
            samples.append(self._response(mean_field, start))
        pairs = list(itertools.pairwise(samples))
        for here, there in itertools.pairwise(samples):
            nearby = here.mean_field + NEARBY * (there.mean_field - here.mean_field)
            pairs.append((here, self._response(nearby, here.point.value)))
        return pairs

    def _response(
        self, mean_field: Float[np.ndarray, "..."], start: Float[Array, " S"] | None = None
    ) -> SampledResponse:
        mdp = RobustMDP.at(self.problem.game, self.problem.ambiguity, jnp.asarray(mean_field))
        start = np.zeros(self.problem.game.num_states) if start is None else start
        tolerance = absolute_tolerance(mdp, TOLERANCE)
        point = solve_bellman(mdp, start, tolerance, None, self.temperature).point
        check_time()
        return SampledResponse(mean_field, mdp, point)


def _distance(here: SampledResponse, there: SampledResponse) -> float:
    """The L1 distance between two mean fields."""
    return np.abs(there.mean_field - here.mean_field).sum()


def _kernel_distance(here: SampledResponse, there: SampledResponse) -> float:
    """The largest L1 distance between rows of nature's two kernels."""
    before, after = aligned(here.point.worst_case.kernel, there.point.worst_case.kernel)
    return float(np.abs(np.asarray(before - after)).sum(axis=0).max())


def _sampled_mean_fields(
    uniform: Float[np.ndarray, "..."], count: int, seed: int, near: Array | None
) -> Float[np.ndarray, "N ..."]:
    """The uniform mean field, the one given, point masses, and draws near and far from the uniform."""
    random, size = np.random.default_rng(seed), uniform.size
    # A pair of a state and an action that it does not have never holds mass.
    places = np.flatnonzero(uniform)

    def dirichlet(weight: float) -> Float[np.ndarray, " N"]:
        mean_field = np.zeros(size)
        mean_field[places] = random.dirichlet(np.full(places.size, weight))
        return mean_field

    def drawn() -> Iterator[Float[np.ndarray, " N"]]:
        yield uniform.ravel()
        if near is not None:
            yield np.asarray(near).ravel()
        while True:
            yield np.eye(size)[places[random.integers(places.size)]]
            yield dirichlet(1.0)
            yield dirichlet(0.3)

    found: list[np.ndarray] = []
    for mean_field in drawn():
        # Two samples at one place have no slope. A draw of Dirichlet's law can underflow to NaN.
        if np.isfinite(mean_field).all() and not any(
            np.abs(mean_field - other).sum() < NEARBY for other in found
        ):
            found.append(mean_field)
        if len(found) == count or size == 1:
            return np.array(found).reshape(-1, *uniform.shape)
    raise AssertionError("unreachable")
