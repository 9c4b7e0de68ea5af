#!/usr/bin/env python
"""The command `mmseg-ext convert ph2`."""

from mmseg_ext.commands.main import run_verb

run_verb('convert', 'ph2')
