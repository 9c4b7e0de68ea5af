#!/usr/bin/env python
"""The command `mmseg-ext pseudo-label`."""

from mmseg_ext.commands.main import run_verb

run_verb('pseudo-label')
