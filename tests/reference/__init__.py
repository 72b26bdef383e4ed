"""Independent reference programs for the tests: nothing in here imports rmfg or jax."""
