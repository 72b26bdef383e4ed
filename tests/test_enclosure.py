"""Functions of the mean field enclosed: operations against Arb, games against enumeration."""

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction

import flint
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import rigorous_cases as cases
import rigorous_games as drawn
from reference import exact_game

import rmfg
from rmfg.answer import enclosure
from rmfg.answer.claims import claim_of, enclosed_claim, proof_of
from rmfg.answer.enclosure import enclosed
from rmfg.model.ambiguity import catalog
from rmfg.model.problem import Candidate, Problem
from rmfg.rigorous import check
from rmfg.rigorous.claim import UnprovedError
from rmfg.rigorous.rounding import Interval

Exact = list[flint.arb]
BITS = 400


def arbs(x: np.ndarray) -> Exact:
    return [flint.arb(float(value)) for value in np.ravel(x)]


def matrix() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(4, 6))


def _power(x: flint.arb, exponent: float) -> flint.arb:
    return flint.arb(float(exponent == 0)) if x == 0 else x ** flint.arb(exponent)


# Functions of six numbers, in JAX and in Arb; numbers in the middle one must not be negative.
FUNCTIONS: dict[str, tuple[Callable, Callable[[Exact], Exact]]] = {
    "sums": (lambda x: x + 0.1 - 2 * x[::-1], lambda x: [a + 0.1 - 2 * b for a, b in both(x)]),
    "products": (lambda x: x * x[::-1] * 0.3, lambda x: [a * b * 0.3 for a, b in both(x)]),
    "quotients": (lambda x: x / (2 + x**2), lambda x: [a / (2 + a * a) for a in x]),
    "whole powers": (lambda x: x**3, lambda x: [a**3 for a in x]),
    "inverse powers": (lambda x: (2 + x**2) ** -3, lambda x: [1 / (2 + a * a) ** 3 for a in x]),
    "powers": (
        lambda x: jnp.abs(x) ** jnp.array([0.5, 1.5, 4.0, 0.0, 7.3, 1.0]),
        lambda x: [_power(abs(a), e) for a, e in zip(x, (0.5, 1.5, 4, 0, 7.3, 1), strict=True)],
    ),
    "exponentials": (
        lambda x: jnp.exp(x) + jnp.expm1(-x) + jnp.exp(-50 * jnp.abs(x)),
        lambda x: [a.exp() + (-a).expm1() + (-50 * abs(a)).exp() for a in x],
    ),
    "logarithms": (
        lambda x: jnp.log(jnp.abs(x) + 0.1) + jnp.log1p(x**2) + jnp.log1p(-(x**2) / 1e6),
        lambda x: [
            (abs(a) + 0.1).log() + (a * a).log1p() + (-a * a / flint.arb(1e6)).log1p() for a in x
        ],
    ),
    "a logarithm": (
        lambda x: jnp.log(jnp.maximum(jnp.abs(x), 0.3)),
        lambda x: [max(abs(a), flint.arb(0.3), key=lambda b: float(b.mid())).log() for a in x],
    ),
    "roots": (lambda x: jnp.sqrt(jnp.abs(x)), lambda x: [abs(a).sqrt() for a in x]),
    "sigmoids": (
        lambda x: jax.nn.sigmoid(x) + jnp.tanh(x),
        lambda x: [1 / (1 + (-a).exp()) + a.tanh() for a in x],
    ),
    "sums of all": (lambda x: jnp.sum(x)[None], lambda x: [sum(x, flint.arb(0))]),
    "products with a matrix": (
        lambda x: matrix() @ x,
        lambda x: [
            sum((flint.arb(m) * a for m, a in zip(row, x, strict=True)), flint.arb(0))
            for row in matrix().tolist()
        ],
    ),
    "products of matrices": (
        lambda x: jnp.einsum("bik,bkj->bij", x.reshape(1, 2, 3), x.reshape(1, 3, 2)).ravel(),
        lambda x: [
            sum((x[3 * i + k] * x[2 * k + j] for k in range(3)), flint.arb(0))
            for i in range(2)
            for j in range(2)
        ],
    ),
    "shares of groups": (
        lambda x: jax.ops.segment_sum(x, jnp.array([0, 1, 0, 2, 1, 0]), 3),
        lambda x: [x[0] + x[2] + x[5], x[1] + x[4], x[3]],
    ),
    "chosen": (
        lambda x: jnp.where(jnp.arange(6) < 3, x, 2 * x),
        lambda x: [a if number < 3 else 2 * a for number, a in enumerate(x)],
    ),
    "moved": (
        lambda x: jnp.concatenate([jnp.roll(x, 1)[:2], x.at[jnp.array([3, 1])].get(), x[None, 4]]),
        lambda x: [x[5], x[0], x[3], x[1], x[4]],
    ),
    "largest": (
        lambda x: jnp.maximum(x, 0.1)[None].max(axis=1),
        lambda x: [max((max(a, flint.arb(0.1)) for a in x), key=lambda a: float(a.mid()))],
    ),
    "compiled": (jax.jit(lambda x: x - x * x), lambda x: [a - a * a for a in x]),
}


