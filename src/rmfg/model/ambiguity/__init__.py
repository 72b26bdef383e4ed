"""Ambiguity sets: what nature may do to the next-state law of every (s, a).

A set stands in a module of its own kind, its name in `names.py`, its public name in `rmfg`.
"""
