#!/usr/bin/env python
"""The command `mmseg-ext model-sizes`."""

from mmseg_ext.commands.main import run_verb

run_verb('model-sizes')
