"""Whether soft mean-field iteration contracts at a temperature, by which factor, and how that is known.

Phi maps a mean field m to the one that the population reaches when all agents play the soft best
response at m and nature answers: one step later, or in the long run (its stationary law). Let L_r and
L_s be the Lipschitz constants of the reward and of nature's support function, L_k that of the kernel by
which the population moves, c its Dobrushin coefficient and c' that of nature's kernel. Then

    L_p = (L_r + discount L_s) / (temperature (1 - discount c'))     the policy's constant, in L1
    L   = c (1 + L_p) + L_k  (+ L_p)                                 one step
    L   = (c L_p + L_k) / (1 - c)  (+ L_p)                           stationary law

where the terms in brackets are there if the mean field is a law over states and actions. If L < 1 there
is exactly one soft equilibrium, and every mean field m is at most norm1(Phi(m) - m) / (1 - L) away from
it. Proofs are in docs/guarantees.md (F15 to F17).
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
from rmfg.rates.constant import Constant
from rmfg.rates.game_constants import game_constants
from rmfg.rates.response_constants import ResponseConstants
from rmfg.rates.sampled_responses import SampledResponses


@dataclasses.dataclass(frozen=True)
class Contraction:
    """The constants of soft mean-field iteration, and what follows from them.

    Lipschitz constants in the L1 norm of the mean field: `reward` (largest entry), `kernel` (the
    nominal one, L1 of a row), `support` (nature's support function, largest entry), `mover` (the kernel
    by which the population moves), `policy` (the soft policy, L1 of a row), `modulus` (the map Phi that
    takes a mean field to the one that answers it). `dobrushin` bounds the Dobrushin coefficient of the
    kernel that moves the population, `nature_dobrushin` that of nature's kernel. `bias` bounds what the
    temperature costs, in the unit of values: the soft equilibrium's exploitability in the game without
    one. `residual` and `measured_rate` belong to the run that this guarantees, if there was one.
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
        """A bound of the factor by which a damped step brings any two mean fields closer in L1."""
        return 1 - self.damping + self.damping * self.modulus.value

    @property
    def distance(self) -> float | None:
        """A bound of the L1 distance from the run's mean field to the soft equilibrium."""
        return None if self.residual is None else self.bound(self.residual)

    def bound(self, residual: float) -> float:
        """Bound the L1 distance from m to the soft equilibrium, where norm1(Phi(m) - m) = residual."""
        # Two laws are never farther apart than 2. Without contraction there may be several equilibria.
        return min(residual / (1 - self.modulus.value), 2.0) if self.contractive else math.inf

    def with_run(self, residuals: Sequence[float], residual: float) -> "Contraction":
        """Return the same beside a run: the residuals of its steps, and the one of its answer."""
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

    Constants are proved where reward and kernel do not depend on the mean field or are affine in it,
    where the game declares them in `lipschitz`, and where they follow from proved ones. The others
    are estimated at `num_samples` mean fields drawn from `seed`, and say so; an estimate can be too
    small. `temperature` is in the unit of rewards; `long_run` and `damping` are those of `Picard`.
    No equilibrium is looked for.

    Raises ValueError or TypeError for wrong input, by the name of the argument.

    @inproceedings{cui2021, title={Approximately Solving Mean Field Games via Entropy-Regularized Deep
      Reinforcement Learning}, author={Cui, Kai and Koeppl, Heinz}, booktitle={AISTATS}, year={2021}}
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
    """Return the constants for a problem; one of the sampled mean fields is `near`."""
    game = problem.game
    samples = SampledResponses(problem, temperature, num_samples, seed, near)
    alone = game_constants(game, samples.mean_fields)
    response = ResponseConstants(problem, temperature, alone, samples)
    mover, dobrushin = response.population()
    joint = game.mean_field == "state-action"
    return Contraction(
        reward=alone.reward,
        kernel=alone.kernel,
        support=response.support,
        mover=mover,
        dobrushin=dobrushin,
        nature_dobrushin=response.nature_dobrushin,
        policy=response.policy,
        modulus=_modulus(response.policy, mover, dobrushin, long_run, joint),
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
    policy: Constant, mover: Constant, dobrushin: Constant, long_run: bool, joint: bool
) -> Constant:
    """The modulus of Phi from the constants of policy and mover (F16)."""
    coefficient, moved = dobrushin.value, dobrushin.value * policy.value + mover.value
    stationary = moved / (1 - coefficient) if coefficient < 1 else math.inf
    found = stationary if long_run else coefficient + moved
    proved = policy.proved and mover.proved and dobrushin.proved
    if math.isinf(mover.value):
        return Constant(math.inf, mover.proved, mover.reason)
    if math.isinf(found):
        return Constant(found, proved, "one step of the population need not mix at all")
    reason = "from policy, mover and Dobrushin coefficient"
    return Constant(found + joint * policy.value, proved, reason)
