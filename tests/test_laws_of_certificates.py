"""Laws of the certificate: for every set it certifies the true answer, and refutes wrong ones."""

import numpy as np
from eight_states import NUM_ACTIONS, NUM_STATES, SHAPE, array, push
from registry import lonely_game, over_kernels, over_sets

import rmfg


@over_kernels
@over_sets()
def test_certificate_refutes_wrong_answers(row, form, ledger):
    game = lonely_game(form)
    start = np.full(NUM_STATES, 1 / NUM_STATES)
    nominal = game.kernel(start)
    ambiguity = row.build(row.middle(), nominal)
    best = rmfg.best_response(game, ambiguity, start, tol=1e-12)
    law = rmfg.stationary_distribution(best.kernel, best.policy, initial=start)

    def certify(policy=best.policy, law=law, kernel=best.kernel):
        return rmfg.certify(game, ambiguity, policy, law, kernel)

    found = certify()
    assert found.certified, found
    assert certify(kernel=None).certified
    # The range of the policy's values, over the states in reach.
    scale = found.scale
    assert 0 < scale <= np.ptp(best.value) * (1 + 1e-9)

    # The worst action in the state where the choice matters most loses at least what it loses once.
    state = int(np.argmax(np.ptp(best.q, axis=1)))
    worse = best.policy.copy()
    worse[state] = np.eye(NUM_ACTIONS)[np.argmin(best.q[state])]
    found = certify(policy=worse)
    ledger.holds("a worse policy is refuted", not found.certified)
    loss = np.ptp(best.q[state])
    ledger.at_most("exploitability is an upper bound", loss - found.exploitability, 1e-9)

    elsewhere = 0.9 * law + 0.1 * np.eye(NUM_STATES)[np.argmin(law)]
    found = certify(law=elsewhere)
    chain = np.einsum("sat,sa->st", array(best.kernel), best.policy)
    expected = np.abs(elsewhere - elsewhere @ chain).sum()
    ledger.holds("a law that does not stay is refuted", (expected < 1e-7) | ~found.certified)
    ledger.at_most("consistency as defined", abs(found.consistency - expected), 1e-12)

    paid = ambiguity.penalty(nominal, nominal)
    gap = array(nominal) @ best.value + paid - ambiguity.worst_value(nominal, best.value)
    gap = np.max(np.where(law[:, None] * best.policy > 0, gap, 0))
    found = certify(kernel=nominal)
    ledger.holds("a kind nature is refuted", (gap <= 1e-7 * scale) | ~found.certified)
    ledger.at_most("nature's gap as defined", abs(found.nature_gap - gap), 1e-9 * scale)

    cruel = np.zeros((*SHAPE, NUM_STATES))
    cruel[..., np.argmin(best.value)] = 1
    rows = row.rows(row.middle(), nominal)
    outside = max(row.outside(one, cruel[one.place]) for one in rows)
    assert outside > 1e-3
    cruel = rmfg.DenseKernel(cruel)
    found = certify(kernel=cruel.to_sparse() if form == "sparse" else cruel)
    ledger.holds("a kernel outside its set is refuted", not found.certified)
    ledger.holds("infeasibility is seen", found.infeasibility > 1e-3)

    short = push(best.kernel, 0.9 * best.kernel.probabilities)
    ledger.holds("rows that are no laws are refuted", not certify(kernel=short).certified)
    hole = best.policy.copy()
    hole[0] = np.nan
    ledger.holds("NaN in the policy is refuted", not certify(policy=hole).certified)
    hole = law.copy()
    hole[0] = np.nan
    ledger.holds("NaN in the distribution is refuted", not certify(law=hole).certified)
    hole = best.kernel.probabilities.copy()
    hole[np.argmax(law), :, 0] = np.nan
    hole = push(best.kernel, hole)
    ledger.holds("NaN in the kernel is refuted", not certify(kernel=hole).certified)
