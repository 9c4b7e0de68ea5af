"""Completion of verbs, flags, files and config names in a shell."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmseg_ext import __version__
from mmseg_ext.commands import main as command
from mmseg_ext.commands.cli import EXTRAS, ArgumentParser

EXAMPLE = """mmseg-ext completion bash > ~/.local/share/bash-completion/completions/mmseg-ext
  mmseg-ext completion zsh > ~/.zfunc/_mmseg-ext"""
SHELLS = ('bash', 'zsh')
PATHS = ('DATA', 'D', 'DIR', 'FILE', 'FILE.png')  # metavars of the flags whose values are files or folders
BASH = """
_mmseg_ext_configs() {
  compgen -W "$(mmseg-ext configs --names 2>/dev/null)" -- "$1"
  compgen -f -- "$1"
}
"""


def build_parser() -> ArgumentParser:
    """Build the parser of the flags."""
    parser = ArgumentParser(
        'Print a script that completes mmseg-ext in a shell. It knows the flags of the verbs whose extras are\n'
        'installed; print it again after installing more.',
        EXAMPLE,
    )
    parser.add_argument('shell', metavar='SHELL', choices=SHELLS, help=f'one of: {", ".join(SHELLS)}')
    return parser


def build_command_parser() -> argparse.ArgumentParser:
    """Build one parser of all verbs. A verb whose extra is not installed has no flags in it."""
    parser = argparse.ArgumentParser('mmseg-ext')
    parser.add_argument('--version', action='version', version=__version__)
    verbs = parser.add_subparsers(metavar='VERB')
    for verb, text in command.VERBS.items():
        parents = _parsers(verb)
        verbs.add_parser(verb, help=text, parents=parents, add_help=not parents)
        for action in (action for parent in parents for action in parent._actions):
            _complete_paths(action)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, print the script."""
    args = build_parser().parse_args(argv)
    import shtab

    print(shtab.complete(build_command_parser(), args.shell, preamble={'bash': BASH}))
    return 0


def _parsers(verb: str) -> list[argparse.ArgumentParser]:
    """Return the parser of a verb, or none where its extra is missing."""
    try:
        return [command.load_verb(verb).build_parser()]
    except ModuleNotFoundError as error:
        if (error.name or '').partition('.')[0] in EXTRAS:
            return []
        raise


def _complete_paths(action: argparse.Action) -> None:
    """Tell shtab what the values of an argument are."""
    import shtab

    if action.choices is not None or action.nargs == 0:
        return
    if str(action.metavar).partition(' ')[0] in ('CONFIG', 'PATTERN'):
        action.complete = {**shtab.FILE, 'bash': '_mmseg_ext_configs'}  # type: ignore[attr-defined]
    elif not action.option_strings or action.metavar in PATHS:
        action.complete = shtab.FILE  # type: ignore[attr-defined]
