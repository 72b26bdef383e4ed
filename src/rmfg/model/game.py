"""Games: what a very large population plays when its transitions and rewards depend on itself.

A game is (S, A, discount, reward(m), kernel(m)): finite states and actions, and for each mean
field m, the population's law over states (or over state-action pairs), a reward (S, A) to be
maximized and a nominal kernel. Nature's doubts about the kernel are not part of the game: they
are an ambiguity set, chosen when the game is solved.
"""

import abc
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks, inputs
from rmfg.core.memory import affordable
from rmfg.core.precision import Array, Number, as_float, boundary, is_concrete
from rmfg.model.actions import (
    as_mask,
    check_played,
    checked_actions,
    substituted,
    uniform_over,
)
from rmfg.model.kernel import DenseKernel, Kernel, as_kernel, read_only
from rmfg.model.layout import Layout
from rmfg.model.observable import Observable, as_observables, check_observables

# No array of so many numbers fits into a memory.
LARGEST_TABLE = 2**33

MeanFieldKind = Literal["state", "state-action"]


# A table made by a function is there before and after it was checked and normalized.
COPIES = 4


class Lipschitz(NamedTuple):
    """What is proved of how a game moves with its mean field; None where nothing is.

    For any two mean fields at an L1 distance d, no reward changes by more than `reward` * d
    (infinity says nothing), and no row of the kernel by more than `kernel` * d in L1. `smallest`
    says that the successors of a row do not depend on the mean field, and that none of them ever
    has a smaller probability.
    """

    reward: float | None = None
    kernel: float | None = None
    smallest: float | None = None


def _converted(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapped(self: "MeanFieldGame", mean_field: Array) -> Any:
        # NumPy in, NumPy out of the caller's function; inside it only JAX operations are assumed.
        field = jnp.asarray(inputs.real("mean_field", mean_field))
        shape = self.mean_field_shape
        checks.shaped("mean_field", field, shape, f"the {self.mean_field} law")
        found = substituted(inputs.called(name, method, self, field), self.actions)
        return RESULTS[name](found, field)

    return wrapped


def _kernel_from(result: Any, field: Array) -> Kernel:
    """The kernel that a function returned, in the precision of its argument."""
    if not isinstance(result, Kernel):
        array = _returned("kernel", result, "(states, actions, next states)")
        with inputs.named("kernel"):
            result = DenseKernel(array)
    dtype = jnp.result_type(field.dtype, float)
    if result.law.dtype == dtype:
        return result
    rounding = float(jnp.finfo(result.law.dtype).eps)
    law = jnp.asarray(result.law, dtype)
    # Rounding in a narrower type is not rounding here; more than that is left for checks to see.
    totals = jnp.sum(law, axis=0)
    laws = jnp.abs(totals - 1) <= law.shape[0] * rounding
    law = jnp.where(laws, law / jnp.where(laws, totals, 1), law)
    return eqx.tree_at(lambda kernel: kernel.law, result, law)


def _reward_from(result: Any, field: Array) -> Array:
    """The reward that a function returned, in the precision of its argument."""
    array = _returned("reward", result, "(states, actions)")
    return array if isinstance(array, np.ndarray) else array.astype(jnp.result_type(field, float))


def _returned(name: str, result: Any, shape: str) -> Array:
    try:
        return inputs.real(name, result)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"`{name}` must return an array {shape} of real numbers, but returned "
            f"{inputs.described(result)}."
        ) from error


RESULTS = {"kernel": _kernel_from, "reward": _reward_from}


def _flatten(game: "MeanFieldGame") -> tuple[tuple[Any, ...], tuple[str, ...]]:
    attributes = vars(game)
    return tuple(attributes.values()), tuple(attributes)


def _unflatten(cls: type, names: tuple[str, ...], values: tuple[Any, ...]) -> "MeanFieldGame":
    game = object.__new__(cls)
    vars(game).update(zip(names, values, strict=True))
    return game


