"""What can be said of a candidate, whoever found it. Knows nothing of solvers."""
