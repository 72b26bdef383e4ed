"""Nature's smooth answers: laws over every ambiguity set, on dense and on sparse kernels.

At a temperature T and a potential psi nature minimizes <q, V> + T D(q, q_0) over her set, q_0 being
what she answers to psi alone. That says nearly all there is to check: D is never negative and zero
at q_0, the least cost is concave in V with the law as its slope, and as T falls the law
attains the worst case. Derivatives are compared with differences, answers with convex programs.
"""

import itertools
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
import pytest
from eight_states import LINE, NUM_STATES, SCATTERED, SHAPE, array, values_of
from reference import soft
from registry import KERNELS, ONE_OF_EACH, SETS, over_kernels, over_sets
from scipy.special import rel_entr

import rmfg
from rmfg.model.ambiguity.soft import ProximalStep
from rmfg.model.leaking import Leaking

SEEDS = range(4)
TEMPERATURES = (1e-6, 1e-2, 0.3, 10.0)
EPS = np.finfo(float).eps
# Multipliers are found where logarithms of masses agree to 1e-11.
FOUND = 1e-10
STEP = 1e-5


def over_cases(chosen=lambda row: True):
    """Every set on dense kernels; on sparse ones, where only the rows are others, one of a kind."""
    forms = {"dense": SETS, "sparse": ONE_OF_EACH}
    cases = [
        pytest.param(row, form, id=f"{row.name}-{form}", marks=pytest.mark.xdist_group(row.kind))
        for form, rows in forms.items()
        for row in rows
        if chosen(row)
    ]
    return pytest.mark.parametrize(("row", "form"), cases)


class Question(NamedTuple):
    """All that a smooth answer depends on."""

    ambiguity: rmfg.Ambiguity
    kernel: rmfg.Kernel
    values: np.ndarray
    potential: np.ndarray
    temperature: np.ndarray
    weight: np.ndarray

    def answer(self) -> "Answer":
        return self.along(self.still())[0]

    def center(self) -> "Answer":
        """The answer to the potential alone."""
        return self._replace(values=np.zeros(NUM_STATES)).answer()

    def along(self, direction: "Question") -> tuple["Answer", "Answer"]:
        """The answer, and its derivative in a direction: numbers that look like `numbers()`."""
        with jax.enable_x64(True):
            rest = eqx.filter(self, eqx.is_inexact_array, inverse=True)
            return jax.tree.map(np.asarray, _along(rest, self.numbers(), direction))

    def numbers(self) -> "Question":
        return eqx.filter(self, eqx.is_inexact_array)

    def still(self) -> "Question":
        return jax.tree.map(lambda number: np.zeros(number.shape), self.numbers())

    def moved(self, length: float, direction: "Question") -> "Question":
        rest = eqx.filter(self, eqx.is_inexact_array, inverse=True)
        there = jax.tree.map(lambda x, d: x + length * d, self.numbers(), direction)
        return eqx.combine(there, rest)


class Answer(NamedTuple):
    """The least cost (S, A), up to what does not depend on V, the law (S, A, S), and what the next
    proximal step is to know.
    """

    value: np.ndarray
    law: np.ndarray
    offset: np.ndarray
    weight: np.ndarray


# What takes time here is compiling: code that is not optimized is compiled in half of it.
@eqx.filter_jit(compiler_options={"xla_backend_optimization_level": 0})
def _along(rest: Question, numbers: Question, direction: Question) -> tuple[Answer, Answer]:
    def answer(numbers: Question) -> Answer:
        ambiguity, kernel, *step = eqx.combine(numbers, rest)
        value, answer, offset, following = ambiguity.soften(kernel, ProximalStep(*step))
        return Answer(value, spelled_out(answer), offset, following)

    return jax.jvp(answer, (numbers,), (direction,))


def spelled_out(kernel):
    if isinstance(kernel, Leaking):
        return kernel.kept.to_dense() + kernel.leak[..., None] * kernel.sink
    return kernel.to_dense()


def question(row, form, seed, potential=0.0, temperature=0.3):
    kernel = KERNELS[form](seed)
    tilt = potential * np.random.default_rng(seed).normal(size=NUM_STATES)
    ambiguity = row.build(row.middle(), kernel)
    return Question(
        ambiguity, kernel, values_of(seed), tilt, np.asarray(float(temperature)), np.ones(SHAPE)
    )


