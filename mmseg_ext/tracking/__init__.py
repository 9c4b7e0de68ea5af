"""Experiment tracking: ClearML.

Imports reports and everything below it. Importing this package loads no heavy library.
"""
