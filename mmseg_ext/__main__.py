"""The command `mmseg-ext` as ``python -m mmseg_ext``."""

from mmseg_ext.commands.main import entry_point

if __name__ == '__main__':  # processes that are spawned import this file again
    entry_point()