def rounding(asked):
    """What costs may be off by: rounding of V, and what the search for a multiplier leaves."""
    found = FOUND * (np.ptp(asked.values) + asked.temperature)
    return 64 * EPS * np.abs(asked.values).max() + found


def coldness(asked):
    """What laws may be off by, since exponents V / T are rounded."""
    return 4 * EPS * np.abs(asked.values).max() / asked.temperature


def paid(row, kernel, law):
    """What a penalized set adds to the expected value."""
    return rel_entr(law, array(kernel)).sum(-1) * row.middle() if row.penalized else 0.0


# Values and laws --------------------------------------------------------------------------------


@over_cases()
def test_nature_stays_inside_and_pays_for_leaving(row, form, ledger):
    for seed in SEEDS:
        for temperature, potential in itertools.product(TEMPERATURES, (0.0, 2.0)):
            asked = question(row, form, seed, potential, temperature)
            values, center = asked.values, asked.center()
            found = asked.answer()
            value, law = found.value, found.law
            slack = rounding(asked)
            ledger.at_most("rows are laws", -law, 1e-11 + coldness(asked))
            ledger.at_most("rows sum to one", np.abs(law.sum(-1) - 1), 1e-13)
            rows = row.rows(row.middle(), asked.kernel)[seed::11]
            outside = [row.outside(one, law[one.place]) for one in rows]
            ledger.at_most("inside, by definition", outside, 1e-11 + coldness(asked))

            attained = law @ values + paid(row, asked.kernel, law)
            sigma = asked.ambiguity.worst_value(asked.kernel, values)
            missed = slack + coldness(asked) * np.ptp(values)
            ledger.at_most("sigma is at most what is attained", sigma - attained, missed)
            if row.penalized:
                held = temperature * rel_entr(law, array(asked.kernel)).sum(-1)
                ledger.at_most("a penalty with more of it", np.abs(value - attained - held), slack)
                near = asked._replace(weight=found.weight).answer()
                ledger.at_most("and none from there", np.abs(near.value - sigma), slack)
                continue
            cost = value - center.value
            ledger.at_most("divergences are not negative", attained - cost, missed)
            ledger.at_most("at most the cost of the center", cost - center.law @ values, slack)
            if temperature == min(TEMPERATURES):
                allowed = 1e-5 * np.ptp(values)
                ledger.at_most("a cold answer attains sigma", attained - sigma, allowed)


@over_cases()
def test_the_value_is_concave_and_the_law_its_slope(row, form, ledger):
    for seed in SEEDS:
        for temperature in (1e-2, 1.0):
            asked = question(row, form, seed, 1.0, temperature)
            random, values = np.random.default_rng(seed), asked.values
            direction = random.normal(size=NUM_STATES)
            found, slope = asked.along(asked.still()._replace(values=direction))
            ledger.at_most("Danskin", np.abs(slope.value - found.law @ direction), 1e-9)

            raised = values + random.exponential(size=NUM_STATES)
            for other in (values_of(seed + 1), values + direction, raised):
                there = asked._replace(values=other)
                slack = rounding(asked) + rounding(there)
                tangent = found.value + found.law @ (other - values)
                rise = there.answer().value - found.value
                ledger.at_most("the law is a supergradient", found.value + rise - tangent, slack)
            ledger.at_most("monotone in V", -rise, slack)
            rise = asked._replace(values=values + 7.0).answer().value - found.value
            ledger.at_most("shift", np.abs(rise - 7.0), slack)
            if not row.penalized:
                warmer = asked._replace(temperature=3 * asked.temperature)
                costs = [q.answer().value - q.center().value for q in (asked, warmer)]
                ledger.at_most("not decreasing in T", costs[0] - costs[1], slack)


@over_cases(lambda row: not row.penalized)
def test_proximal_steps_reach_the_worst_case(row, form, ledger):
    """V / T is added to the potential again and again; the offset of a step is what the last one
    added to the cost.
    """
    for seed in (0, 2):
        asked, span = question(row, form, seed), np.ptp(values_of(seed))
        asked = asked._replace(values=asked.values - asked.values.min(), temperature=0.1 * span)
        sigma = asked.ambiguity.worst_value(asked.kernel, asked.values)
        gaps, offset = [], 0.0
        for _ in range(32):
            found = asked.answer()
            gaps.append((found.law @ asked.values - sigma).max() / span)
            further = asked.potential + asked.values / asked.temperature
            asked = asked._replace(potential=further - further.min(), weight=found.weight)
            cost, offset = found.value - offset, found.offset
        # Proximal steps are off by at most T D / k, D being the divergence from the first center.
        ledger.at_most("as fast as proximal steps are", gaps, 0.8 / np.arange(1, 33))
        ledger.at_most("the cost without the offset is sigma", np.abs(cost - sigma) / span, 0.04)


