"""The checker in real arithmetic: never beyond the truth, and every fault put into it is noticed."""

import ast
from pathlib import Path

import numpy as np
import pytest
import rigorous_attack as attack
from eight_states import NUM_STATES, SHAPE
from registry import KERNELS, SETS
from rigorous_mutants import MUTANTS

import rmfg
from rmfg.answer.claims import claim_of
from rmfg.cli import verification
from rmfg.model.problem import Candidate, Problem
from rmfg.rigorous import check
from rmfg.rigorous.claim import Claim, Laws


@pytest.mark.parametrize("block", range(20))
def test_games_solved_in_rationals_never_lie_beyond_the_bounds(block, unchecked):
    """20 times 10 games; `make attack` tries 10,000."""
    seeds = range(10 * block, 10 * block + 10)
    assert not [text for seed in seeds for text in attack.refuted(seed)]


@pytest.mark.parametrize("block", range(10))
def test_support_functions_hold_at_any_guess(block, unchecked):
    seeds = range(10 * block, 10 * block + 10)
    assert not [text for seed in seeds for text in attack.refuted_rows(seed)]


@pytest.mark.parametrize("seed", range(20))
def test_arithmetic_encloses_rationals(seed, unchecked):
    assert not attack.refuted_arithmetic(seed)


@pytest.mark.parametrize("seed", range(25))
def test_smooth_sets_enclose_their_duals_in_fifty_digits(seed, unchecked):
    assert not attack.refuted_smooth(seed)


@pytest.mark.parametrize("name", MUTANTS)
def test_faults_are_noticed(name, monkeypatch, unchecked):
    MUTANTS[name](monkeypatch)
    assert attack.catches()


def test_bounds_are_narrow(unchecked):
    widths = [attack.looseness(seed) for seed in range(40)]
    assert max(widths) < 1e-11
    assert np.median(widths) < 1e-13


@pytest.mark.parametrize("row", SETS, ids=lambda row: row.name)
def test_every_set_is_proved_and_dense_and_sparse_agree(row):
    random = np.random.default_rng(3)
    policy = random.dirichlet(np.ones(SHAPE[1]), SHAPE[0])
    law, reward = random.dirichlet(np.ones(NUM_STATES)), 1e6 + random.normal(size=SHAPE)
    ambiguity, proofs = row.build(row.middle(), KERNELS["dense"](3)), []
    for make in KERNELS.values():
        kernel = make(3)
        problem = Problem(rmfg.TabularGame(kernel, reward, 0.9), ambiguity)
        # Interval and scenarios are what is given: of the nominal law nothing is said.
        proofs.append(check.prove(claim_of(problem, Candidate(policy, law, kernel))))
        assert proofs[-1].proved, proofs[-1]
        assert proofs[-1].infeasibility[1] < 1e-13
        assert np.ptp(proofs[-1].exploitability) < 1e-10 * proofs[-1].value_range[1]
    for name in check.NAMES:
        (low, high), (other_low, other_high) = (getattr(proof, name) for proof in proofs)
        assert low <= other_high
        assert other_low <= high


def claim(**changes) -> Claim:
    """Two states, two actions, and what a test changes."""
    laws = Laws(np.array([[[0.1, 0.9], [1.0, 0.0]], [[0.5, 0.5], [0.3, 0.7]]]))
    fields = {
        "reward": np.array([[1.0, 0.0], [0.0, 2.0]]),
        "nominal": laws,
        "nature": laws,
        "discount": 0.9,
        "ambiguity": "total-variation",
        "fields": {"radius": 0.1, "support": "all"},
        "policy": np.full((2, 2), 0.5),
        "distribution": np.array([0.4, 0.6]),
    }
    return Claim(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"policy": np.full((2, 2), np.nan)}, "`policy` holds NaN"),
        ({"distribution": np.zeros(2)}, "`distribution` has a row without mass"),
        ({"nature": Laws(np.full((2, 2, 2), -0.5))}, "`nature` holds NaN, infinity or negative"),
        ({"discount": 1.0}, "the discount is 1.0"),
        ({"reward": np.full((2, 2), np.inf)}, "the reward is not finite"),
        ({"fields": {"radius": -0.1}}, "`radius` is not a size"),
        ({"ambiguity": "my own"}, "'my own' is not one that this checker knows"),
        ({"actions": np.eye(2, dtype=bool)}, "an action that is not allowed"),
        (
            {
                "ambiguity": "interval",
                "fields": {"lower": np.array([0.1, 0.9]), "upper": np.array([0.1, 0.9 - 1e-16])},
            },
            "in real arithmetic no law lies between the bounds",
        ),
    ],
)
def test_what_cannot_be_proved_is_said(changes, reason):
    proof = check.prove(claim(**changes))
    assert not proof.proved
    assert reason in proof.unproved[0]
    assert proof.exploitability == (0.0, np.inf)


def test_masks_are_kept():
    actions = np.array([[True, True], [True, False]])
    policy = np.array([[0.0, 1.0], [1.0, 0.0]])
    free = check.prove(claim(policy=policy))
    masked = check.prove(claim(policy=policy, actions=actions))
    assert masked.exploitability[1] < free.exploitability[0]


def test_a_saved_answer_is_proved_and_a_spoiled_one_is_not(tmp_path):
    game = rmfg.TabularGame(
        KERNELS["sparse"](3),
        np.random.default_rng(0).normal(size=SHAPE),
        0.9,
        initial=np.ones(8) / 8,
    )
    found = rmfg.solve(game, rmfg.TotalVariation(0.1), solver=rmfg.Picard())
    path = tmp_path / "answer.nc"
    found.save(path)
    outcome = verification.verify(path, rigorous=True)
    assert outcome.verified
    assert outcome.proof is not None
    assert outcome.proof.proved
    assert "proved in real arithmetic" in str(outcome)
    given = (game, found.ambiguity, found.policy, found.distribution, found.kernel)
    plain, proved = rmfg.certify(*given), rmfg.certify(*given, rigorous=True)
    assert proved.certified
    assert abs(proved.exploitability - plain.exploitability) < 1e-11 * plain.scale
    spoiled = np.full(SHAPE, 1 / SHAPE[1])
    assert not rmfg.certify(
        game, found.ambiguity, spoiled, found.distribution, rigorous=True
    ).certified


def test_the_checker_shares_no_code_with_what_it_checks():
    for path in Path(check.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, "names", [])]
            module = getattr(node, "module", None) or ""
            assert not [n for n in (*names, module) if n.split(".")[0] in ("jax", "equinox")]
            if module.startswith("rmfg"):
                assert module.startswith("rmfg.rigorous")
