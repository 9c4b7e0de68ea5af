"""`mmseg-ext convert FORMAT`: one module a format."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser

FORMATS = {
    'coco': 'objects of COCO photographs',
    'mads': 'MADS, persons in sports',
    'oxford-pet': 'Oxford-IIIT Pet',
    'ph2': 'PH², dermoscopies',
    'voc': 'Pascal VOC',
}


def main(argv: Sequence[str] | None = None) -> int | None:
    """Parse the format, and run its converter with the other arguments."""
    argv = list(argv or ())
    names = '\n'.join(f'  {name:<12}{text}' for name, text in FORMATS.items())
    parser = ArgumentParser(
        f"Convert a public data set into the project's layout.\n\nformats:\n{names}", 'mmseg-ext convert voc --help'
    )
    parser.add_argument('format', metavar='FORMAT', choices=FORMATS)
    args = parser.parse_args(argv[:1])
    code: int | None = importlib.import_module(f'{__name__}.{args.format.replace("-", "_")}').main(argv[1:])
    return code