class MeanFieldGame(abc.ABC):
    """A mean-field game: subclass it and give `kernel(m)`, `reward(m)` and the three sizes.

    `num_states`, `num_actions` and `discount` are class attributes or set in `__init__`.
    `mean_field` says what m is: "state", an array (S,), or "state-action", an array (S, A).
    Both methods must be traceable by JAX; `kernel` may return an array (S, A, S) or a `Kernel`.
    Attributes may be changed between solves: arrays are passed to compiled code as arguments, and
    any other change compiles anew, so that no stale number survives. `lipschitz` is for constants
    that somebody proved: `rmfg.contraction` believes them. `observables` maps names to functions
    of the mean field that people watch, or to an `Observable` that also says their unit.

    Where not every state has all actions, `actions` (S, A) says which there are. What the methods
    return for other pairs is not read, and may be anything: both give a copy of the state's first
    action there.
    """

    num_states: int
    num_actions: int
    discount: float
    mean_field: MeanFieldKind = "state"
    initial: Array | None = None
    actions: Array | None = None
    state_names: Sequence[str] | None = None
    action_names: Sequence[str] | None = None
    name: str | None = None
    layout: Layout | None = None
    lipschitz: Lipschitz | None = None
    observables: Mapping[str, Observable | Callable[[Any], Any]] = MappingProxyType({})
    # A game read back with an answer is the one at the answer's mean field, at all of them.
    frozen: bool = False
    recipe: tuple[Any, ...] | None = None  # how a named game was made, kept with saved answers

    @abc.abstractmethod
    def kernel(self, mean_field: Float[Array, "..."]) -> Any:
        """Return the nominal kernel at the mean field: a `Kernel`, or an array (S, A, S)."""

    @abc.abstractmethod
    def reward(self, mean_field: Float[Array, "..."]) -> Any:
        """Return the reward, an array (S, A), at the mean field."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let users return plain arrays, call with NumPy, and pass games to compiled code."""
        for name in RESULTS:
            if name in vars(cls):
                setattr(cls, name, boundary(_converted(name, vars(cls)[name])))
        jax.tree_util.register_pytree_node(cls, _flatten, functools.partial(_unflatten, cls))

    def __repr__(self) -> str:
        """Return one line, also for a game that is not made to the end."""
        about = vars(self)
        sizes = f"{about.get('num_states', '?')} states, {about.get('num_actions', '?')} actions"
        return f"<{type(self).__name__} {self.name or ''}: {sizes}>".replace(" :", ":")

    @property
    def mean_field_shape(self) -> tuple[int, ...]:
        """The shape of the mean field: (S,) or (S, A)."""
        if self.mean_field == "state-action":
            return (self.num_states, self.num_actions)
        return (self.num_states,)

    def mean_field_of(
        self, distribution: Float[Array, " S"], policy: Float[Array, "S A"]
    ) -> Float[Array, "..."]:
        """Return the mean field of a population with this law that plays this policy."""
        return distribution[:, None] * policy if self.mean_field == "state-action" else distribution


def _evaluated(name: str, function: Callable[[Any], Any], mean_field: Array) -> Any:
    """What a user's function of the mean field gives, named where it fails."""
    return RESULTS[name](inputs.called(name, function, mean_field), mean_field)


# Compiled once instead of operation by operation.
_compiled = eqx.filter_jit(_evaluated)