@over_cases()
def test_the_potential_is_the_center(row, form, ledger):
    for seed in SEEDS:
        asked = question(row, form, seed, 2.0)
        for level, temperature in ((-3.0, 0.3), (2.5, 1e-3), (0.0, 10.0)):
            tied = asked._replace(
                values=np.full(NUM_STATES, level), temperature=np.asarray(temperature)
            )
            found, center = tied.answer(), tied.center()
            ledger.at_most("equal values cost themselves", found.value - center.value - level, 1e-9)
            ledger.at_most("and leave the center", np.abs(found.law - center.law), 1e-10)
        shifted = asked._replace(potential=asked.potential + 5.0).answer()
        law = asked.answer().law
        ledger.at_most("potentials have no level", np.abs(shifted.law - law), 1e-10)
        if not row.penalized:
            further = asked.potential + asked.values / asked.temperature
            there = asked._replace(potential=further).center()
            ledger.at_most("V / T is added to the potential", np.abs(there.law - law), 1e-10)


@over_cases(lambda row: row.has_radius)
def test_radius_zero_is_nominal(row, form, ledger):
    for seed in SEEDS:
        asked = question(row, form, seed, 1.0)
        asked = asked._replace(ambiguity=row.build(0.0, asked.kernel))
        found, nominal = asked.answer(), array(asked.kernel)
        ledger.at_most("law", np.abs(found.law - nominal), 4 * EPS)
        cost = found.value - asked.center().value
        ledger.at_most("value", np.abs(cost - nominal @ asked.values), rounding(asked))


@over_sets(ONE_OF_EACH)
def test_sparse_is_dense(row, ledger):
    if row.kind == "scenarios":
        pytest.skip("the registry gives sparse and dense kernels other scenarios")
    for seed in SEEDS:
        for temperature in TEMPERATURES:
            sparse, dense = (question(row, form, seed, 1.0, temperature) for form in KERNELS)
            costs = [asked.answer().value - asked.center().value for asked in (sparse, dense)]
            ledger.at_most("values", np.abs(costs[0] - costs[1]), rounding(dense))
            allowed = 1e-9 + coldness(dense)
            ledger.at_most("laws", np.abs(sparse.answer().law - dense.answer().law), allowed)


# Derivatives ------------------------------------------------------------------------------------


def directions(asked, row, seed):
    """By name, ways to move a question on which laws stay laws."""
    random, still = np.random.default_rng(50 + seed), asked.still()
    law = np.asarray(asked.kernel.law)
    pull = random.normal(size=law.shape)
    kernel = eqx.tree_at(lambda k: k.law, still.kernel, law * (pull - (law * pull).sum(0)))
    half = asked._replace(ambiguity=row.build(0.5 * row.middle(), asked.kernel))
    larger = jax.tree.map(np.subtract, asked.numbers().ambiguity, half.numbers().ambiguity)
    return {
        "values": still._replace(values=random.normal(size=NUM_STATES)),
        "potential": still._replace(potential=random.normal(size=NUM_STATES)),
        "temperature": still._replace(temperature=asked.temperature),
        "kernel": still._replace(kernel=kernel),
        "radius": still._replace(ambiguity=larger),
    }


@over_cases()
def test_derivatives_are_those_of_differences(row, form, ledger):
    for seed in SEEDS[:2]:
        for temperature in (0.1, 1.0):
            asked = question(row, form, seed, 1.0, temperature)
            for name, direction in directions(asked, row, seed).items():
                slope = asked.along(direction)[1]
                up, down = (asked.moved(h, direction).answer() for h in (STEP, -STEP))
                for part in ("value", "law"):
                    exact = getattr(slope, part)
                    differences = (getattr(up, part) - getattr(down, part)) / (2 * STEP)
                    allowed = 1e-6 * max(1.0, np.abs(exact).max())
                    ledger.at_most(f"{part} in {name}", np.abs(exact - differences), allowed)


