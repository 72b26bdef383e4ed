"""Bench-MFG's own solvers on its own games, recorded. Runs in an environment that holds it.

    python peer_bench_mfg.py FOLDER [GAME ...]

Every solver is called as its users call it, `solver.eval()`, from its default start. Solvers show
their iterates to one function only, that which measures them: it is wrapped to record the policy
with the law. For the bare times it then returns zero instead of measuring, which takes away most of
the time and changes no iterate. The swarm is steered by what it measures, so that it has no bare
times; its best particle is recorded where its law is computed.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from benchmfg.api import load_config
from benchmfg.envs import mfg_model_class_jit as engine
from benchmfg.learner.jax import fp_jax, omd_jax, pi_jax, pso_jax
from benchmfg.utility.create_environment import create_environment
from benchmfg.utility.create_solver import create_solver, get_env_spec
from traces import Tape, record

LIBRARY = "Bench-MFG"
SEED = 42  # the default of its own experiments
SWARM_LIMIT = 9  # state-action pairs: beyond it a swarm takes minutes to hours
LONG, SHORT = 600, 300  # steps of mirror descent, where its own experiments make 150
STEPS_OF_PLAY = 50  # fictitious play stacks its past, and compiles anew at every step
SHORT_BEYOND = 20  # states
# About a second a step and a minute to compile: fewer settings, and fewer steps for each.
SLOW, STEPS_OF_SLOW = "mf-garnet", 60

WINDY = "environment.dynamics.noise_probabilities=[0.1,0.6,0.1,0.1,0.1]"
GAMES = {
    "contraction-game": ["environment=contraction_game"],
    "move-forward": ["environment=no_interaction_game"],
    "lasry-lions-chain": ["environment=lasry_lions_chain"],
    "coordination": ["environment=multiple_equilibria"],
    "rock-paper-scissors": ["environment=rock_paper_scissors"],
    "sis-epidemic": ["environment=sis_epidemic"],
    "kinetic-congestion": ["environment=kinetic_congestion"],
    "four-rooms": ["environment=four_rooms_obstacles"],
    "four-rooms-wind": ["environment=four_rooms_obstacles", WINDY],
    "mf-garnet": ["environment=mf_garnet"],
}


def settings(name: str, num_states: int, num_pairs: int) -> Iterator[tuple[str, list[str]]]:
    """Names and configurations: its defaults, and others of its own that are known to do well."""
    slow = name == SLOW
    steps = STEPS_OF_SLOW if slow else SHORT if num_states > SHORT_BEYOND else LONG
    for rate in (0.05, 0.5) if slow else (0.0005, 0.005, 0.05, 0.5):
        options = {"learning_rate": rate, "num_iterations": steps}
        yield f"OMD, rate {rate:g}, temperature 0.2", _overrides("omd", "omd", options)
    steps = {"num_iterations": STEPS_OF_SLOW} if slow else {}
    schedules = ("damped",) if slow else ("pure", "damped", "fictitious_play")
    for schedule in schedules:
        options = {"lambda_schedule": schedule} | steps
        if schedule == "fictitious_play":
            options["num_iterations"] = STEPS_OF_PLAY
        method = f"fixed point, {schedule.replace('_', ' ')}"
        yield method, _overrides("damped_fixed_point", "dampedfp", options)
    yield "policy iteration", _overrides("pi", "pi", steps)
    for damping, shown in (
        {"null": "1 / k"}.items() if slow else {0.4: "0.4", "null": "1 / k"}.items()
    ):
        options = {"variant": "smooth_policy_iteration", "damped_constant": damping} | steps
        yield f"smooth policy iteration, damping {shown}", _overrides("pi", "pi", options)
    for temperature in () if slow else (0.2, 0.8):
        options = {"variant": "boltzmann_policy_iteration", "temperature": temperature}
        method = f"Boltzmann policy iteration, temperature {temperature:g}"
        yield method, _overrides("pi", "pi", options)
    if num_pairs <= SWARM_LIMIT:
        yield "particle swarm", _overrides("pso", "pso", {})


def _overrides(algorithm: str, section: str, options: dict[str, Any]) -> list[str]:
    fields = [f"algorithm.{section}.{name}={value}" for name, value in options.items()]
    return [f"algorithm={algorithm}", *fields]


def main(folder: Path, names: list[str]) -> None:
    """Record every setting on every game."""
    for name in names or GAMES:
        size = _environment(GAMES[name])[0]
        pairs = size.N_states * size.N_actions
        for number, (method, overrides) in enumerate(settings(name, size.N_states, pairs)):
            trace = _recorded(name, method, GAMES[name] + overrides)
            trace.save(folder, number)
            print(
                f"{name}: {method}: {trace.seconds[-1]:.2f} s, bare {trace.bare[-1]:.2f} s, "
                f"first {trace.compile:.1f} s more",
                flush=True,
            )
        _save_tensors(folder, name)


def _environment(overrides: list[str]) -> tuple[Any, np.ndarray, Any]:
    np.random.seed(SEED)  # noqa: NPY002  it draws from the global generator
    config = load_config(overrides)
    return *create_environment(config), config


def _recorded(name: str, method: str, overrides: list[str]) -> Any:
    environment, policy, config = _environment(overrides)
    solver = create_solver(environment, policy, config)
    start = np.array(environment.stationary_mean_field)

    def play(tape: Tape, measuring: bool = True) -> None:
        np.random.seed(SEED)  # noqa: NPY002
        environment.stationary_mean_field = start.copy()  # a run leaves its last law here
        with _Spy(tape, measuring):
            solver.eval()

    swarm = isinstance(solver, pso_jax.PSO_jax)
    bare = None if swarm else lambda tape: play(tape, measuring=False)
    return record((name, LIBRARY, method), play, bare)


class _Spy:
    """Puts a recorder where the solvers measure, or where the swarm computes a law."""

    def __init__(self, tape: Tape, measuring: bool):
        def measure(policy: Any, spec: Any, initial_mean_field: Any) -> Any:
            tape.add(policy, initial_mean_field)
            if measuring:
                return engine.exploitability_jax(
                    policy, spec, initial_mean_field=initial_mean_field
                )
            return 0.0

        def law_of_best(policy: Any, *arguments: Any, **named: Any) -> Any:
            law = engine.mean_field_by_transition_kernel_multi_jax(policy, *arguments, **named)
            tape.add(policy, law)
            return law

        self.places = [
            (module, "exploitability_jax", measure) for module in (omd_jax, fp_jax, pi_jax)
        ]
        self.places.append((pso_jax, "mean_field_by_transition_kernel_multi_jax", law_of_best))

    def __enter__(self) -> None:
        self.before = [getattr(module, name) for module, name, _ in self.places]
        for module, name, spy in self.places:
            setattr(module, name, spy)

    def __exit__(self, *_: object) -> None:
        for (module, name, _), before in zip(self.places, self.before, strict=True):
            setattr(module, name, before)


def _save_tensors(folder: Path, name: str) -> None:
    """What the library plays, at two laws, for the judge to compare with its own definition."""
    environment, _, config = _environment(GAMES[name])
    spec = get_env_spec(environment, config.environment.name)
    size = environment.N_states
    laws = np.array([np.full(size, 1 / size), np.random.default_rng(1).dirichlet(np.ones(size))])
    rewards, kernels = [], []
    for law in laws.astype(np.float32):
        rewards.append(engine._reward_matrix(jax.numpy.asarray(law), spec))
        targets = np.asarray(engine._transition_tensor(jax.numpy.asarray(law), spec))
        targets = np.broadcast_to(targets, (size, environment.N_actions, environment.N_noises))
        kernel = np.zeros((size, environment.N_actions, size))
        rows = np.indices(targets.shape)
        np.add.at(kernel, (rows[0], rows[1], targets), np.asarray(environment.noise_prob))
        kernels.append(kernel)
    np.savez_compressed(folder / f"{name}.tensors.npz", laws=laws, rewards=rewards, kernels=kernels)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