class TabularGame(MeanFieldGame):
    """A game given by arrays, or by functions of the mean field that JAX can trace.

    `kernel`: an array (S, A, S), a `DenseKernel`, a `SparseKernel`, or a function m -> one of them.
    `reward`: an array (S, A), or a function m -> (S, A). Sizes are read off the two at the uniform
    mean field; `num_states` and `num_actions` are needed only where both are functions.
    `lipschitz` holds proved constants of the functions (`Lipschitz`), if there are any. `actions`
    (S, A), booleans, says which actions each state has; numbers for other pairs are not read.
    `observables` maps names to functions of the mean field that people watch, or to `Observable`s.
    Arrays are copied. What a function closes over is read when JAX traces it, once: where that is to
    change between solves, make a new game, or a subclass whose attributes change.
    Raises ValueError where shapes disagree, rows are not laws or numbers are not finite.
    """

    def __init__(
        self,
        kernel: Array | Kernel | Callable[[Any], Any],
        reward: Array | Callable[[Any], Any],
        discount: Number,
        *,
        mean_field: MeanFieldKind = "state",
        initial: Array | None = None,
        actions: Any = None,
        state_names: Sequence[str] | None = None,
        action_names: Sequence[str] | None = None,
        name: str | None = None,
        layout: Layout | None = None,
        lipschitz: Lipschitz | None = None,
        observables: Mapping[str, Observable | Callable[[Any], Any]] | None = None,
        num_states: int | None = None,
        num_actions: int | None = None,
    ):
        self.discount = checks.discount(discount)
        inputs.word("mean_field", mean_field, ("state", "state-action"))
        self.mean_field = mean_field
        self.name = None if name is None else inputs.instance("name", name, str, "a string")
        self.layout = inputs.instance(
            "layout", layout, Layout | None, "a layout of rmfg.model.layout"
        )
        self.lipschitz = None if lipschitz is None else _proved(lipschitz)
        mask = None if actions is None else as_mask(actions)
        if mask is not None and not callable(kernel) and not isinstance(kernel, Kernel):
            kernel = inputs.real("kernel", kernel)
        self._kernel = _as_given(kernel if callable(kernel) else substituted(kernel, mask))
        self._reward = _as_reward(reward)
        self.num_states, self.num_actions = self._sizes(num_states, num_actions)
        if mask is not None:
            self.actions = checked_actions(mask, self.num_states, self.num_actions)
        self.initial = None if initial is None else self._start(initial)
        self.state_names = _names("state_names", state_names, self.num_states)
        self.action_names = _names("action_names", action_names, self.num_actions)
        self.observables = {} if observables is None else as_observables(observables)
        check_game(self)

    def kernel(self, mean_field: Float[Array, "..."]) -> Any:
        given = self._kernel
        return _compiled("kernel", given, mean_field) if callable(given) else given

    def reward(self, mean_field: Float[Array, "..."]) -> Any:
        given = self._reward
        return _compiled("reward", given, mean_field) if callable(given) else given

    @classmethod
    def from_functions(
        cls,
        transition: Callable[..., Any],
        reward: Callable[..., Any],
        num_states: int,
        num_actions: int,
        discount: Number,
        **options: Any,
    ) -> "TabularGame":
        """Make a game from functions of one state and one action.

        `transition(s, a, m)` returns the law (S,) of the next state and `reward(s, a, m)` a number;
        JAX traces both with integer arrays s and a. `options` are those of `TabularGame`.
        """
        sizes = {
            "num_states": inputs.integer("num_states", num_states, 1),
            "num_actions": inputs.integer("num_actions", num_actions, 1),
        }
        count, width = sizes.values()
        if count * count * width > LARGEST_TABLE:
            raise ValueError(
                f"`num_states` = {count:g} and `num_actions` = {width:g} make a table of "
                f"{count * count * width:.1e} probabilities, more than {LARGEST_TABLE:.1e}. Give a "
                "`SparseKernel`, or a function of the mean field that returns one."
            )
        affordable("num_states and num_actions", COPIES * count * count * width)
        states, actions = np.arange(count), np.arange(width)

        def table(
            name: str, function: Callable[..., Any], shape: tuple[int, ...], what: str
        ) -> Callable[[Any], Any]:
            inputs.function_of(name, function, "s", "a", "m")

            def one(s: Array, a: Array, m: Array) -> Array:
                found = _returned(name, inputs.called(name, function, s, a, m), what)
                return jnp.asarray(checks.shaped(name, found, shape, what))

            over_actions = jax.vmap(one, in_axes=(None, 0, None))
            over_states = jax.vmap(over_actions, in_axes=(0, None, None))
            return lambda m: over_states(states, actions, m)

        laws = table("transition", transition, (count,), "(next states,)")
        payoffs = table("reward", reward, (), "(), one number")
        try:
            return cls(laws, payoffs, discount, **sizes, **options)
        except ValueError as error:
            raise ValueError(str(error).replace("`kernel`", "`transition`")) from error

    def _start(self, initial: Any) -> Array:
        """A copy of a law over states."""
        return read_only(checks.distribution("initial", initial, self.num_states))

    def _sizes(self, num_states: int | None, num_actions: int | None) -> tuple[int, int]:
        sizes = {"num_states": num_states, "num_actions": num_actions}
        given = [
            None if size is None else inputs.integer(name, size, 1, LARGEST_TABLE)
            for name, size in sizes.items()
        ]
        source = "kernel" if isinstance(self._kernel, Kernel) else "reward"
        if isinstance(self._kernel, Kernel):
            found = (self._kernel.num_states, self._kernel.num_actions)
        elif not callable(self._reward):
            found = (self._reward.shape[0], self._reward.shape[1])
        elif given[0] is None or given[1] is None:
            raise ValueError(
                "`num_states` and `num_actions` must be given where both `kernel` and `reward` are "
                "functions of the mean field: TabularGame(..., num_states=S, num_actions=A)."
            )
        else:
            found = (given[0], given[1])
        for name, size, real in zip(sizes, given, found, strict=True):
            if size is not None and size != real:
                raise ValueError(f"`{name}` is {size}, but `{source}` says {real}.")
        return found


