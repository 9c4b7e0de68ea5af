#!/usr/bin/env python
"""The command `mmseg-ext convert ph2`."""

from mmseg_ext.commands.main import run_verb

if __name__ == '__main__':  # processes that are spawned import this file again
    run_verb('convert', 'ph2')
