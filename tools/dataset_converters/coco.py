#!/usr/bin/env python
"""The command `mmseg-ext convert coco`."""

from mmseg_ext.commands.main import run_verb

run_verb('convert', 'coco')
