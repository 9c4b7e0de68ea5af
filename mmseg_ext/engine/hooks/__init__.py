"""Hooks of a training, one per file; `mmseg_ext.engine` re-exports them."""