def uniform_policy(game: MeanFieldGame) -> Float[np.ndarray, "S A"]:
    """All actions alike that a state has."""
    return uniform_over(game.actions, game.num_states, game.num_actions)


def first_mean_field(game: MeanFieldGame) -> Float[Array, "..."]:
    """Where the population begins if nobody says more: at `initial` with the uniform policy."""
    if game.initial is None:
        return uniform_mean_field(game)
    law = as_float(game.initial)
    return law[:, None] * uniform_policy(game) if game.mean_field == "state-action" else law


def uniform_mean_field(game: MeanFieldGame) -> Float[Array, "..."]:
    """The uniform law over states of the kind that the game reads, with the uniform policy."""
    if game.mean_field == "state-action":
        return uniform_policy(game) / game.num_states
    return np.full(game.num_states, 1 / game.num_states)


def checked_game(game: Any) -> MeanFieldGame:
    """Refuse what is no game."""
    way_out = "Make one with rmfg.TabularGame or rmfg.zoo.make."
    return inputs.instance("game", game, MeanFieldGame, "a rmfg.MeanFieldGame", way_out)


def checked_mean_field(game: MeanFieldGame, mean_field: Any, name: str = "mean_field") -> Array:
    """Refuse what is no law of the kind that the game reads; return it normalized."""
    array = inputs.real(name, mean_field)
    checks.shaped(name, array, game.mean_field_shape, f"the {game.mean_field} law")
    laws = checks.laws(name, array.reshape(-1), (), inputs.precision_of(mean_field))
    field = laws.reshape(game.mean_field_shape)
    if field.ndim == 2:
        check_played(name, field, game.actions)
    return field


