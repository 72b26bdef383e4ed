"""How fast things move with the mean field: Lipschitz constants of games and responses, contraction."""
