#!/usr/bin/env python
"""The command `mmseg-ext test`."""

from mmseg_ext.commands.main import run_verb

run_verb('test')
