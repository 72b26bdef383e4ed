"""N agents and nature, simulated.

All agents play the same policy and move independently of each other, by the kernel with which nature
answers the empirical law of the moment. In games whose mean field is a law over states and actions,
actions enter it by their expectation under the policy.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.core.memory import affordable
from rmfg.core.meter import Meter, metered, report
from rmfg.core.precision import Array, Number
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame
from rmfg.model.kernel import Kernel
from rmfg.population.dynamics import Dynamics, check_finite, dynamics
from rmfg.population.engines import AgentEngine, CountEngine, Engine
from rmfg.population.setting import Setting, setting
from rmfg.population.statistics import CONFIDENCE, confidence_interval

if TYPE_CHECKING:
    import xarray

METHODS = ("auto", "agents", "counts")
# Agents cost memory one by one: for more agents than these, in all runs, "auto" keeps their numbers.
MOST_AGENTS = 100_000
# How many numbers a step holds for each agent: its state, draws, and where it may go.
NUMBERS_OF_AN_AGENT = 4
MOST_RECORDED = 200_000_000


class Record(NamedTuple):
    """What is kept of a simulation of R runs and T steps.

    `distributions` are the empirical laws before each step and after the last one, `actions` the shares
    of agents who took each action, `returns` the mean agent's discounted returns, and `agents` all
    agents' states and actions, if they were kept.
    """

    distributions: Float[np.ndarray, "R T+1 S"]
    actions: Float[np.ndarray, "R T A"]
    returns: Float[np.ndarray, " R"]
    agents: tuple[Int[np.ndarray, "R T+1 N"], Int[np.ndarray, "R T N"]] | None

    def distance(self, distribution: Float[np.ndarray, " S"]) -> Float[np.ndarray, "R T+1"]:
        """Return the L1 distances of the empirical laws from a law."""
        return np.abs(self.distributions - distribution).sum(axis=-1)


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

    `policy` is an array (S, A) or an equilibrium. An equilibrium brings its ambiguity set, its law
    over states, its values and its nature along. Agents start independently from `initial` (S,), by
    default from the equilibrium's law, else from the game's initial law, else from the uniform one.

    `nature` says which kernel moves the agents at the empirical law:

    - "nominal": the nominal kernel;
    - "worst_case": the worst case for the equilibrium's values, or else for the policy's robust values
      at `initial`;
    - "random": a kernel inside the set, drawn anew in each step;
    - "adversary": the worst case for the policy's robust values at the empirical law;
    - a kernel, or an array (S, A, S).

    By default nature moves the agents as she moves the equilibrium's population. For a policy alone
    she plays the worst case if there is an ambiguity set, and the nominal kernel otherwise.

    `method` "agents" moves each agent, "counts" the numbers in the states; the two have the same law.
    `keep_agents` records every agent's states and actions. Equal seeds give equal numbers.
    `progress` shows how far the work is on a terminal, or tells a meter.

    Returns a dataset: `empirical_law` (run, time, state), the shares of `actions` (run, step, action),
    `returns` (run), the mean agent's discounted return over `num_steps` steps in the unit of values,
    `mean_return` with its 95% interval, and `distance` (run, time), the L1 distance of the empirical
    law from the law at the start.
    Raises ValueError or TypeError for wrong input before any work is done, and ValueError where the
    game is not finite at an empirical law.
    """
    sizes = {"num_agents": num_agents, "num_steps": num_steps, "num_runs": num_runs}
    agents, steps, runs = (inputs.integer(name, number, 1) for name, number in sizes.items())
    inputs.word("method", method, METHODS)
    inputs.flag("keep_agents", keep_agents)
    seed = inputs.integer("seed", seed)
    given = setting(game, policy, ambiguity, initial, nature)
    if keep_agents and method == "counts":
        raise ValueError('`keep_agents` needs `method="agents"`: counts do not know who is where.')
    if method == "auto":
        method = "agents" if keep_agents else _cheaper(agents, runs)
    if method == "agents":
        affordable("num_agents", NUMBERS_OF_AN_AGENT * agents * runs, "moving each agent")
    check_recorded(
        runs, steps, *((agents, "agents") if keep_agents else (given.game.num_states, "states"))
    )
    with metered(progress):
        record = simulated(given, agents, steps, runs, seed, method, keep_agents)
    name = given.nature if isinstance(given.nature, str) else "kernel"
    facts = {"num_agents": agents, "nature": name, "method": method, "seed": seed}
    return _dataset(given, record, facts)


