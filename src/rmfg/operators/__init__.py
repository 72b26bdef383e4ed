"""The maps of the theory, each a pure function: Bellman operators, best responses, laws."""
