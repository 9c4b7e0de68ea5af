"""What each command does, as functions to call from Python: one module a verb."""