def both(x: Exact) -> list[tuple[flint.arb, flint.arb]]:
    return list(zip(x, x[::-1], strict=True))


def points(random: np.random.Generator) -> np.ndarray:
    x = random.normal(size=6) * 10.0 ** random.integers(-6, 2, 6)
    return np.where(random.uniform(size=6) < 0.2, 0.0, np.clip(x, -20, 20))


def refuted_operation(name: str, seed: int) -> bool:
    """Whether a function at a point of an interval lies outside of what encloses it."""
    random = np.random.default_rng(seed)
    function, exact = FUNCTIONS[name]
    x = points(random)
    width = np.abs(points(random)) * 1e-6 * random.integers(0, 2)
    (found,) = enclosed(function, Interval(x - width, x + width))
    flint.ctx.prec = BITS
    shares = random.uniform(size=(3, 6))
    for share in (*shares, np.zeros(6), np.ones(6)):
        inner = np.clip(x - width + 2 * share * width, x - width, x + width)
        for low, high, true in zip(found.low, found.high, exact(arbs(inner)), strict=True):
            if not (flint.arb(float(low)) <= true and true <= flint.arb(float(high))):
                return True
    return False


@pytest.mark.parametrize("name", FUNCTIONS)
def test_operations_are_enclosed(name):
    assert not [seed for seed in range(15) if refuted_operation(name, seed)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_enclosures_of_points_are_narrow(name):
    x = np.random.default_rng(1).uniform(0.2, 1.5, 6)
    (found,) = enclosed(FUNCTIONS[name][0], Interval.of(x))
    assert (found.high - found.low <= 1e-13 * (1 + np.abs(found.low))).all()


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: jnp.sin(x), "'sin' of float64 is not known"),
        (lambda x: jnp.where(x > 0.5, x, 0.0), "'gt' is not decided"),
        (lambda x: jnp.log(x - 0.5), "a logarithm is taken of a number that may be negative"),
        (lambda x: (x - 0.5) ** 1.5, "a power is taken of a number that may be negative"),
        (lambda x: jnp.sqrt(x - 0.5), "a root is taken of a number that may be negative"),
        (lambda x: 2.0**x, "a power has an exponent"),
        (lambda x: x.astype(jnp.float32), "a number is turned into float32"),
        (lambda x: jnp.floor(x), "'floor' of float64 is not known"),
        # What is not known cannot be compared: neither branch may be taken.
        (lambda x: jnp.where(1 / (x - 0.5) > 0, 1.0, 0.0), "'gt' is not decided"),
        (lambda x: x * jnp.real(jnp.exp(1j * jnp.arange(3))), "is not known"),
    ],
)
def test_what_cannot_be_enclosed_is_said(function, reason):
    wide = Interval(np.full(3, 0.5 - 1e-12), np.full(3, 0.5 + 1e-12))
    with pytest.raises(UnprovedError, match=reason.split("'")[-1].strip()) as error:
        enclosed(function, wide)
    assert reason in str(error.value)


def test_the_smallest_numbers_are_not_flushed():
    tiny = np.array([5e-324, -5e-324, 1e-310])
    for function in (
        lambda x: jnp.maximum(x, -1.0),
        lambda x: jnp.minimum(x, 1.0),
        lambda x: jnp.clip(x, -1.0, 1.0),
        lambda x: jnp.where(jnp.arange(3) < 5, x, 0.0),
        lambda x: x[jnp.array([0, 1, 2])],
        lambda x: jnp.zeros(3).at[jnp.arange(3)].set(x),
        lambda x: jnp.concatenate([x[:1], x[1:]]).reshape(3),
        lambda x: jnp.stack([x, x]).max(axis=0),
    ):
        (found,) = enclosed(function, Interval.of(tiny))
        assert (found.low == tiny).all()
        assert (found.high == tiny).all()


