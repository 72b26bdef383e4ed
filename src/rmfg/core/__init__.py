"""What every other floor stands on: precision, checks, statuses, files. Knows nothing of games."""
