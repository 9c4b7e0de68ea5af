#!/usr/bin/env python
"""The command `mmseg-ext labelme`."""

from mmseg_ext.commands.main import run_verb

run_verb('labelme')
