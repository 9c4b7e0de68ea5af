"""Runs: config loading, hyperparameters, environment, scalars, run records; reading runs back."""
