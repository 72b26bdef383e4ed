"""The certificate against enumeration and against its definitions, written out by hand."""

import dataclasses

import numpy as np
import pytest
from eight_states import NUM_STATES, SHAPE, array, dense_kernel
from reference import games as brute_force
from registry import CrowdedGame, over_kernels

import rmfg

SIZE = (3, 2)


def sigma_of_variation(p, values):
    """Mass 0.2 moves from the highest values to the lowest."""
    left, total = 0.2, float(p @ values)
    for state in np.argsort(-values):
        moved = min(left, p[state])
        left, total = left - moved, total - moved * (values[state] - values.min())
    return total


NATURES = {
    "nominal": (rmfg.Nominal(), lambda p, v: p @ v),
    "contamination": (rmfg.Contamination(0.3), lambda p, v: 0.7 * (p @ v) + 0.3 * v.min()),
    "total variation": (rmfg.TotalVariation(0.2), sigma_of_variation),
}


class TinyGame(rmfg.MeanFieldGame):
    """Kernel and reward that depend on the mean field of either kind."""

    num_states, num_actions = SIZE
    discount = 0.8

    def __init__(self, mean_field: str, seed: int):
        random = np.random.default_rng(seed)
        self.mean_field = mean_field
        self.laws = random.dirichlet(np.ones(3), (2, *SIZE))
        self.payoff = random.normal(size=SIZE)

    def kernel(self, mean_field):
        share = mean_field[0] if self.mean_field == "state" else mean_field[:, 0].sum()
        return (1 - share) * self.laws[0] + share * self.laws[1]

    def reward(self, mean_field):
        crowd = mean_field[:, None] if self.mean_field == "state" else mean_field
        return self.payoff - crowd

    def at(self, law, policy):
        """Kernel and reward in NumPy, from the formulas above."""
        field = law if self.mean_field == "state" else law[:, None] * policy
        share = field[0] if self.mean_field == "state" else field[:, 0].sum()
        crowd = field[:, None] if self.mean_field == "state" else field
        return (1 - share) * self.laws[0] + share * self.laws[1], self.payoff - crowd


@pytest.mark.parametrize("mean_field", ["state", "state-action"])
@pytest.mark.parametrize("name", NATURES)
def test_enumeration_lies_between_the_bounds(name, mean_field):
    """Eight deterministic policies, valued by plain iteration, at the candidate's mean field."""
    ambiguity, sigma = NATURES[name]
    for seed in range(4):
        game, random = TinyGame(mean_field, seed), np.random.default_rng(100 + seed)
        law = random.dirichlet(np.ones(3))
        # From far off to nearly optimal, with and without actions that are never played.
        policy = random.dirichlet(np.full(2, 0.5), 3) if seed % 2 else np.eye(2)[[0, 1, 0]]
        kernel, reward = game.at(law, policy)
        found = rmfg.certify(game, ambiguity, policy, law)
        best = brute_force.optimal_robust_value(kernel, reward, game.discount, sigma)
        own = brute_force.robust_value(kernel, reward, game.discount, policy, sigma)
        gain = best - own
        assert found.exploitability_lower <= gain.max() + 1e-11
        assert gain.max() <= found.exploitability + 1e-11
        assert found.exploitability - found.exploitability_lower <= 1e-11
        assert found.mean_exploitability == pytest.approx(law @ gain, abs=1e-11)
        assert found.scale == pytest.approx(np.ptp(own), rel=1e-9)

        # Nature's own answer to the optimal value; the law is pushed through it.
        nature = array(ambiguity.worst_kernel(rmfg.DenseKernel(kernel), best))
        sigmas = np.array([[sigma(kernel[s, a], best) for a in range(2)] for s in range(3)])
        np.testing.assert_allclose(nature @ best, sigmas, atol=1e-12)
        pushed = np.einsum("s,sa,sat->t", law, policy, nature)
        assert found.consistency == pytest.approx(np.abs(law - pushed).sum(), abs=1e-11)
        assert found.nature_gap <= 1e-11
        assert found.infeasibility <= 1e-13


@pytest.mark.parametrize("name", NATURES)
def test_populations(name):
    """What moves the population: nature, the nominal kernel, or somebody's kernel."""
    ambiguity, _ = NATURES[name]
    game, random = TinyGame("state", 7), np.random.default_rng(7)
    law, policy = random.dirichlet(np.ones(3)), random.dirichlet(np.ones(2), 3)
    kernel, _ = game.at(law, policy)
    own = random.dirichlet(np.ones(3), SIZE)
    claimed = random.dirichlet(np.ones(3), SIZE)

    def consistency(moved):
        return np.abs(law - np.einsum("s,sa,sat->t", law, policy, moved)).sum()

    movers = {"worst_case": claimed, "nominal": kernel}
    for population, moved in [*movers.items(), (own, own), (rmfg.DenseKernel(own), own)]:
        found = rmfg.certify(game, ambiguity, policy, law, claimed, population=population)
        assert found.consistency == pytest.approx(consistency(moved), abs=1e-13)
        # The claimed kernel is judged as nature's, whoever moves the population.
        assert found.infeasibility > 1e-3
        assert not found.certified