def test_what_is_impossible_stays_so():
    x = Interval(np.array([0.0, 0.3, 1.0]), np.array([0.0, 0.3 + 1e-12, 1.0]))
    for function in (lambda m: 0.1 * m[:1], lambda m: m[1:2] * 0.0, lambda m: 1 - m[2:]):
        (found,) = enclosed(function, x)
        assert found.low == found.high == 0


# Games ------------------------------------------------------------------------------------------


def affine_game(seed: int) -> tuple[Problem, Candidate, dict]:
    """A game whose reward and kernel are affine in the law, and what is true of a candidate."""
    random = np.random.default_rng(seed)
    size, actions = int(random.integers(2, 4)), 2
    reward = drawn.rewards(random, (size, actions)), random.normal(size=(size, actions, size))
    start = np.array([[drawn.weights(random, size) for _ in range(actions)] for _ in range(size)])
    start = start + 0.25 * random.integers(0, 2)
    slope = np.round(random.uniform(size=(size, actions, size, size)) * random.integers(0, 2), 3)
    discount = float(random.choice([0.0, 0.5, 0.9]))

    def law_at(law):
        found = jnp.asarray(start) + jnp.einsum("sakt,t->sak", slope, law)
        return found / found.sum(axis=-1, keepdims=True)

    game = rmfg.TabularGame(
        law_at,
        lambda law: reward[0] + reward[1] @ law,
        discount,
        num_states=size,
        num_actions=actions,
    )
    law = drawn.weights(random, size)
    # Far from summing to one, as far as a saved law may be: the game is about the exact law.
    law = law / law.sum() * (1 + 1e-9 * random.normal())
    policy = np.array([drawn.weights(random, actions) for _ in range(size)])
    kernel = np.asarray(game.kernel(law).probabilities)
    exact_law = exact_game.law_of(law)

    def number(x: float) -> Fraction:
        return Fraction(float(x))

    laws = {}
    for s, a in np.ndindex(size, actions):
        weights = [
            number(start[s, a, k])
            + sum(number(c) * m for c, m in zip(slope[s, a, k].tolist(), exact_law, strict=True))
            for k in range(size)
        ]
        laws[s, a] = tuple(w / sum(weights) for w in weights)
    rewards = [
        [
            number(reward[0][s, a])
            + sum(number(c) * m for c, m in zip(reward[1][s, a].tolist(), exact_law, strict=True))
            for a in range(actions)
        ]
        for s in range(size)
    ]
    while True:
        name, fields = drawn.random_set(random, kernel)
        if name not in ("scenarios", "interval"):  # what is given, whatever the nominal law
            break
    corners = {at: drawn.exact_row(name, fields, at, p) for at, p in laws.items()}
    truth = cases.truth_of(rewards, discount, corners, policy, law, kernel, kernel)
    problem = Problem(game, catalog.make(name, **fields))
    return problem, Candidate(policy, law, rmfg.DenseKernel(kernel)), truth


def refuted_game(seed: int) -> list[str]:
    problem, candidate, truth = affine_game(seed)
    proof = check.prove(enclosed_claim(problem, claim_of(problem, candidate)))
    return [
        f"{seed}: {name}" for name, known in truth.items() if beyond(getattr(proof, name), known)
    ]


def beyond(bounds: tuple[float, float], known: tuple[Fraction | None, Fraction]) -> bool:
    """Whether the truth lies outside of bounds."""
    (low, high), (least, most) = bounds, known
    return (least is not None and Fraction(low) > least) or (
        math.isfinite(high) and Fraction(high) < most
    )


@pytest.mark.parametrize("block", range(6))
def test_affine_games_are_enclosed(block):
    assert not [text for seed in range(5 * block, 5 * block + 5) for text in refuted_game(seed)]


