"""How fast things move: Lipschitz constants of games and sets, contraction of iterations, mixing."""
