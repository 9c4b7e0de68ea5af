"""Hooks of a training, one a file; `mmseg_ext.engine` re-exports them."""
