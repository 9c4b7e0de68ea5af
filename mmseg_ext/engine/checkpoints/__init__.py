"""Checkpoint files: writing, finding, matching to a model, pretrained weights, training state."""
