#!/usr/bin/env python
"""The command `mmseg-ext clearml-import`."""

from mmseg_ext.commands.main import run_verb

run_verb('clearml-import')