def simulated(
    given: Setting,
    agents: int,
    steps: int,
    runs: int,
    seed: int,
    method: str = "auto",
    keep_agents: bool = False,
) -> Record:
    """Simulate a population that was checked."""
    if method == "auto":
        method = _cheaper(agents, runs)
    engine = CountEngine(given.policy)
    if method == "agents":
        engine = AgentEngine(given.policy, keep_agents)
    with jax.enable_x64(True):
        return _run(engine, dynamics(given), given.distribution, agents, steps, runs, seed)


def check_recorded(runs: int, steps: int, width: int, what: str = "states") -> None:
    """Refuse to record more than fits into memory."""
    recorded = runs * (steps + 1) * width
    if recorded > MOST_RECORDED:
        raise ValueError(
            f"`num_runs` x `num_steps` x {what} = {recorded:g} numbers would be recorded, more than "
            f"{MOST_RECORDED:g}. Simulate fewer runs at a time."
        )


def _cheaper(agents: int, runs: int) -> str:
    """The method that costs less."""
    return "agents" if agents * runs <= MOST_AGENTS else "counts"


def _run(
    engine: Engine,
    dynamics: Dynamics,
    distribution: Float[np.ndarray, " S"],
    agents: int,
    steps: int,
    runs: int,
    seed: int,
) -> Record:
    """The loop over time, whichever engine moves the agents."""
    discount = float(dynamics.problem.game.discount)
    population = engine.start(distribution, agents, runs, seed)
    values = jnp.broadcast_to(jnp.asarray(dynamics.values), (runs, len(distribution)))
    key = jax.random.fold_in(jax.random.key(seed), 1)
    laws, actions, returns = [engine.counts(population) / agents], [], np.zeros(runs)
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
        population, pairs = engine.step(population, slots, rows, step + 2)
        shares = pairs / agents
        returns += discount**step * np.einsum("rsa,rsa->r", shares, reward)
        actions.append(shares.sum(axis=1))
        laws.append(engine.counts(population) / agents)
    return Record(np.stack(laws, 1), np.stack(actions, 1), returns, engine.record())


@eqx.filter_jit
def _rows(
    dynamics: Dynamics, laws: Float[Array, "R S"], values: Float[Array, "R S"], keys: Array
) -> tuple[Array, Array, Array, Array]:
    """Rewards, successors, their probabilities, and nature's values, for every run."""
    return jax.vmap(dynamics.rows)(laws, values, keys)


def _dataset(given: Setting, record: Record, facts: dict[str, object]) -> "xarray.Dataset":
    import xarray

    game = given.game
    states, actions = given.policy.shape
    steps = record.actions.shape[1]
    found = confidence_interval(record.returns)
    ends = {"interval": [found.low, found.high], "confidence": CONFIDENCE}
    largest = np.abs(np.asarray(game.reward(given.mean_field()))).max()
    tail = float(game.discount) ** steps * float(largest) / (1 - float(game.discount))
    fields = {
        "empirical_law": (("run", "time", "state"), record.distributions),
        "actions": (("run", "step", "action"), record.actions),
        "returns": (("run",), record.returns),
        "distance": (("run", "time"), record.distance(given.distribution)),
        "mean_return": ((), found.value, ends),
        "law_at_start": (("state",), given.distribution),
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
    about = {"discount": float(game.discount), "game": game.name or "", "returns_left_out": tail}
    return xarray.Dataset(fields, coords, attrs=facts | about)
