"""Runner, loops and mixed precision; `mmseg_ext.engine` re-exports them."""