# Against programs of their own ------------------------------------------------------------------


def _around(one, cost, support):
    upper = np.minimum(one.p + one.size, 1) * ((one.p > 0) | (support == "all"))
    return soft.interval(one.p, cost, np.maximum(one.p - one.size, 0), upper)


def _given(one, cost):
    lower, upper = (bound[one.place] for bound in one.around.bounds)
    return soft.interval(one.p, cost, lower, upper)


PROGRAMS = {
    **{
        f"{name}, support {support}": lambda one, cost, program=program, support=support: program(
            one.p, cost, one.size, support
        )
        for name, program in {
            "contamination": soft.contamination,
            "total variation": soft.total_variation,
        }.items()
        for support in ("all", "nominal")
    },
    "KL": lambda one, cost: soft.divergence(one.p, cost, one.size, "KL"),
    "chi-square": lambda one, cost: soft.divergence(one.p, cost, one.size, "chi-square"),
    "reverse KL, support nominal": lambda one, cost: soft.divergence(
        one.p, cost, one.size, "reverse KL"
    ),
    "Hellinger, support nominal": lambda one, cost: soft.divergence(
        one.p, cost, one.size, "Hellinger"
    ),
    "L1, support all": lambda one, cost: soft.total_variation(one.p, cost, one.size / 2, "all"),
    "L2, support all": lambda one, cost: soft.euclidean(one.p, cost, one.size),
    "interval": _given,
    "interval around, support all": lambda one, cost: _around(one, cost, "all"),
    "interval around, support nominal": lambda one, cost: _around(one, cost, "nominal"),
    "CVaR": lambda one, cost: soft.cvar(one.p, cost, one.size),
    "Wasserstein, support all": lambda one, cost: soft.wasserstein(
        one.p, cost, one.size, LINE, 1.0
    ),
    "Wasserstein 2, support all": lambda one, cost: soft.wasserstein(
        one.p, cost, one.size, SCATTERED, 2.0
    ),
    "scenarios": lambda one, cost: soft.scenarios(
        one.p, cost, one.around.scenario_laws[(slice(None), *one.place)]
    ),
}


@over_sets(tuple(row for row in SETS if row.name in PROGRAMS))
def test_answers_are_those_of_convex_programs(row, ledger):
    for seed, temperature in ((0, 0.3), (1, 2.0)):
        asked = question(row, "dense", seed, 1.0, temperature)
        law, cost = asked.answer().law, asked.values / temperature + asked.potential
        # Rows of several successors with room to move: conic solvers need it.
        rows = [one for one in row.rows(row.middle(), asked.kernel) if one.p.max() < 0.9]
        rows = [one for one in rows if one.p[one.p > 0].min() > 1e-3][5::6]
        for one in rows:
            off = np.abs(law[one.place] - PROGRAMS[row.name](one, cost)).max()
            ledger.at_most("law", off, 1e-5)


def test_the_table_of_programs_has_no_dead_rows():
    assert set(PROGRAMS) <= {row.name for row in SETS}


# Kernels that leak ------------------------------------------------------------------------------


@over_kernels
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_closing_a_leak(form, share):
    """Rows stay laws: what is kept, plus the leak times the sink."""
    random, kernel = np.random.default_rng(1), KERNELS[form](2)
    leak = share * random.uniform(size=SHAPE)
    sink = random.dirichlet(np.ones(NUM_STATES)) * (np.arange(NUM_STATES) != 3)
    sink[5] = 1e-20  # forgotten, since each state of the sink costs a sparse kernel a slot
    sink /= sink.sum()
    leaking = Leaking(eqx.tree_at(lambda k: k.law, kernel, kernel.law * (1 - leak)), leak, sink)
    closed = leaking.closed()
    closed.check()
    assert type(closed) is type(kernel)
    expected = (1 - leak)[..., None] * array(kernel) + leak[..., None] * sink
    np.testing.assert_allclose(array(closed), expected, atol=1e-15)
    values, occupation = values_of(0), random.dirichlet(np.ones(leak.size)).reshape(SHAPE)
    with jax.enable_x64(True):
        np.testing.assert_allclose(leaking.expectation(values), expected @ values, atol=1e-14)
        pushed = np.einsum("sa,sat->t", occupation, expected)
        np.testing.assert_allclose(leaking.push(occupation), pushed, atol=1e-15)
