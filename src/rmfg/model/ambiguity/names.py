"""The names of ambiguity sets, for help, command lines and files. Nothing is imported here."""

from typing import TYPE_CHECKING

from rmfg.core.registry import Registry

if TYPE_CHECKING:
    from rmfg.model.ambiguity.base import Ambiguity

# Name, where the class is, and what else people call it.
SETS: "Registry[type[Ambiguity]]" = Registry(
    "ambiguity set",
    ("nominal", "rmfg.model.ambiguity.mixtures:Nominal", "none"),
    ("contamination", "rmfg.model.ambiguity.mixtures:Contamination", "huber"),
    ("total-variation", "rmfg.model.ambiguity.greedy:TotalVariation", "tv"),
    ("lp", "rmfg.model.ambiguity.norm:Lp", "l1", "l2"),
    ("interval", "rmfg.model.ambiguity.interval:Interval", "box"),
    ("interval-around", "rmfg.model.ambiguity.interval:IntervalAround"),
    ("kl", "rmfg.model.ambiguity.entropy:KullbackLeibler", "relative-entropy"),
    ("reverse-kl", "rmfg.model.ambiguity.entropy:ReverseKullbackLeibler", "rkl", "burg"),
    ("chi-square", "rmfg.model.ambiguity.divergence:ChiSquare", "chi2"),
    ("hellinger", "rmfg.model.ambiguity.divergence:Hellinger"),
    ("cvar", "rmfg.model.ambiguity.greedy:CVaR", "avar", "expected-shortfall"),
    ("wasserstein", "rmfg.model.ambiguity.wasserstein:Wasserstein", "w1", "w2", "ot"),
    ("scenarios", "rmfg.model.ambiguity.scenarios:Scenarios"),
    ("entropy-penalty", "rmfg.model.ambiguity.entropy:EntropyPenalty", "entropic"),
)
