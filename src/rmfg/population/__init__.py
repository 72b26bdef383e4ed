"""Finite populations: how N agents fare, and how that compares with the mean field's promise."""
