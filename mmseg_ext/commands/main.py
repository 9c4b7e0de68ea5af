"""The command `mmseg-ext`: one verb a step of the work."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from mmseg_ext import __version__
from mmseg_ext.commands import cli

# Verb → what it does. Help is printed from here, so that no verb's module is imported for it.
VERBS = {
    'accept': "put a ranking's suggested masks into a new label set",
    'audit': 'find wrong, doubled and missing masks and images',
    'benchmark': 'time a part of mmseg_ext against a named peer',
    'browse': 'draw the augmented samples that a config trains on',
    'class-weights': 'class weights from the masks of a split',
    'clean': 'repair masks by geometric rules, into a new label set',
    'cleaning-ablation': 'measure what each cleaning rule does to planted defects',
    'clearml-import': 'import an offline ClearML session',
    'compare': 'compare runs on one page',
    'convert': "convert a public data set into the project's layout",
    'demo': 'make the synthetic pets',
    'errors': 'find the cause of every wrong pixel of a test',
    'export': 'export a model to ONNX',
    'labelme': 'take masks to LabelMe and back, compare label sets',
    'model-sizes': 'parameters and GFLOPs of configs',
    'predict': 'predict photographs',
    'pseudo-label': 'label photographs with a trained model',
    'rank': 'rank masks by how probably they are wrong',
    'ranking-quality': 'score a ranking against corrected masks',
    'search': 'search hyperparameters',
    'serve': 'serve a model as a local page',
    'stats': 'measure a data set',
    'test': 'test a trained model on a split',
    'train': 'train one experiment',
}


def run_verb(*verb: str) -> None:
    """Run one verb with the rest of the process's arguments; the process ends with its exit code."""
    cli.run(lambda argv: _call(verb, sys.argv[1:] if argv is None else argv))


def main(argv: Sequence[str] | None = None) -> int | None:
    """Parse the verb, and run it with the other arguments."""
    argv = list(sys.argv[1:] if argv is None else argv)
    names = '\n'.join(f'  {verb:<16}{text}' for verb, text in VERBS.items())
    parser = cli.ArgumentParser(
        f'Find, rank and fix bad masks; train; explain.\n\nverbs:\n{names}', 'mmseg-ext audit DATA', 'mmseg-ext'
    )
    parser.add_argument('--version', action='version', version=f'mmseg_ext {__version__}')
    parser.add_argument('verb', metavar='VERB', choices=VERBS, help='what to do; mmseg-ext VERB --help explains it')
    args = parser.parse_args(argv[:1])
    return _call((args.verb,), argv[1:])


def entry_point() -> None:
    """The console script."""
    cli.run(main)


def _call(verb: Sequence[str], argv: Sequence[str]) -> int | None:
    name, *subcommand = verb
    module = importlib.import_module(f'mmseg_ext.commands.{name}'.replace('-', '_'))
    code: int | None = module.main([*subcommand, *argv])
    return code
