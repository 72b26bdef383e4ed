"""Finite populations: how N agents really fare, and how that compares with the mean field's promise."""
