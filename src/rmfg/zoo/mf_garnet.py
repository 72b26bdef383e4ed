"""Mean-field Garnets: random games of any size whose kernel and reward see the population."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core import inputs
from rmfg.core.memory import affordable
from rmfg.core.precision import Array
from rmfg.model.game import Lipschitz, TabularGame
from rmfg.model.kernel import DenseKernel, Kernel, SparseKernel
from rmfg.zoo.arguments import flag, number, whole
from rmfg.zoo.registry import Entry

KERNELS = ("additive", "multiplicative")
REWARDS = ("potential", "monotone", "cyclic")


class CoupledSuccessors(eqx.Module):
    """The kernel m -> law over the successors of (s, a), tilted by scores that are linear in m."""

    successors: Int[Array, "S A K"]
    probabilities: Float[Array, "S A K"]
    loadings: Float[Array, "S A K D"]
    features: Float[Array, "S D"]
    strength: Float[Array, ""]
    additive: bool = eqx.field(static=True)
    sparse: bool = eqx.field(static=True)

    def __call__(self, mean_field: Float[Array, " S"]) -> Kernel:
        scores = self.loadings @ (mean_field @ self.features)
        if self.additive:
            tilted = jax.nn.softmax(scores, axis=-1)
            law = (1 - self.strength) * self.probabilities + self.strength * tilted
        else:
            law = jax.nn.softmax(jnp.log(self.probabilities) + self.strength * scores, axis=-1)
        kernel = SparseKernel(self.successors, law)
        return kernel if self.sparse else DenseKernel(kernel.to_dense())


class CoupledReward(eqx.Module):
    """The reward m -> base(s, a) + strength features(s) . mixing features^T m."""

    base: Float[Array, "S A"]
    features: Float[Array, "S D"]
    mixing: Float[Array, "D D"]
    strength: Float[Array, ""]

    def __call__(self, mean_field: Float[Array, " S"]) -> Float[Array, "S A"]:
        felt = self.features @ (self.mixing @ (mean_field @ self.features))
        return self.base + self.strength * felt[:, None]


def mf_garnet(
    num_states: int = 100,
    num_actions: int = 6,
    branching: int = 6,
    seed: int = 0,
    sparse: bool = False,
    kernel_coupling: str = "multiplicative",
    reward_coupling: str = "potential",
    kernel_strength: float = 0.5,
    reward_strength: float = 0.5,
    num_features: int = 4,
    discount: float = 0.9,
) -> TabularGame:
    """Build a random game: each (s, a) has `branching` successors, all numbers drawn from `seed`.

    The population acts through the means y = sum over t of m(t) F(t) of D standard normal features
    F. With p a Dirichlet(1, ..., 1) law on the successors and normal loadings C of variance 1 / D,
    scores C(s, a, k) . y tilt each row over its own successors only:

        multiplicative:  P(k | s, a, m) proportional to p_k exp(kernel_strength C_k . y)
        additive:        P(k | s, a, m) = (1 - kernel_strength) p_k + kernel_strength softmax(C y)_k
        r(s, a, m) = R(s, a) + reward_strength F(s) . M y

    with R standard normal and M random: symmetric ("potential"), antisymmetric ("cyclic"), or
    minus the identity ("monotone"). Every row is a law for every m and never loses a successor.
    Memory is S A K D: a million states fit where an S x S coupling would not. The sparse and the
    dense form of a seed are the same game.

    Source and difference: the mean-field Garnet of Bench-MFG couples all pairs of states, may
    empty rows, and is coded on 64 atoms; its seeds do not give these games.

    A softmax moves in L1 by at most half the spread of the change of its scores; with w the spread
    of the loadings over successors, y moves the spread of scores by at most the sum over D of w
    times half the spread of F: that is the kernel's constant, times kernel_strength / 2.
    """
    states, actions = whole("num_states", num_states), whole("num_actions", num_actions)
    if whole("branching", branching) > states:
        raise ValueError(f"`branching` must be at most num_states={states}, but is {branching}.")
    dimension = whole("num_features", num_features)
    successors = branching if flag("sparse", sparse) else states
    affordable(
        "num_states, num_actions, branching and num_features",
        states * actions * (branching * (dimension + 2) + successors)
        + (states + dimension) * dimension,
    )
    inputs.word("kernel_coupling", kernel_coupling, KERNELS)
    inputs.word("reward_coupling", reward_coupling, REWARDS)
    additive = kernel_coupling == "additive"
    tilt = number("kernel_strength", kernel_strength, 0, 1 if additive else np.inf)
    # The order of the draws is part of the game: a new one goes last, or old seeds change.
    random = np.random.default_rng(whole("seed", seed, 0))
    pairs = range(states * actions)
    drawn = np.stack([random.choice(states, branching, replace=False) for _ in pairs])
    shape = (states, actions, branching)
    law = random.dirichlet(np.ones(branching), (states, actions))
    loadings = random.normal(size=(*shape, dimension)) / np.sqrt(dimension)
    features = random.normal(size=(states, dimension))
    base = random.normal(size=(states, actions))
    square = random.normal(size=(dimension, dimension))
    mixing = {
        "potential": (square + square.T) / 2,
        "cyclic": (square - square.T) / 2,
        "monotone": -np.eye(dimension),
    }[reward_coupling]
    weight = np.asarray(number("reward_strength", reward_strength, 0))
    spread = np.ptp(loadings, axis=2)  # (S, A, D)
    steepness = tilt * np.max(spread @ np.ptp(features, axis=0)) / 4
    # No probability of a tilted row is below p_k exp(-spread of scores).
    gentlest = np.exp(-tilt * np.max(spread @ np.abs(features).max(axis=0)))
    smallest = law.min() * ((1 - tilt) if additive else gentlest)
    return TabularGame(
        CoupledSuccessors(
            drawn.reshape(shape),
            law,
            loadings,
            features,
            np.asarray(tilt),
            additive,
            sparse,
        ),
        CoupledReward(base, features, mixing, weight),
        discount,
        lipschitz=Lipschitz(kernel=float(steepness), smallest=float(smallest)),
        num_states=states,
        num_actions=actions,
    )


ENTRY = Entry(
    name="mf-garnet",
    summary="A random game of any size, dense or sparse, whose kernel and reward depend on m.",
    source="In the spirit of the mean-field Garnets of Bench-MFG, arXiv:2602.12517, after "
    "Archibald, McKinnon, Thomas: On the generation of Markov decision processes. Journal of the "
    "Operational Research Society 46, 1995, doi:10.1057/jors.1995.50. This construction is ours.",
    equations="P(k | s, a, m) over `branching` random successors tilted by C(s, a, k) . y, "
    "y = sum_t m(t) F(t); r = R(s, a) + reward_strength F(s) . M y.",
    known=("none",),
    build=mf_garnet,
)
