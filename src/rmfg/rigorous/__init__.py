"""Bounds that hold in real arithmetic: a checker in NumPy that shares no code with the solvers."""
