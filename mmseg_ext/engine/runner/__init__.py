"""The runner, its loops and mixed precision."""
