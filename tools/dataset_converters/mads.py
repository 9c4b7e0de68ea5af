#!/usr/bin/env python
"""The command `mmseg-ext convert mads`."""

from mmseg_ext.commands.main import run_verb

run_verb('convert', 'mads')
