#!/usr/bin/env python
"""The command `mmseg-ext class-weights`."""

from mmseg_ext.commands.main import run_verb

run_verb('class-weights')
