"""Ambiguity sets: what nature may do to the next-state law of every (s, a)."""

from rmfg.model.ambiguity.base import Ambiguity as Ambiguity
from rmfg.model.ambiguity.base import Worst as Worst
from rmfg.model.ambiguity.divergence import ChiSquare as ChiSquare
from rmfg.model.ambiguity.divergence import Hellinger as Hellinger
from rmfg.model.ambiguity.entropy import EntropyPenalty as EntropyPenalty
from rmfg.model.ambiguity.entropy import KullbackLeibler as KullbackLeibler
from rmfg.model.ambiguity.entropy import ReverseKullbackLeibler as ReverseKullbackLeibler
from rmfg.model.ambiguity.greedy import CVaR as CVaR
from rmfg.model.ambiguity.greedy import Interval as Interval
from rmfg.model.ambiguity.greedy import IntervalAround as IntervalAround
from rmfg.model.ambiguity.greedy import TotalVariation as TotalVariation
from rmfg.model.ambiguity.mixtures import Contamination as Contamination
from rmfg.model.ambiguity.mixtures import Nominal as Nominal
from rmfg.model.ambiguity.norm import Lp as Lp
from rmfg.model.ambiguity.scenarios import Scenarios as Scenarios
from rmfg.model.ambiguity.wasserstein import Wasserstein as Wasserstein
