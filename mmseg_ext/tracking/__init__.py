"""Runs made comparable: hyperparameters of a config, and ClearML. Importing this package imports no heavy library."""
