#!/usr/bin/env python
"""The command `mmseg-ext rank`."""

from mmseg_ext.commands.main import run_verb

run_verb('rank')
