"""How an equilibrium is found: solvers, pure functions on a frozen state, and the loop they share.

A solver stands in a module of its own, its name in `names.py`, its public name in `rmfg`; the contract
that all keep is `base.py`.
"""
