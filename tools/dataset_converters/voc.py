#!/usr/bin/env python
"""The command `mmseg-ext convert voc`."""

from mmseg_ext.commands.main import run_verb

run_verb('convert', 'voc')
