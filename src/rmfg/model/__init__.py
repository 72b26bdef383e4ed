"""What a game is: kernels, games, ambiguity sets. Data and their own mathematics."""
