"""The frame of every command: exit codes, one-line errors, help with an example.

Exit codes: 0 done, 1 findings or a missed goal, 2 wrong use or unusable input.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mmseg_ext.errors import InputError

ARGUMENT = re.compile(r'`([a-z_]\w*)(?:=([^`]*))?`')  # how an `InputError` writes an argument of a library function
TRAINING = frozenset({'torch', 'mmengine', 'mmcv', 'mmseg', 'pyarrow'})  # of the extra `train`; the core does without


class ArgumentParser(argparse.ArgumentParser):
    """Parser whose help keeps line breaks, shows defaults and ends with an example.

    Args:
        description: What the command does.
        example: One call of it.
        prog: Its name; given by argparse to the parser of a sub-command.
        flags: Argument of the library → flag, where the two differ by more than dashes: ``{'batch_size': '--batch'}``.
    """

    last: ArgumentParser | None = None  # the one that has parsed, for the flags in error messages

    def __init__(
        self, description: str, example: str, prog: str | None = None, flags: dict[str, str] | None = None
    ) -> None:
        super().__init__(
            prog=prog,  # given by argparse to the parser of a sub-command
            description=description,
            epilog=f'example:\n  {example}',
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self._flags = {'options': '--cfg-options'} | (flags or {})

    def parse_known_args(self, *args: Any, **kwargs: Any) -> Any:
        """Parse; see argparse."""
        ArgumentParser.last = self
        return super().parse_known_args(*args, **kwargs)

    def name_flags(self, message: str) -> str:
        """Replace the library's arguments in an error message by this command's flags.

        >>> parser = ArgumentParser('Count.', 'count DATA')
        >>> _ = parser.add_argument('--overwrite', action='store_true')
        >>> parser.name_flags('out: exists already; replace it with `overwrite=True`')
        'out: exists already; replace it with --overwrite'
        """
        flags = {
            action.dest: max(action.option_strings, key=len, default=action.metavar or action.dest)
            for action in self._actions
        } | self._flags

        def flag(match: re.Match[str]) -> str:
            name, value = match.groups()
            if name not in flags:
                return match[0]
            return f'{flags[name]} {value}' if value and value != 'True' else str(flags[name])

        return ARGUMENT.sub(flag, message)

    def error(self, message: str) -> NoReturn:
        """Report wrong arguments in one line."""
        self.exit(2, f'error: {message} (see {self.prog} --help)\n')


def run(main: Callable[[Sequence[str] | None], int | None]) -> NoReturn:
    """Run a tool's ``main`` and leave with its exit code; an `InputError` becomes one line on standard error."""
    try:
        code = main(None) or 0
        sys.stdout.flush()  # here, where a reader that has left is no error, and not at the interpreter's end
    except InputError as error:
        message = str(error) if ArgumentParser.last is None else ArgumentParser.last.name_flags(str(error))
        print(f'error: {message}', file=sys.stderr)
        code = error.exit_code
    except ModuleNotFoundError as error:
        if (error.name or '').partition('.')[0] not in TRAINING:
            raise
        print(f'error: needs {error.name}, which is not installed: pip install "mmseg_ext[train]"', file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        code = 130
    except BrokenPipeError:  # the reader (head, less) has left: nothing more to say, and nobody to say it to
        sys.stdout = None
        code = 0
    sys.exit(code)


def positive(text: str) -> int:
    """Read the value of an option that counts something: the ``type`` of an argument.

    Raises:
        argparse.ArgumentTypeError: It is no whole number of at least 1; the parser makes one line of that.
    """
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text}: must be a whole number of at least 1')
    return value


def add_run_arguments(parser: ArgumentParser) -> None:
    """Add what every tool that runs a config takes: overrides of the config, and how its processes are launched."""
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override the config')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm'], default='none', help='for torchrun or slurm'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by torch.distributed.launch')
