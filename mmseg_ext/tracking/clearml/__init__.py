"""ClearML: logging in a process of its own, remote execution, reading projects back."""