def test_gap_counts_only_where_the_population_goes():
    """A kind nature on a pair that nobody plays is no offence; on one that is played, it is."""
    kernel = np.zeros((3, 2, 3))
    kernel[:, 0, 0] = 1  # action 0 goes to state 0, action 1 to the other two
    kernel[:, 1, 1:] = 0.5
    reward = np.array([[1.0, 0], [0, 0], [0, -1]])
    game = rmfg.TabularGame(kernel, reward, 0.5)
    ambiguity = rmfg.CVaR(0.5)
    stay, law = np.tile([1.0, 0], (3, 1)), np.eye(3)[0]
    best = rmfg.best_response(game, ambiguity, law)
    np.testing.assert_array_equal(best.policy, stay)
    found = rmfg.certify(game, ambiguity, stay, law, kernel)
    assert found.nature_gap <= 1e-14
    assert found.certified
    # Values are 2, 1, 1, so that no law on states 1 and 2 is worse than another; make them differ.
    reward[2, 0] = -1.0
    game = rmfg.TabularGame(kernel, reward, 0.5)
    mixed = np.tile([0.5, 0.5], (3, 1))
    found = rmfg.certify(game, ambiguity, mixed, law, kernel)
    # V = (2, 1, 0): nominal 0.5 against the worst case 0.
    assert found.nature_gap == pytest.approx(0.5, abs=1e-12)
    assert rmfg.certify(game, ambiguity, stay, law, kernel).nature_gap <= 1e-14


def test_infeasibility_is_the_sets_distance():
    nominal = dense_kernel(0)
    game = rmfg.TabularGame(nominal, np.random.default_rng(0).normal(size=SHAPE), 0.9)
    law = np.full(NUM_STATES, 1 / NUM_STATES)
    policy = np.full(SHAPE, 1 / SHAPE[1])
    away = np.roll(array(nominal), 1, axis=-1)
    moved = 0.5 * np.abs(away - array(nominal)).sum(-1)
    found = rmfg.certify(game, rmfg.TotalVariation(0.25), policy, law, away)
    assert found.infeasibility == pytest.approx(moved.max() - 0.25, abs=1e-14)


def test_the_scale_is_the_range_over_states_in_reach():
    """Nobody is in the last two states; an action that is never played leads to the first of them."""
    kernel = np.zeros((4, 2, 4))
    kernel[:2, 0] = [[0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0]]
    kernel[:2, 1] = [[0, 0, 1, 0], [0.5, 0.5, 0, 0]]
    kernel[2:, :, 0] = 1
    reward = np.array([[1.0, 0], [0, -1e9], [-3, -3], [-50, -50]])
    game = rmfg.TabularGame(kernel, reward, 0.5)
    policy, law = np.tile([1.0, 0.0], (4, 1)), np.array([0.5, 0.5, 0, 0])
    # Values of the first two differ by their rewards, and are 1 on average; then -3 + 0.75.
    found = rmfg.certify(game, rmfg.Nominal(), policy, law)
    assert found.scale == pytest.approx(1.5 + 2.25, rel=1e-12)
    kernel[0, 1] = [0.5, 0.5, 0, 0]
    found = rmfg.certify(rmfg.TabularGame(kernel, reward, 0.5), rmfg.Nominal(), policy, law)
    assert found.scale == pytest.approx(1.0, rel=1e-12)


def test_flows_are_what_is_said():
    """Three states in a ring, by hand: 0.2 and 0.1 of the mass moves on, the third stays."""
    kernel = np.array([[0.8, 0.2, 0], [0, 0.9, 0.1], [0, 0, 1.0]])[:, None]
    law = np.array([0.5, 0.3, 0.2])
    game = rmfg.TabularGame(kernel, np.zeros((3, 1)), 0.9)
    found = rmfg.certify(game, rmfg.Nominal(), np.ones((3, 1)), law)
    # Out: 0.1, 0.03, 0. In: 0, 0.1, 0.03. The mean outflow is 0.13 / 3.
    assert found.consistency == pytest.approx(0.1 + 0.07 + 0.03, rel=1e-12)
    assert found.flow_imbalance == pytest.approx(1.0, rel=1e-12)
    assert found.drift == pytest.approx(2 * 0.8, rel=1e-12)


GOOD = rmfg.Certificate(
    exploitability=9.0,
    exploitability_lower=8.0,
    mean_exploitability=8.5,
    consistency=0.09,
    flow_imbalance=0.09,
    drift=0.09,
    nature_gap=9.0,
    infeasibility=0.09,
    adjustment=0.09,
    scale=100.0,
    tol=0.1,
)


def test_a_certificate_is_shown_in_a_line_and_as_a_table():
    assert repr(GOOD) == (
        "<Certificate: certified at tol 0.1, exploitability 9.000e+00 (relative 9.000e-02)>"
    )
    bad = dataclasses.replace(GOOD, drift=0.2)
    assert repr(bad).endswith("; above tol: drift>")
    rows = dict(line.strip().split("  ", 1) for line in str(bad).splitlines())
    assert rows["drift"].endswith("above tol")
    assert rows["consistency"].endswith("ok")
    assert "adjustment" not in rows
    assert "hardly ever left" in str(dataclasses.replace(GOOD, nearly_closed=2, sensitivity=1e9))


