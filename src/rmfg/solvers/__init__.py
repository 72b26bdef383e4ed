"""How an equilibrium is found. Solvers are pure functions on a frozen state; the loop is shared."""
