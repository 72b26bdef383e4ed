"""N agents and nature, simulated: agent by agent, or by how many are where.

All agents play the same policy, move independently given the empirical law of the moment, and nature
answers at that law. Where nobody's name matters, the numbers of agents in the states are a Markov
chain of their own: those in s divide by a multinomial over actions, and those in (s, a) by one over
successors. That costs the same for a thousand agents and for 10^9.

In games whose mean field is a law over states and actions, actions enter it by their expectation under
the policy.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
from jaxtyping import Float, Int

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.core.memory import affordable
from rmfg.core.meter import Meter, metered, report
from rmfg.core.precision import Array, Number
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame, checked_game
from rmfg.model.kernel import Kernel
from rmfg.population.counts import normalized
from rmfg.population.dynamics import Dynamics, check_finite
from rmfg.population.setting import setting

if TYPE_CHECKING:
    import xarray

METHODS = ("auto", "agents", "counts")
# Agents one by one cost memory for each; beyond so many in all runs only their numbers are kept.
MOST_AGENTS = 100_000
# Numbers that a step holds for each agent: its state, draws, and where it may go.
NUMBERS_OF_AN_AGENT = 4
MOST_RECORDED = 200_000_000
CONFIDENCE = 0.95


class Record(NamedTuple):
    """What is kept of a simulation: laws before each step and after the last, actions, returns."""

    laws: Float[np.ndarray, "R T+1 S"]
    actions: Float[np.ndarray, "R T A"]
    returns: Float[np.ndarray, " R"]
    agents: tuple[Int[np.ndarray, "R T+1 N"], Int[np.ndarray, "R T N"]] | None


def simulate(
    game: MeanFieldGame,
    policy: Float[Array, "S A"] | Equilibrium,
    num_agents: Number,
    num_steps: Number,
    *,
    nature: str | Kernel | Array | None = None,
    ambiguity: Ambiguity | None = None,
    initial: Array | Sequence[float] | None = None,
    num_runs: Number = 1,
    seed: int = 0,
    method: str = "auto",
    keep_agents: bool = False,
    progress: bool | Meter = False,
) -> "xarray.Dataset":
    """Let N agents play a policy, nature answering at their empirical law, and record what happens.

    `policy` is an array (S, A) or an equilibrium, which brings its ambiguity set, law and values
    along. `nature` is "nominal", "worst_case" (at the empirical law, for the equilibrium's values or
    the policy's own), "random" (a kernel inside the set, drawn anew in each step), "adversary" (the
    worst case for the policy's values at the current law, found in each step), or a kernel;
    by default who moves the equilibrium's population, or the worst case where there is an ambiguity
    set. Agents start independently from
    `initial`: the equilibrium's law, the game's, or the uniform one.

    `method` "agents" moves each agent, "counts" the numbers in the states; the two have the same
    law. `keep_agents` records every agent's states and actions. Equal seeds give equal numbers.
    `progress` shows how far the work is on a terminal, or tells a meter.

    Returns a dataset with the empirical laws (run, time, state), the shares of actions (run, time,
    action), the mean agent's discounted return of each run over `num_steps` steps, their mean with
    a 95% interval, and the laws' L1 distance from the law at the start.
    Raises ValueError for wrong input before any work is done.
    """
    checked_game(game)
    sizes = {"num_agents": num_agents, "num_steps": num_steps, "num_runs": num_runs}
    agents, steps, runs = (whole(name, number) for name, number in sizes.items())
    inputs.word("method", method, METHODS)
    inputs.flag("keep_agents", keep_agents)
    seed = inputs.integer("seed", seed)
    given = setting(game, policy, ambiguity, initial, nature)
    if method == "auto":
        few = agents * runs <= MOST_AGENTS
        method = "agents" if keep_agents or few else "counts"
    if keep_agents and method == "counts":
        raise ValueError('`keep_agents` needs `method="agents"`: counts do not know who is where.')
    if method == "agents":
        affordable("num_agents", NUMBERS_OF_AN_AGENT * agents * runs, "moving each agent")
    check_recorded(
        runs, steps, *((agents, "agents") if keep_agents else (game.num_states, "states"))
    )
    with jax.enable_x64(True), metered(progress):
        moving = given.dynamics()
        engine = _Agents(moving, keep_agents) if method == "agents" else _Counts(moving)
        record = _run(engine, given.law, agents, steps, runs, int(seed))
    name = given.nature if isinstance(given.nature, str) else "kernel"
    facts = {"num_agents": agents, "nature": name, "method": method, "seed": int(seed)}
    return _dataset(game, given.policy, given.law, record, facts)


def check_recorded(runs: int, steps: int, width: int, what: str = "states") -> None:
    """Refuse to record more than fits."""
    recorded = runs * (steps + 1) * width
    if recorded > MOST_RECORDED:
        raise ValueError(
            f"`num_runs` x `num_steps` x {what} = {recorded:g} numbers would be recorded, more than "
            f"{MOST_RECORDED:g}. Simulate fewer runs at a time."
        )


def whole(name: str, number: Number) -> int:
    """Refuse what is not a whole number of at least one."""
    return inputs.integer(name, number, 1)


class _Agents:
    """Every agent has a state of its own (R, N); JAX draws."""

    def __init__(self, dynamics: Dynamics, keep: bool):
        self.dynamics, self.keep = dynamics, keep
        self.history: list[np.ndarray] = []
        self.taken: list[np.ndarray] = []

    def start(self, law: np.ndarray, agents: int, runs: int, seed: int) -> Any:
        self.key = jax.random.key(seed)
        draws = jax.random.uniform(jax.random.fold_in(self.key, 0), (runs, agents))
        states = jnp.searchsorted(jnp.cumsum(law)[:-1], draws, side="right").astype(jnp.int32)
        self.history.append(np.asarray(states))
        return states

    def counts(self, states: Any) -> Int[np.ndarray, "R S"]:
        return np.asarray(_counted(states, self.dynamics.policy.shape[0]))

    def step(
        self, states: Any, slots: Array, law: Array, number: int
    ) -> tuple[Any, Int[np.ndarray, "R S A"]]:
        keys = jax.random.split(jax.random.fold_in(self.key, number), states.shape[0])
        policy = jnp.asarray(self.dynamics.policy)
        states, actions, pairs = _moved(keys, states, policy, slots, law)
        if self.keep:
            self.history.append(np.asarray(states))
            self.taken.append(np.asarray(actions))
        return states, np.asarray(pairs)

    def record(self) -> tuple[np.ndarray, np.ndarray] | None:
        return (np.stack(self.history, 1), np.stack(self.taken, 1)) if self.keep else None


class _Counts:
    """Numbers of agents in states (R, S); NumPy's multinomials draw, exactly, up to 2^63 agents."""

    def __init__(self, dynamics: Dynamics):
        self.dynamics = dynamics

    def start(self, law: np.ndarray, agents: int, runs: int, seed: int) -> Any:
        self.random = np.random.default_rng(seed)
        return self.random.multinomial(agents, law, size=runs)

    def counts(self, counts: Any) -> Int[np.ndarray, "R S"]:
        return counts

    def step(
        self, counts: Any, slots: Array, law: Array, number: int
    ) -> tuple[Any, Int[np.ndarray, "R S A"]]:
        del number  # the generator remembers
        pairs = self.random.multinomial(counts, normalized(np.asarray(self.dynamics.policy)))
        moved = self.random.multinomial(pairs, normalized(np.moveaxis(np.asarray(law), 1, -1)))
        following = np.zeros_like(counts)
        runs = np.arange(len(counts))[:, None, None, None]
        np.add.at(following, (runs, np.moveaxis(np.asarray(slots), 1, -1)), moved)
        return following, pairs

    def record(self) -> None:
        return None


def _run(
    engine: _Agents | _Counts, law: np.ndarray, agents: int, steps: int, runs: int, seed: int
) -> Record:
    """The one loop over time, whoever moves."""
    dynamics = engine.dynamics
    discount = float(dynamics.problem.game.discount)
    state = engine.start(law, agents, runs, seed)
    values = jnp.broadcast_to(jnp.asarray(dynamics.values), (runs, len(law)))
    key = jax.random.fold_in(jax.random.key(seed), 1)
    laws, actions, returns = [engine.counts(state) / agents], [], np.zeros(runs)
    for step in range(steps):
        report(step, {"of": steps, "agents": agents})
        keys = jax.random.split(jax.random.fold_in(key, step), runs)
        reward, slots, rows, values = _rows(dynamics, jnp.asarray(laws[-1]), values, keys)
        # What a game says of states where nobody is does not matter.
        there = laws[-1][:, :, None] > 0
        reward = np.where(there, np.asarray(reward), 0.0)
        mass = np.asarray(rows).sum(axis=1)
        check_finite(laws[-1], reward, np.where(there, mass, 1.0))
        if not np.isfinite(mass).all():
            rows = np.where(there[:, None], np.asarray(rows), 1.0)
        state, pairs = engine.step(state, slots, rows, step + 2)
        shares = pairs / agents
        returns += discount**step * np.einsum("rsa,rsa->r", shares, reward)
        actions.append(shares.sum(axis=1))
        laws.append(engine.counts(state) / agents)
    return Record(np.stack(laws, 1), np.stack(actions, 1), returns, engine.record())


@eqx.filter_jit
def _rows(
    dynamics: Dynamics, laws: Float[Array, "R S"], values: Float[Array, "R S"], keys: Array
) -> tuple[Array, Array, Array, Array]:
    """Rewards, successors, their law, and nature's values, for every run."""
    return jax.vmap(dynamics.rows)(laws, values, keys)


@eqx.filter_jit
def _counted(states: Int[Array, "R N"], size: int) -> Int[Array, "R S"]:
    return jax.vmap(lambda row: jnp.bincount(row, length=size))(states)


@eqx.filter_jit
def _moved(
    keys: Array,
    states: Int[Array, "R N"],
    policy: Float[Array, "S A"],
    slots: Int[Array, "R K S A"],
    law: Float[Array, "R K S A"],
) -> tuple[Int[Array, "R N"], Int[Array, "R N"], Int[Array, "R S A"]]:
    """Draw everybody's action and next state by inverting the distribution functions."""
    plan = jnp.cumsum(policy, axis=1)
    plan = plan / plan[:, -1:]

    def one(key: Array, states: Array, slots: Array, law: Array) -> tuple[Array, Array, Array]:
        for_action, for_state = jax.random.uniform(key, (2, *states.shape), law.dtype)
        below = jnp.cumsum(law, axis=0)
        below = below / below[-1]
        # A slot without mass is never drawn: the one before it ends where it ends.
        actions = jnp.sum(for_action[:, None] >= plan[states][:, :-1], axis=1)
        places = jnp.sum(for_state >= below[:-1, states, actions], axis=0)
        pairs = jnp.zeros(policy.shape, jnp.int64).at[states, actions].add(1)
        return slots[places, states, actions].astype(states.dtype), actions, pairs

    return jax.vmap(one)(keys, states, slots, law)


def interval(samples: Float[np.ndarray, " R"]) -> tuple[float, float, float]:
    """The mean of independent samples, and the ends of its 95% interval by Student's t."""
    mean, size = float(np.mean(samples)), len(samples)
    if size < 2:
        return mean, -np.inf, np.inf
    quantile = scipy.stats.t.ppf(0.5 + CONFIDENCE / 2, size - 1)
    half = float(quantile * np.std(samples, ddof=1) / np.sqrt(size))
    return mean, mean - half, mean + half


def _dataset(
    game: MeanFieldGame,
    policy: np.ndarray,
    law: np.ndarray,
    record: Record,
    facts: dict[str, object],
) -> "xarray.Dataset":
    import xarray

    states, actions = policy.shape
    steps = record.actions.shape[1]
    mean, low, high = interval(record.returns)
    distance = np.abs(record.laws - law).sum(axis=-1)
    largest = np.abs(np.asarray(game.reward(game.mean_field_of(law, policy)))).max()
    tail = float(game.discount) ** steps * float(largest) / (1 - float(game.discount))
    fields = {
        "empirical_law": (("run", "time", "state"), record.laws),
        "actions": (("run", "step", "action"), record.actions),
        "returns": (("run",), record.returns),
        "distance": (("run", "time"), distance),
        "mean_return": ((), mean, {"interval": [low, high], "confidence": CONFIDENCE}),
        "law_at_start": (("state",), law),
    }
    if record.agents is not None:
        fields["agent_state"] = (("run", "time", "agent"), record.agents[0])
        fields["agent_action"] = (("run", "step", "agent"), record.agents[1])
    names = {"state": game.state_names, "action": game.action_names}
    sizes = {"state": states, "action": actions}
    coords = {
        axis: list(name) if name is not None else np.arange(sizes[axis])
        for axis, name in names.items()
    }
    facts = {key: value for key, value in facts.items() if value is not None}
    about = {"discount": float(game.discount), "game": game.name or "", "returns_left_out": tail}
    return xarray.Dataset(fields, coords, attrs=facts | about)