def check_sizes(game: MeanFieldGame) -> None:
    """Check what a game says of itself, without asking for rewards or kernels."""
    checked_game(game)
    for attribute in ("num_states", "num_actions", "discount"):
        if not hasattr(game, attribute):
            raise ValueError(
                f"`{attribute}` is missing from {type(game).__name__}: set it as a class "
                "attribute or in `__init__`."
            )
    count, width = (
        inputs.integer(name, size, 1, LARGEST_TABLE)
        for name, size in (("num_states", game.num_states), ("num_actions", game.num_actions))
    )
    if count * width > LARGEST_TABLE:
        raise ValueError(
            f"`num_states` = {count:g} times `num_actions` = {width:g} is more than {LARGEST_TABLE:g}."
        )
    checks.discount(game.discount)
    inputs.word("mean_field", game.mean_field, ("state", "state-action"))
    if game.initial is not None:
        checks.distribution("initial", game.initial, game.num_states)
    if game.actions is not None and is_concrete(game.actions):
        checked_actions(game.actions, game.num_states, game.num_actions)


def check_game(game: MeanFieldGame, mean_field: Array | None = None) -> None:
    """Check a game at a mean field: sizes, shapes, laws, finiteness.

    By default where it says that the population begins (`initial`), else at the uniform mean field.
    Raises ValueError with the place and the value. Done once for every game before it is solved.
    """
    check_sizes(game)
    field = first_mean_field(game) if mean_field is None else mean_field
    if not is_concrete(field, game):
        return
    if game.mean_field == "state-action":
        check_played("mean_field", field, game.actions)
    reward, kernel = game.reward(field), game.kernel(field)
    shape = (game.num_states, game.num_actions)
    checks.shaped("reward", reward, shape, "(states, actions)")
    checks.finite("reward", reward, ("s", "a"))
    sizes = (kernel.num_states, kernel.num_actions)
    if sizes != shape:
        raise ValueError(
            f"`kernel` has (states, actions) = {sizes}, but the game has {shape}. "
            "Check the order of the axes: (state, action, next state)."
        )
    with inputs.named("kernel"):
        kernel.check()
    # Elsewhere than where the game begins they may have no value: nothing is computed from them.
    check_watched(game, field, finite=mean_field is None)


def check_watched(game: MeanFieldGame, mean_field: Array, finite: bool = False) -> None:
    """Check the observables of a game at a mean field."""
    parts = {} if game.layout is None else game.layout.parts
    sizes = {"state": game.num_states, "action": game.num_actions, **parts}
    check_observables(game.observables, mean_field, sizes, finite)


def _proved(lipschitz: Lipschitz) -> Lipschitz:
    inputs.instance("lipschitz", lipschitz, Lipschitz, "a rmfg.Lipschitz")
    if lipschitz.reward == math.inf:  # says nothing
        lipschitz = lipschitz._replace(reward=None)
    for name, number in lipschitz._asdict().items():
        if number is not None:
            inputs.number(f"lipschitz.{name}", number, 0.0)
    return lipschitz


def _as_given(kernel: Any) -> Any:
    """A kernel, or a function of the mean field."""
    if isinstance(kernel, Kernel):
        return kernel
    if callable(kernel):
        return inputs.function_of("kernel", kernel, "mean_field")
    return as_kernel(kernel)


def _as_reward(reward: Any) -> Any:
    """A copy of an array (S, A), or a function of the mean field."""
    if callable(reward):
        return inputs.function_of("reward", reward, "mean_field")
    array = inputs.real("reward", reward)
    if array.ndim != 2:
        raise ValueError(
            f"`reward` must have shape (states, actions), but has shape {tuple(array.shape)}. "
            "A reward r(s, a, next) becomes r(s, a) by taking its nominal mean over next."
        )
    return read_only(array) if is_concrete(array) else array


def _names(argument: str, names: Sequence[str] | None, count: int) -> tuple[str, ...] | None:
    if names is None:
        return None
    try:
        listed = None if isinstance(names, str | bytes | dict) else list(names)
    except Exception:  # whatever somebody's iterator raises
        listed = None
    if listed is None:
        raise TypeError(
            f"`{argument}` must be a list of {count} names, but is {inputs.described(names)}."
        )
    names = listed
    if len(names) != count:
        raise ValueError(f"`{argument}` must have {count} entries, but has {len(names)}.")
    return tuple(str(name) for name in names)
