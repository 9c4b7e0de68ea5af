#!/usr/bin/env python
"""The command `mmseg-ext serve`."""

from mmseg_ext.commands.main import run_verb

run_verb('serve')
