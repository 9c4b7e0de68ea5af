"""`python -m mmseg_ext` is the command `mmseg-ext`."""

from mmseg_ext.commands.main import entry_point

entry_point()
