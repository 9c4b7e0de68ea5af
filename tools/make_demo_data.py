#!/usr/bin/env python
"""The command `mmseg-ext demo`."""

from mmseg_ext.commands.main import run_verb

run_verb('demo')
