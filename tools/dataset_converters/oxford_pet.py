#!/usr/bin/env python
"""The command `mmseg-ext convert oxford-pet`."""

from mmseg_ext.commands.main import run_verb

run_verb('convert', 'oxford-pet')
