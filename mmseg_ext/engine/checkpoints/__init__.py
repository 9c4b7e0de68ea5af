"""Checkpoint files: writing, finding, matching them to a model, pretrained weights."""
