"""Studies: many solves, simulations or measurements side by side as one dataset."""
