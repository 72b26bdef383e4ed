"""Whether soft mean-field iteration contracts at a temperature, by which factor, and how that is known.

Phi(m) is the law that a population reaches when all play the soft best response at m and nature
answers: its law one step later, or its stationary law. With L_r, L_s the constants of reward and
support function, L_k that of the kernel by which the population moves, c its Dobrushin coefficient and
c' that of nature's kernel,

    L_p = (L_r + discount L_s) / (temperature (1 - discount c'))     the policy's constant, in L1
    L   = c (1 + L_p) + L_k  (+ L_p)                                 one step
    L   = (c L_p + L_k) / (1 - c)  (+ L_p)                           stationary law

where the terms in brackets are there if the mean field is a law over states and actions. Proofs are in
the documentation (guarantees). If L < 1 there is exactly one soft equilibrium, and any law m is at most
norm1(Phi(m) - m) / (1 - L) away from it.
"""

import dataclasses
import math
from collections.abc import Sequence

import jax
import numpy as np

from rmfg.core import checks, inputs
from rmfg.core.meter import Meter, metered
from rmfg.core.precision import Array, Number
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame, check_game
from rmfg.model.problem import Population, Problem
from rmfg.rates.movement import Movement
from rmfg.rates.probing import Probes
from rmfg.rates.steepness import Constant, steepness_of


@dataclasses.dataclass(frozen=True)
class Contraction:
    """The constants of soft mean-field iteration, and what follows from them.

    `reward`, `kernel`, `support` are the constants of the reward, of the nominal kernel and of nature's
    support function; `mover` is that of the kernel by which the population moves, `policy` that of the
    soft policy, and `modulus` that of the map Phi. `dobrushin` bounds how little one step of the
    population mixes, `nature_dobrushin` the same of nature's kernel. `bias` bounds what the
    temperature costs: the soft equilibrium's exploitability in the game without one.
    `residual` and `measured_rate` are those of the run that the guarantee belongs to, if there was one.
    """

    reward: Constant
    kernel: Constant
    support: Constant
    mover: Constant
    dobrushin: Constant
    nature_dobrushin: Constant
    policy: Constant
    modulus: Constant
    bias: float
    temperature: float
    damping: float
    long_run: bool
    residual: float | None = None
    measured_rate: float | None = None

    @property
    def contractive(self) -> bool:
        """Whether the modulus is below one."""
        return self.modulus.value < 1

    @property
    def proved(self) -> bool:
        """Whether the modulus rests on proved constants alone."""
        return self.modulus.proved

    @property
    def rate(self) -> float:
        """The factor by which damped iteration brings any two laws closer in a step, at most."""
        return 1 - self.damping + self.damping * self.modulus.value

    @property
    def distance(self) -> float | None:
        """How far the run's law is from that of the soft equilibrium in L1, at most."""
        return None if self.residual is None else self.bound(self.residual)

    def bound(self, residual: float) -> float:
        """Bound the L1 distance to the soft equilibrium of a law with norm1(Phi(m) - m) = residual."""
        # Two laws are never farther apart than 2; without contraction there may be no one to reach.
        return min(residual / (1 - self.modulus.value), 2.0) if self.contractive else math.inf

    def with_run(self, residuals: Sequence[float], residual: float) -> "Contraction":
        """Return the same with the residuals that a run had, and that of its answer."""
        return dataclasses.replace(self, residual=residual, measured_rate=measured_rate(residuals))

    def __str__(self) -> str:
        names = [field.name for field in dataclasses.fields(self) if field.type is Constant]
        lines = [f"{name.replace('_', ' '):<18}{getattr(self, name)}" for name in names]
        return "\n".join([*lines, f"{'bias':<18}{self.bias:.6g}", f"{'rate':<18}{self.rate:.6g}"])


def contraction(
    game: MeanFieldGame,
    ambiguity: Ambiguity,
    temperature: Number,
    *,
    population: Population | Array = "worst_case",
    damping: Number = 1.0,
    long_run: bool = True,
    num_samples: int = 16,
    seed: int = 0,
    progress: bool | Meter = False,
) -> Contraction:
    """Return the constants of soft mean-field iteration at a temperature, proved or estimated.

    Proved are constants of games whose arrays do not depend on the mean field or are affine in it,
    constants that the game declares in `lipschitz`, and what follows from them. What cannot be
    proved is estimated at `num_samples` laws drawn from `seed`, and says so; an estimate can be too
    small. `long_run` and `damping` are those of `Picard`.
    """
    problem = Problem(game, ambiguity, population)
    check_game(game)
    samples = inputs.integer("num_samples", num_samples, 2, 10**6)
    seed = inputs.integer("seed", seed)
    inputs.flag("long_run", long_run)
    heat = float(checks.positive("temperature", temperature))
    share = float(checks.share("damping", damping))
    with jax.enable_x64(True), metered(progress):
        return contraction_of(problem, heat, share, long_run, samples, seed)


def contraction_of(
    problem: Problem,
    temperature: float,
    damping: float,
    long_run: bool,
    num_samples: int = 16,
    seed: int = 0,
    near: Array | None = None,
) -> Contraction:
    """Return the constants for a problem; one of the sampled laws is `near`."""
    game = problem.game
    probes = Probes(problem, temperature, num_samples, seed, near)
    steep = steepness_of(game, probes.laws)
    movement = Movement(problem, temperature, steep, probes)
    mover, stirring = movement.population()
    joint = game.mean_field == "state-action"
    return Contraction(
        reward=steep.reward,
        kernel=steep.kernel,
        support=movement.support,
        mover=mover,
        dobrushin=stirring,
        nature_dobrushin=movement.mixing,
        policy=movement.policy,
        modulus=_modulus(movement.policy, mover, stirring, long_run, joint),
        bias=temperature * math.log(game.num_actions) / (1 - float(game.discount)),
        temperature=temperature,
        damping=damping,
        long_run=long_run,
    )


def measured_rate(residuals: Sequence[float]) -> float | None:
    """The mean factor by which residuals fell in a step, over the later half of a run.

    Residuals at the level of rounding do not count; None where fewer than three are left.
    """
    rounding = 1e3 * np.finfo(np.float64).eps
    kept = [residual for residual in residuals if residual > rounding]
    if len(kept) < 3:
        return None
    later = kept[len(kept) // 2 :]
    return (later[-1] / later[0]) ** (1 / (len(later) - 1))


def _modulus(
    policy: Constant, mover: Constant, stirring: Constant, long_run: bool, joint: bool
) -> Constant:
    """The modulus of Phi from those of policy and mover."""
    mixing, moved = stirring.value, stirring.value * policy.value + mover.value
    forever = moved / (1 - mixing) if mixing < 1 else math.inf
    found = forever if long_run else mixing + moved
    proved = policy.proved and mover.proved and stirring.proved
    if math.isinf(mover.value):
        return Constant(math.inf, mover.proved, mover.reason)
    if math.isinf(found):
        return Constant(found, proved, "one step of the population need not mix at all")
    return Constant(found + joint * policy.value, proved, "from policy, mover and mixing")
