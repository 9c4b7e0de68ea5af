"""Runs: config loading, hyperparameters, environment, scalars, records; reading of runs from their folders.

It may import evaluation, data, files, progress and errors. Its modules are imported by name, since some need torch and
mmengine (`config`, `environment`, `checkpoint_file`) and the others do not.
"""