def test_conditions_are_what_tol_promises():
    assert GOOD.certified
    assert GOOD.relative_exploitability == 0.09
    assert GOOD.relative_nature_gap == 0.09
    shares = ("consistency", "flow_imbalance", "drift", "infeasibility", "adjustment")
    bad = {"exploitability": 11.0, "nature_gap": 11.0} | dict.fromkeys(shares, 0.11)
    assert bad.keys() == GOOD.conditions.keys()
    for name, number in bad.items():
        for wrong in (number, np.nan, np.inf):
            found = dataclasses.replace(GOOD, **{name: wrong})
            assert not found.certified
            assert [key for key, holds in found.conditions.items() if not holds] == [name]
    assert not dataclasses.replace(GOOD, scale=np.nan).certified


def test_atol_is_in_the_unit_of_the_values():
    """It replaces tol where numbers have a unit, and nowhere else."""
    strict = dataclasses.replace(GOOD, atol=8.9)
    assert [key for key, holds in strict.conditions.items() if not holds] == [
        "exploitability",
        "nature_gap",
    ]
    assert dataclasses.replace(GOOD, atol=9.0, scale=1e-9).certified
    game = rmfg.zoo.make("move-forward")
    law, policy = np.full(7, 1 / 7), np.full((7, 3), 1 / 3)
    found = rmfg.certify(game, rmfg.Nominal(), policy, law, atol=1e3)
    assert found.conditions["exploitability"]
    assert not found.conditions["consistency"]
    answer = rmfg.solve(game, atol=1e-3)
    assert answer.status == "certified"
    assert answer.certificate.exploitability <= 1e-3
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="`atol`"):
            rmfg.solve(game, atol=wrong)


@pytest.mark.parametrize("mean_field", ["state", "state-action"])
@over_kernels
def test_both_kinds_of_mean_field_and_kernel(form, mean_field):
    """The same numbers for dense and sparse games, and by hand for the nominal set."""
    game, random = CrowdedGame(form, mean_field), np.random.default_rng(0)
    law, policy = random.dirichlet(np.ones(8)), random.dirichlet(np.ones(5), 8)
    field = law if mean_field == "state" else law[:, None] * policy
    kernel, reward = array(game.kernel(field)), game.reward(field)
    found = rmfg.certify(game, rmfg.Nominal(), policy, law)
    value = np.zeros(8)
    for _ in range(400):
        value = (reward + game.discount * kernel @ value).max(1)
    chain = np.einsum("sat,sa->st", kernel, policy)
    own = np.linalg.solve(np.eye(8) - game.discount * chain, (policy * reward).sum(1))
    assert found.exploitability == pytest.approx((value - own).max(), abs=1e-11)
    assert found.mean_exploitability == pytest.approx(law @ (value - own), abs=1e-11)
    assert found.consistency == pytest.approx(np.abs(law - law @ chain).sum(), abs=1e-14)


def test_equilibria_known_in_closed_form():
    game = rmfg.zoo.make("rock-paper-scissors")
    law = np.full(3, 1 / 3)
    for policy in (np.full((3, 3), 1 / 3), np.eye(3)[[1, 2, 0]]):
        found = rmfg.certify(game, rmfg.Nominal(), policy, law, tol=1e-12)
        assert found.certified, found
    # Rock forever is beaten by paper forever: 1 a step, from the second step on.
    rock = np.eye(3)[[0, 0, 0]]
    found = rmfg.certify(game, rmfg.Nominal(), rock, np.eye(3)[0])
    assert found.exploitability == pytest.approx(0.9 / (1 - 0.9), rel=1e-12)
    assert not found.certified


def test_constant_rewards():
    """All policies are equal: their value is the scale, and zero rewards have scale one."""
    law, policy = np.full(NUM_STATES, 1 / NUM_STATES), np.full(SHAPE, 1 / SHAPE[1])
    around = np.broadcast_to(np.roll(np.eye(8), 1, 1)[:, None], (*SHAPE, 8))
    for constant, scale in ((3.0, 30.0), (0.0, 1.0)):
        game = rmfg.TabularGame(around, np.full(SHAPE, constant), 0.9)
        found = rmfg.certify(game, rmfg.Nominal(), policy, law)
        assert found.certified
        assert found.scale == pytest.approx(scale, rel=1e-12)


def test_a_tolerance_can_be_asked_for():
    game = rmfg.zoo.make("move-forward")
    law, policy = np.full(7, 1 / 7), np.full((7, 3), 1 / 3)
    found = rmfg.certify(game, rmfg.Nominal(), policy, law, tol=1e-8)
    loose = rmfg.certify(game, rmfg.Nominal(), policy, law, tol=1.0)
    assert not found.certified
    assert loose.certified
    assert dataclasses.replace(found, tol=1.0) == loose
