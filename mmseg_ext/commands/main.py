"""The command `mmseg-ext`: one verb for each step of the work."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from mmseg_ext import __version__
from mmseg_ext.commands import cli

# Step → verb → what it does. The help is printed from here, so that no verb's module is imported for it.
STEPS: dict[str, dict[str, str]] = {
    'data': {
        'demo': 'make the synthetic pets data set',
        'convert': "convert a public data set or an annotation tool's export to the project layout",
        'export-labels': 'export masks to COCO, YOLO, CVAT or VOC',
        'tile': 'cut large images and masks into overlapping tiles',
        'stitch': 'merge predictions of tiles into masks of the whole images',
        'audit': 'find wrong, duplicate and missing masks and images',
        'stats': 'measure a data set',
        'class-weights': 'compute class weights from the masks of a split',
    },
    'labels': {
        'remap': 'convert masks with other ids, colours or bit depths to class indices',
        'clean': 'repair masks by geometric rules, into a new label set',
        'cleaning-ablation': 'measure what each cleaning rule does to planted defects',
        'labelme': 'export masks to LabelMe, import them back, compare label sets',
        'rank': 'rank masks by how likely they are to be wrong',
        'review': 'review and correct doubtful masks on a local page',
        'accept': "put a ranking's suggested masks into a new label set",
        'ranking-quality': 'score a ranking against corrected masks',
        'pseudo-label': 'label images with a trained model',
    },
    'training': {
        'auto': 'audit, plan, train, test and explain, in one go',
        'init': 'plan a training: a config for a data set and this machine',
        'configs': 'list the experiments that come with mmseg_ext',
        'weights': 'list, get and convert pretrained weights',
        'browse': 'draw the augmented samples that a config trains on',
        'model-sizes': 'count parameters and GFLOPs of configs',
        'train': 'train one experiment',
        'search': 'search hyperparameters',
        'clearml-import': 'send offline ClearML sessions to the server',
    },
    'explaining': {
        'test': 'test a trained model on a split',
        'errors': 'find the cause of every wrong pixel in a test result',
        'compare': 'compare runs on one page',
    },
    'using': {
        'ensemble': 'combine models by averaging their class probabilities',
        'predict': 'predict masks of images',
        'serve': 'serve a model on a local page',
        'export': 'export a model to ONNX',
        'benchmark': 'time a part of mmseg_ext against a reference',
        'completion': 'print a shell completion script',
    },
}
VERBS = {verb: text for verbs in STEPS.values() for verb, text in verbs.items()}


def run_verb(*verb: str) -> None:
    """Run one verb with the process's arguments, for the scripts in tools/; the process ends with its exit code."""
    # Python puts the folder of a script first: there, tools/statistics.py would hide the module of the same name.
    folder = os.path.dirname(os.path.abspath(sys.argv[0]))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or '.') != folder]
    cli.run(lambda argv: _call(verb, sys.argv[1:] if argv is None else argv))


def main(argv: Sequence[str] | None = None) -> int | None:
    """Parse the verb, and run it with the other arguments."""
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = cli.ArgumentParser(
        f'Audit, clean, train, explain: segmentation on small data sets.\n\n{_list_verbs()}',
        'mmseg-ext audit data/pets',
        'mmseg-ext',
    )
    parser.usage = '%(prog)s [-h] [--version] VERB …'
    parser.add_argument('--version', action='version', version=f'mmseg_ext {__version__}')
    parser.add_argument('verb', metavar='VERB', help='command to run; see mmseg-ext VERB --help')
    verb = parser.parse_args(argv[:1]).verb
    if verb not in VERBS:
        close = difflib.get_close_matches(verb, VERBS, n=1)
        parser.error(f'unknown verb {verb!r}{f"; did you mean {close[0]}?" if close else ""}')
    return _call((verb,), argv[1:])


def entry_point() -> None:
    """Run as the console script."""
    cli.run(main)


def load_verb(verb: str) -> ModuleType:
    """Import the module of a verb: it has ``build_parser()`` and ``main(argv)``."""
    cli.ArgumentParser.command = f'mmseg-ext {verb}'
    return importlib.import_module(f'mmseg_ext.commands.{verb}'.replace('-', '_'))


def _call(verb: Sequence[str], argv: Sequence[str]) -> int | None:
    name, *subcommand = verb
    code: int | None = load_verb(name).main([*subcommand, *argv])
    return code


def _list_verbs() -> str:
    width = max(map(len, VERBS)) + 2
    return '\n\n'.join(
        f'{step}:\n' + '\n'.join(f'  {verb:<{width}}{text}' for verb, text in verbs.items())
        for step, verbs in STEPS.items()
    )