def test_the_game_of_the_exact_law_is_meant():
    """A law that does not sum to one: the frozen game is another one, and its bounds miss."""
    missed = 0
    for seed in range(20):
        problem, candidate, truth = affine_game(seed)
        frozen = check.prove(claim_of(problem, candidate))
        missed += any(beyond(getattr(frozen, name), known) for name, known in truth.items())
    assert missed > 5


MUTANTS = {
    "sums taken to be exact": ("_is_exact", lambda x, y, total: total == total),
    "products as they come": ("_times", lambda x, y: Interval(x.low * y.low, x.high * y.high)),
    "scattered without slack": (
        "_scattered",
        lambda bind, inputs: Interval(
            *(
                bind([Interval.of(inputs[0]).low, inputs[1], getattr(inputs[2], end)])[0]
                for end in ("low", "high")
            )
        ),
    ),
    "roots of the lower end": ("_root", lambda x: Interval(x.sqrt().low, x.sqrt().low)),
    "whole powers of the ends": (
        "_whole_power",
        lambda x, exponent: Interval(x.low**exponent, x.high**exponent),
    ),
    "logarithms in plain arithmetic": (
        "_logarithm",
        lambda x: Interval(np.log(x.low), np.log(x.high)),
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_faults_in_enclosures_are_noticed(name, monkeypatch):
    monkeypatch.setattr(enclosure, *MUTANTS[name])
    assert any(refuted_operation(kind, seed) for seed in range(15) for kind in FUNCTIONS)


@pytest.mark.parametrize("name", [n for n in rmfg.zoo.names() if n != "road-network"])
def test_games_of_the_zoo_are_enclosed(name):
    game = rmfg.zoo.make(name)
    random = np.random.default_rng(0)
    law = random.dirichlet(2 * np.ones(game.num_states))
    shares = random.dirichlet(np.ones(game.num_actions), game.num_states)
    field = np.asarray(game.mean_field_of(law, shares))
    problem = Problem(game, rmfg.TotalVariation(0.05, support="nominal"))
    proof = proof_of(problem, Candidate(shares, law, game.kernel(field)))
    assert proof.proved
    assert proof.frozen == ""
    assert np.ptp(proof.exploitability) < 1e-11 * proof.value_range[1]


def test_what_keeps_a_game_frozen_is_said():
    game = rmfg.TabularGame(
        np.full((2, 2, 2), 0.5), lambda m: jnp.sin(m)[:, None] * jnp.ones((2, 2)), 0.9
    )
    answer = rmfg.solve(game, rmfg.TotalVariation(lambda m: 0.1 * m[0]), max_steps=2)
    proof = rmfg.prove(answer)
    assert "'sin'" in proof.frozen
    assert "frozen at the mean field, since the operation 'sin'" in str(proof)


def test_a_game_from_a_file_is_proved_as_it_stands_there(tmp_path):
    answer = rmfg.solve(rmfg.zoo.make("sis-epidemic"), rmfg.TotalVariation(0.1))
    answer.save(tmp_path / "eq.nc")
    loaded = rmfg.load(tmp_path / "eq.nc")
    assert rmfg.prove(answer).frozen == ""
    assert "file" in rmfg.prove(loaded).frozen
    assert rmfg.prove(dataclasses.replace(loaded, game=answer.game)).frozen == ""


def test_sizes_that_move_are_enclosed():
    kernel = np.array([[[0.1, 0.9], [1.0, 0.0]], [[0.5, 0.5], [0.3, 0.7]]])
    game = rmfg.TabularGame(kernel, np.array([[1.0, 0.0], [0.0, 2.0]]), 0.9)
    random = np.random.default_rng(2)
    law = np.array([0.4, 0.6]) * (1 + 1e-9)
    candidate = Candidate(random.dirichlet(np.ones(2), 2), law, rmfg.DenseKernel(kernel))
    problem = Problem(game, rmfg.TotalVariation(lambda m: 0.1 + 0.2 * m[0]))
    claim = enclosed_claim(problem, claim_of(problem, candidate))
    radius = Interval.of(claim.fields["radius"])
    exact = Fraction(0.1) + Fraction(0.2) * exact_game.law_of(law)[0]
    assert Fraction(float(radius.low)) <= exact <= Fraction(float(radius.high))
    assert radius.high - radius.low < 1e-15
    assert proof_of(problem, candidate).proved
