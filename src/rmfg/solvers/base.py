"""What a solver is: three pure functions on a frozen state. The loop around them stands once, in
`rmfg.solvers.loop`; nothing here stops, prints, measures time or certifies.

To add a solver: subclass `Solver`, give `init`, `step` and `candidate`, keep in the state both the
point and its image, and put the update, its limits and its source in the docstring. By hand:

    problem = rmfg.Problem(game, rmfg.TotalVariation(0.1))
    state = solver.init(problem, guess)
    for _ in range(100):
        state = solver.step(problem, state)
    candidate = solver.candidate(problem, state)
"""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import checks, inputs
from rmfg.core.deadline import check_time
from rmfg.core.precision import Array, Number
from rmfg.model.game import checked_mean_field, uniform_mean_field, uniform_policy
from rmfg.model.kernel import Kernel
from rmfg.model.problem import Candidate, Problem
from rmfg.operators.bellman_newton import Point, solve_bellman
from rmfg.operators.response import absolute_tolerance
from rmfg.operators.robust_mdp import NonFiniteError, finite_at
from rmfg.operators.stationary import stationary_distribution
from rmfg.rates.contraction import Contraction

# Best responses inside a solver: far below any tolerance a solver is asked for.
RESPONSE_TOLERANCE = 1e-12
# A step is made shorter by at most a million where the game is not finite at its end.
HALVINGS = 20
COLDEST = 1e-300

Moved = TypeVar("Moved")


class Solver(eqx.Module):
    """A method that improves a guess of the population step by step."""

    @abc.abstractmethod
    def init(self, problem: Problem, guess: Float[Array, "..."]) -> Any:
        """Return the first state, from a guess of the mean field."""

    @abc.abstractmethod
    def step(self, problem: Problem, state: Any) -> Any:
        """Return the next state."""

    @abc.abstractmethod
    def candidate(self, problem: Problem, state: Any) -> Candidate:
        """Return what the state claims to be an equilibrium."""

    def arriving(self, state: Any) -> bool:
        """Whether the state's candidate is worth measuring: false on the way to a neighborhood."""
        return True

    def finished(self, state: Any) -> bool:
        """Whether the method has given up: nothing more is to be expected of it."""
        return False

    def residual(self, state: Any) -> float | None:
        """Return how far the state's point is from its image, where that is what converges."""
        return None

    def potential(self, problem: Problem, state: Any) -> Float[np.ndarray, " S"] | None:
        """Return how nature mixes at ties, where the method knows: her smooth answer to it."""
        return None

    def account(self, state: Any) -> str:
        """Return what the method chose to do and why, where it had a choice."""
        return ""

    def guarantee(self, problem: Problem, candidate: Candidate) -> Contraction | None:
        """Return what is known of the method's convergence on a problem, where there is a theory."""
        return None

    def __str__(self) -> str:
        """The call that makes this solver."""
        fields = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        plain = (bool, str, int, float, np.ndarray, np.generic, Solver)
        shown = ((name, value) for name, value in fields if isinstance(value, (*plain, jax.Array)))
        given = (f"{name}={_plain(value)}" for name, value in shown)
        return f"{type(self).__name__}({', '.join(given)})"


class Response(NamedTuple):
    """What agents and nature do at a mean field, and the kernel by which the population moves."""

    policy: Float[Array, "S A"]
    value: Float[Array, " S"]
    nominal: Kernel
    nature: Kernel
    mover: Kernel


def respond(
    problem: Problem,
    mean_field: Float[Array, "..."],
    start: Float[Array, " S"],
    temperature: Float[Array, ""] | None = None,
) -> Response:
    """Return the best response at a mean field, or the soft one at a temperature.

    Raises NonFiniteError where the game is not finite, and TimeIsUp.
    """
    mdp = finite_at(problem.game, problem.ambiguity, mean_field)
    tolerance = absolute_tolerance(mdp, RESPONSE_TOLERANCE)
    point = finite(solve_bellman(mdp, start, tolerance, None, temperature).point)
    nature = point.worst_case.kernel
    return Response(
        point.policy, point.value, mdp.kernel, nature, problem.mover(mdp.kernel, nature)
    )


def finite(point: Point) -> Point:
    """Refuse a solution that is none: of numbers that are not finite, or cut short by the clock."""
    if not np.isfinite(point.residual):
        raise NonFiniteError("values are not finite at a mean field that the solver visited")
    check_time()
    return point


def nearest_finite(attempt: Callable[[float], Moved]) -> Moved:
    """What a whole step leads to, or half of it as often as the game is not finite there.

    `attempt` makes the given share of the step, from a point where the game is finite.
    """
    for halvings in range(HALVINGS):
        try:
            return attempt(0.5**halvings)
        except NonFiniteError:
            check_time()
    return attempt(0.5**HALVINGS)


def checked_temperature(value: Number) -> np.ndarray:
    """Refuse a temperature that is not positive, or whose reciprocal is not a number any more."""
    number = checks.positive("temperature", value)
    if not COLDEST <= number <= 1 / COLDEST:
        raise ValueError(
            f"`temperature` must lie between {COLDEST:g} and {1 / COLDEST:g}, but is "
            f"{float(number):g}: values are divided by it. Without a temperature, responses are exact."
        )
    return number


def long_run(response: Response, initial: Float[Array, " S"]) -> Float[Array, " S"]:
    """The population's stationary law when the response is kept up forever."""
    mover = response.mover
    policy, start = np.asarray(response.policy), np.asarray(initial)
    # Averages of laws drift from one by rounding; the law of the start only weighs the classes.
    return jnp.asarray(stationary_distribution(mover, policy, initial=start / start.sum()))


def first_guess(problem: Problem, initial: Any) -> Float[np.ndarray, "..."]:
    """The mean field to begin with: the caller's, else the game's, else the uniform law."""
    game = problem.game
    if isinstance(initial, Equilibrium):
        initial = initial.mean_field
    if initial is None and game.initial is not None:
        initial = game.initial
    if initial is None:
        return np.asarray(uniform_mean_field(game))
    guess = inputs.real("initial", initial)
    if guess.shape == (game.num_states,) and game.mean_field == "state-action":
        distribution = np.asarray(checks.distribution("initial", initial, game.num_states))
        return distribution[:, None] * uniform_policy(game)
    return np.asarray(checked_mean_field(game, initial, "initial"))


def distribution_of(mean_field: Float[Array, "..."]) -> Float[Array, " S"]:
    """The law over states that a mean field of either kind holds."""
    return mean_field if mean_field.ndim == 1 else jnp.sum(mean_field, axis=1)


def _plain(value: Any) -> str:
    number = isinstance(value, np.ndarray | jnp.ndarray) and value.ndim == 0
    return f"{float(value):g}" if number else str(value)
