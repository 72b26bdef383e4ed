"""Sets that nature answers by exponential tilts and their mirror image: the relative entropies."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.precision import Array, boundary
from rmfg.model.ambiguity.numerics import log_bracket
from rmfg.model.ambiguity.projection import off_support
from rmfg.model.ambiguity.rowwise import RowwiseAmbiguity, WorstRows
from rmfg.model.ambiguity.sizes import Size, checked_size, least, most, size_at, traced_size_at
from rmfg.model.ambiguity.soft import ProximalStep, Soft, Softened
from rmfg.model.ambiguity.support import checked_support, reach_of
from rmfg.model.ambiguity.tilt import Divergence, ScaledRows, Tilted, where_mass
from rmfg.model.kernel import Kernel, aligned
from rmfg.model.rows import Reach, Rows, summed

# Beyond, exponentials are no doubles.
LARGEST_EXPONENT = 700.0


class KullbackLeibler(Divergence):
    """Laws with KL(q, p) = sum q log(q / p) <= radius; nature stays on the nominal support.

    sigma = sup over s > 0 of -s log <p, exp(-V / s)> - s radius; q proportional to p exp(-V / s).
    A deterministic row gets no robustness, and a next state never seen is excluded for good.

    @article{nilim2005, title={Robust Control of {Markov} Decision Processes with Uncertain Transition
      Matrices}, author={Nilim, Arnab and El Ghaoui, Laurent}, journal={Operations Research},
      volume={53}, year={2005}}
    """

    radius: Size

    def __init__(self, radius: Size):
        self.radius = checked_size("radius", radius, jnp.inf, "")

    @property
    def reach(self) -> Reach:
        return "support"

    def tilt(self, height: Array, temperature: Array) -> Array:
        return jnp.exp(-height / temperature)

    def tilted(self, scaled: ScaledRows, temperature: Array, radius: Array) -> Tilted:
        temperature = jnp.maximum(temperature, jnp.exp(log_bracket(radius)[0]))
        divergence, free_energy = exponential_tilt(scaled, temperature)
        return Tilted(divergence, free_energy + temperature * radius)

    @property
    def unit(self) -> float:
        return 1.0

    def generator(self, ratio: Array) -> Array:
        change = ratio - 1
        small = jnp.abs(change) < 0.5
        near = jnp.log1p(jnp.where(small, change, 0))
        far = jnp.log(jnp.where(~small & (ratio > 0), ratio, 1))
        return ratio * jnp.where(small, near, far) - change

    def price(self, total: Array, temperature: Array) -> Array:
        return temperature

    def largest(self, lowest_mass: Array) -> Array:
        return -jnp.log(lowest_mass)

    def created(self, divergence: Array, radius: Array) -> Array:
        return jnp.zeros_like(radius)

    def distance(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        return relative_entropy(law, nominal)

    def farthest_law(self, num_states: int) -> float:
        return math.sqrt(most(self.radius) / 2)  # Pinsker's inequality


class ReverseKullbackLeibler(Divergence):
    r"""Laws with KL(p, q) = sum p log(p / q) <= radius: what likelihood-based estimation gives.

    sigma = max over s >= 0 of exp(<p, log(z + s)> - radius) - s + min V, with z = V - min V;
    q proportional to p / (z + s). Nature may create mass on states that p does not reach, but can
    never rule out a state that p does reach.

    @incollection{bayraksan2015, title={Data-Driven Stochastic Programming Using Phi-Divergences},
      author={Bayraksan, G{\"u}zin and Love, David K.}, booktitle={The Operations Research Revolution},
      publisher={INFORMS}, year={2015}}
    """

    radius: Size
    support: str

    def __init__(self, radius: Size, *, support: str = "all"):
        self.radius = checked_size("radius", radius, jnp.inf, "")
        self.support = checked_support(support)

    @property
    def reach(self) -> Reach:
        return reach_of(self.support, "lowest")

    def tilt(self, height: Array, temperature: Array) -> Array:
        return 1 / (height + temperature)

    def tilted(self, scaled: ScaledRows, temperature: Array, radius: Array) -> Tilted:
        scale = temperature + scaled.mean

        def parts(law: Array, values: Array, _: Array) -> tuple[Array, Array]:
            shift, height = (
                scaled.height(values) - scaled.mean,
                scaled.height(values) + temperature,
            )
            near = jnp.log1p(shift / scale)
            logarithm = jnp.where(shift > -0.5 * scale, near, jnp.log(height / scale))
            return law * where_mass(law, shift / height), law * where_mass(law, logarithm)

        inverse, logarithm = scaled.rows.total(parts)
        divergence = jnp.log1p(-inverse) + logarithm
        return Tilted(divergence, -scale * jnp.expm1(logarithm - radius))

    @property
    def unit(self) -> float:
        return 1.0

    def generator(self, ratio: Array) -> Array:
        positive = jnp.where(ratio > 0, ratio, 1)
        return (ratio - 1) - jnp.log(positive)

    @property
    def slope(self) -> float:
        return 1.0

    def price(self, total: Array, temperature: Array) -> Array:
        return 1 / total

    def edge_ratio(self, law: Array, height: Array, radius: Array) -> Array:
        logarithm = summed(law * jnp.log(height))
        return jnp.maximum(jnp.exp(logarithm - radius), 1) / height

    def largest(self, lowest_mass: Array) -> Array:
        return jnp.where(lowest_mass < 1, jnp.inf, 0)

    def created(self, divergence: Array, radius: Array) -> Array:
        return -jnp.expm1(divergence - radius)

    def distance(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        return relative_entropy(nominal, law)

    def farthest_law(self, num_states: int) -> float:
        return math.sqrt(most(self.radius) / 2)  # Pinsker's inequality


class EntropyPenalty(RowwiseAmbiguity):
    """Nature may pick any law on the nominal support, but pays strength * KL(q, p) for it.

    sigma = min over q of <q, V> + strength KL(q, p) = -strength log <p, exp(-V / strength)>.
    Smooth: nature's answer q proportional to p exp(-V / strength) is unique. The strength has the
    unit of the values: the larger, the more the nominal law is trusted.

    @article{hansen2001, title={Robust Control and Model Uncertainty}, author={Hansen, Lars Peter and
      Sargent, Thomas J.}, journal={American Economic Review}, volume={91}, year={2001}}
    """

    strength: Size

    def __init__(self, strength: Size):
        smallest = float(np.finfo(np.float32).tiny)
        way_out = "Where lies cost nature nothing, use CVaR or scenarios."
        self.strength = checked_size("strength", strength, jnp.inf, way_out, smallest)

    @property
    def reach(self) -> Reach:
        return "support"

    def worst_rows(self, rows: Rows, mean_field: Array | None) -> WorstRows:
        scaled = ScaledRows.of(rows)
        temperature = size_at("strength", self.strength, mean_field, rows) / scaled.span
        _, free_energy = exponential_tilt(scaled, temperature)
        reduction = jnp.where(scaled.flat, 0, jnp.clip(free_energy, 0, scaled.mean))
        height = jnp.where(rows.law > 0, scaled.height(rows.values), 0)
        weights = rows.law * jnp.exp(-height / temperature)
        law = jnp.where(scaled.flat, rows.law, weights / jnp.sum(weights, axis=0))
        return WorstRows(reduction * scaled.span, law)

    @property
    def soft(self) -> Soft:
        return Penalized(self.strength)

    def mass_outside(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        return off_support(nominal, law)

    @boundary
    def penalty(
        self, kernel: Kernel, nominal: Kernel, mean_field: Array | None = None
    ) -> Float[Array, "S A"]:
        before, after = aligned(nominal, kernel)
        strength = traced_size_at("strength", self.strength, mean_field, before)
        return strength * relative_entropy(after, before)

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        share = spread / least(self.strength)
        return math.expm1(min(share, LARGEST_EXPONENT)) / share if share > 0 else 1.0

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        if least(self.strength) < most(self.strength):
            return 1.0
        return 1 - (1 - nominal) * math.exp(-spread / least(self.strength))

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        strength = least(self.strength)
        tilt = math.exp(min(spread / strength, LARGEST_EXPONENT))
        return (tilt * nominal if nominal else 0.0) + values / strength


@dataclasses.dataclass(frozen=True)
class Penalized(Soft):
    """Minimize <q, values> + (strength + temperature) KL(q, p): nature's answer is smooth as it is.

    At a distance from the agents' equilibrium it is held back as theirs is; steps from there need
    neither a temperature nor a potential.
    """

    strength: Size

    def answer(self, kernel: Kernel, step: ProximalStep, mean_field: Array | None) -> Softened:
        rows = kernel.rows(step.values, "support")
        strength = size_at("strength", self.strength, mean_field, rows)
        strength += step.temperature * (1.0 if step.weight is None else step.weight)
        scaled = jnp.broadcast_to(rows.values + step.shift, rows.law.shape) / strength
        low = jax.lax.stop_gradient(jnp.min(jnp.where(rows.law > 0, scaled, jnp.inf), axis=0))
        weights = rows.law * jnp.exp(jnp.where(rows.law > 0, low - scaled, 0))
        total = summed(weights)
        value = strength * (low - jnp.log(total))
        nothing = jnp.zeros_like(value)
        return Softened(value, kernel.with_law(rows, weights / total), nothing, nothing)


def exponential_tilt(scaled: ScaledRows, temperature: Array) -> tuple[Array, Array]:
    """KL divergence of the law proportional to p exp(-z / s), and m + s log <p, exp(-z / s)>."""
    # Sums are centered at the mean while exponents are small, at the lowest value after that.
    center = jnp.where(temperature > 1, scaled.mean, 0)

    def parts(law: Array, values: Array, _: Array) -> tuple[Array, Array, Array]:
        exponent = jnp.where(law > 0, (scaled.height(values) - center) / temperature, 0)
        weight = law * jnp.exp(-exponent)
        return law * jnp.expm1(-exponent), weight, weight * exponent

    minus_one, total, moment = scaled.rows.total(parts)
    positive = jnp.where(total > 0, total, 1)
    log_total = jnp.where(minus_one > -0.5, jnp.log1p(minus_one), jnp.log(positive))
    divergence = -moment / positive - log_total
    return divergence, scaled.mean - center + temperature * log_total


def relative_entropy(
    law: Float[Array, "K S A"], other: Float[Array, "K S A"]
) -> Float[Array, "S A"]:
    """Sum law log(law / other), as a sum of terms that are never negative."""
    both = (law > 0) & (other > 0)
    safe = jnp.where(both, other, 1)
    change = jnp.where(both, law - other, 0) / safe
    near = (1 + change) * jnp.log1p(change) - change  # a change of 1e-6 keeps ten digits
    far = jnp.where(both, law / safe, 1)
    far = far * jnp.log(far) - far + 1
    terms = jnp.where(both, safe * jnp.where(jnp.abs(change) < 0.5, near, far), other)
    return jnp.sum(jnp.where((law > 0) & (other <= 0), jnp.inf, terms), axis=0)
