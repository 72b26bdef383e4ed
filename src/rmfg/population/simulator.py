"""N agents and nature, simulated.

All agents play the same policy and move independently of each other, by the kernel with which nature
answers the empirical law of the moment. In games whose mean field is a law over states and actions,
actions enter it by their expectation under the policy.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.core.memory import affordable
from rmfg.core.meter import Meter, metered
from rmfg.core.precision import Array, Number
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame
from rmfg.model.kernel import Kernel
from rmfg.population.engines import METHODS, cheapest
from rmfg.population.setting import Setting, setting
from rmfg.population.statistics import CONFIDENCE, confidence_interval
from rmfg.population.trajectories import Trajectories, trajectories

if TYPE_CHECKING:
    import xarray

# How many numbers a step holds for each agent: its state, draws, and where it may go.
NUMBERS_OF_AN_AGENT = 4
MOST_RECORDED = 200_000_000


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
        method = "agents" if keep_agents else cheapest(agents, runs)
    if method == "agents":
        affordable("num_agents", NUMBERS_OF_AN_AGENT * agents * runs, "moving each agent")
    check_recorded(
        runs, steps, *((agents, "agents") if keep_agents else (given.game.num_states, "states"))
    )
    with metered(progress):
        found = trajectories(given, agents, steps, runs, seed, method, keep_agents)
    name = given.nature if isinstance(given.nature, str) else "kernel"
    facts = {"num_agents": agents, "nature": name, "method": method, "seed": seed}
    return _dataset(given, found, facts)


def check_recorded(runs: int, steps: int, width: int, what: str = "states") -> None:
    """Refuse to record more than fits into memory."""
    recorded = runs * (steps + 1) * width
    if recorded > MOST_RECORDED:
        raise ValueError(
            f"`num_runs` x `num_steps` x {what} = {recorded:g} numbers would be recorded, more than "
            f"{MOST_RECORDED:g}. Simulate fewer runs at a time."
        )


def _dataset(given: Setting, found: Trajectories, facts: dict[str, object]) -> "xarray.Dataset":
    """The trajectories and what follows from them, with names on all axes."""
    import xarray

    game = given.game
    states, actions = given.policy.shape
    mean = confidence_interval(found.returns)
    ends = {"interval": [mean.low, mean.high], "confidence": CONFIDENCE}
    fields = {
        "empirical_law": (("run", "time", "state"), found.distributions),
        "actions": (("run", "step", "action"), found.actions),
        "returns": (("run",), found.returns),
        "distance": (("run", "time"), found.distance(given.distribution)),
        "mean_return": ((), mean.value, ends),
        "law_at_start": (("state",), given.distribution),
    }
    if found.agents is not None:
        fields["agent_state"] = (("run", "time", "agent"), found.agents[0])
        fields["agent_action"] = (("run", "step", "agent"), found.agents[1])
    names = {"state": game.state_names, "action": game.action_names}
    sizes = {"state": states, "action": actions}
    coords = {
        axis: list(name) if name is not None else np.arange(sizes[axis])
        for axis, name in names.items()
    }
    # What steps that were not simulated can add to a return, by the rewards at the start.
    largest = np.abs(np.asarray(game.reward(given.mean_field()))).max()
    steps, discount = found.actions.shape[1], float(game.discount)
    tail = discount**steps * float(largest) / (1 - discount)
    about = {"discount": discount, "game": game.name or "", "returns_left_out": tail}
    return xarray.Dataset(fields, coords, attrs=facts | about)
