"""The frame of every command: exit codes, one-line errors, help with an example.

Exit codes: 0 done, 1 findings or a missed goal, 2 wrong use or unusable input.
"""

from __future__ import annotations

import argparse
import errno
import io
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from mmseg_ext.errors import CombinedInputError, InputError, installing
from mmseg_ext.progress import SafeStream, open_console

if TYPE_CHECKING:
    from rich.console import Console

    from mmseg_ext.converters.report import Report

QUOTES = '"\''
LINE_BREAK = re.compile(r'\s*\n\s*')
ARGUMENT = re.compile(r'`([a-z_]\w*)(?:=([^`]*))?`')  # how an `InputError` writes an argument of a library function
# Arguments of the library that have another name on the command line, the same in every command.
FLAGS = {'root': 'DATA', 'data_root': 'DATA', 'config_path': 'CONFIG', 'options': '--cfg-options'}
# Top-level module → the extra of pyproject.toml that installs it; the core needs none of them.
EXTRAS = {
    'torch': 'train', 'mmengine': 'train', 'mmcv': 'train', 'mmseg': 'train', 'clearml': 'train', 'pyarrow': 'train',
    'msgspec': 'train', 'plotly': 'train', 'scipy': 'train', 'prettytable': 'train', 'optuna': 'search',
    'onnx': 'export', 'onnxscript': 'export', 'onnxruntime': 'onnx', 'starlette': 'serve', 'uvicorn': 'serve',
    'dask': 'dask', 'distributed': 'dask',
}  # fmt: skip


class ArgumentParser(argparse.ArgumentParser):
    """Parser whose help keeps line breaks and ends with an example.

    Args:
        description: What the command does.
        example: One call of it.
        prog: Its name; by default that of the verb that runs.
        flags: Argument of the library → flag, where the two differ by more than dashes: ``{'batch_size': '--batch'}``.
    """

    last: ArgumentParser | None = None  # the one that has parsed, for the flags in error messages
    command: str | None = None  # the verb that runs: ``mmseg-ext audit``

    def __init__(
        self, description: str, example: str, prog: str | None = None, flags: dict[str, str] | None = None
    ) -> None:
        super().__init__(
            prog=prog or ArgumentParser.command,  # argparse gives one to the parser of a sub-command
            description=description,
            epilog=f'example:\n  {example}',
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self._flags = FLAGS | (flags or {})

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
        flags = self._flags | {
            action.dest: max(action.option_strings, key=len, default=str(action.metavar or action.dest))
            for action in self._actions
            if action.help is not argparse.SUPPRESS and action.dest not in self._flags
        }

        def flag(match: re.Match[str]) -> str:
            name, value = match.groups()
            if name not in flags:
                return match[0]
            return f'{flags[name]} {value.strip(QUOTES)}' if value and value != 'True' else flags[name]

        return ARGUMENT.sub(flag, message)

    def error(self, message: str) -> NoReturn:
        """Report wrong arguments in one line."""
        self.exit(2, f'error: {message} (see {self.prog} --help)\n')


def run(main: Callable[[Sequence[str] | None], int | None]) -> NoReturn:
    """Run a command's ``main`` and exit with its code; an `InputError` becomes one line on standard error."""
    for name in ('stdout', 'stderr'):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):  # of a stream that counts as seekable and is not
                stream.reconfigure(errors='replace')  # a console that cannot show × or → must not end the work
            setattr(sys, name, SafeStream(stream))
    try:
        code = main(None) or 0
        sys.stdout.flush()  # here, where a reader that has left is no error, and not at the interpreter's end
    except InputError as error:
        print_error(error)
        code = error.exit_code
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or '').partition('.')[0])
        if extra is None:
            raise
        print(f'error: needs {error.name}, which is not installed: {installing(extra)}', file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        code = 130
    except BrokenPipeError:  # the reader (head, less) has left: nobody reads what else there is to print
        sys.stdout = None
        code = 0
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        sys.stdout = None
        print(f'error: output: cannot be written ({error.strerror}); free up space', file=sys.stderr)
        code = 2
    sys.exit(code)


def print_error(error: object, start: str = 'error: ') -> None:
    """Print an error, or its message, as one line on standard error that names this command's flags."""
    message = str(error) if ArgumentParser.last is None else ArgumentParser.last.name_flags(str(error))
    print(start + LINE_BREAK.sub(' ', message), file=sys.stderr)


def console(width: int = 110) -> Console:
    """Open a console on standard output: as wide as the terminal, or ``width`` columns in a pipe."""
    return open_console(width=None if os.isatty(1) else width)


def print_problems(errors: CombinedInputError) -> None:
    """Print each of several problems on a line of standard error."""
    for problem in errors.problems:
        print_error(problem, '')


def print_report(report: Report, most: int = 20) -> None:
    """Print what became of the objects of a source: a row for each class, then notes and what was skipped.

    Args:
        report: The report.
        most: Lines of each kind on what was skipped, before the number of the rest.
    """
    from rich.table import Table
    from rich.text import Text

    head, *rows = report.table()
    if rows:
        table = Table(box=None, pad_edge=False)
        for position, title in enumerate(head):
            table.add_column(title, justify='right' if position else 'left')
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        console().print(table)
    for line in report.lines(most):
        print(line if ArgumentParser.last is None else ArgumentParser.last.name_flags(line))


def report_left_out(lines: Sequence[str]) -> int:
    """Print why some files could not be used, and return the exit code: 1 if there are any."""
    for line in lines:
        print_error(line)
    if lines:
        print(f'{len(lines)} {"file was" if len(lines) == 1 else "files were"} left out', file=sys.stderr)
    return int(bool(lines))


def positive(text: str) -> int:
    """Read a count: the ``type`` of an argument.

    Raises:
        argparse.ArgumentTypeError: It is no whole number of at least 1; the parser makes one line of that.
    """
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text}: must be a whole number of at least 1')
    return value


def whole(text: str) -> int:
    """Read a count that may be 0: the ``type`` of an argument.

    Raises:
        argparse.ArgumentTypeError: It is no whole number of at least 0.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'{text}: must be a whole number of at least 0')
    return int(text)


def number(low: float, high: float) -> Callable[[str], float]:
    """Make the ``type`` of an argument that is a number from ``low`` to ``high``."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f'{text}: must be a number from {low:g} to {high:g}')
        return value

    return read


def names(text: str) -> tuple[str, ...]:
    """Read names separated by commas: the ``type`` of an argument.

    >>> names('train, val,')
    ('train', 'val')
    """
    return tuple(name.strip() for name in text.split(',') if name.strip())


def png(text: str) -> str:
    """Read the name of a PNG file: the ``type`` of an argument.

    Raises:
        argparse.ArgumentTypeError: It has another suffix.
    """
    if not text.lower().endswith('.png'):
        raise argparse.ArgumentTypeError(f'{text} must end in .png')
    return text


def add_workers_argument(parser: argparse.ArgumentParser, what: str = 'processes (default: 1)') -> None:
    """Add ``--workers``, for `mmseg_ext.eda.workers.run_chunks`; `what` the number counts."""
    parser.add_argument(
        '--workers', metavar='N', default='1', help=f'{what}, or dask://HOST:PORT of a running Dask scheduler'
    )


def add_data_arguments(
    parser: argparse.ArgumentParser, labels: str | None = 'labels', *, splits: bool = True, what: str = 'label set'
) -> None:
    """Add what every command that reads a data set takes: DATA, ``--labels`` and ``--splits``.

    Args:
        parser: The parser.
        labels: Default of ``--labels``; None if it must be given.
        splits: Whether there is a ``--splits``.
        what: Help of ``--labels``.
    """
    parser.add_argument('data', metavar='DATA', help='data set: dataset.yaml, img/<split>/, <label set>/<split>/')
    default = '' if labels is None else f' (default: {labels})'
    parser.add_argument('--labels', metavar='NAME', default=labels, required=labels is None, help=f'{what}{default}')
    parser.add_argument(
        '--max-pixels',
        action=_PixelLimit,
        metavar='M',
        help='reject images and masks larger than M megapixels (default: 80)',
    )
    if splits:
        parser.add_argument('--splits', type=names, metavar='A,B', help='splits, separated by commas (default: all)')


class _PixelLimit(argparse.Action):
    """Sets the limit of pixels for this process and those that it starts."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        from mmseg_ext.data.images import MAX_PIXELS_VARIABLE  # not above: it loads OpenCV

        try:
            pixels = int(float(values) * 1e6)
        except (ValueError, OverflowError):
            pixels = 0
        if pixels < 1:
            raise argparse.ArgumentError(self, f'{values}: must be a number above 0')
        os.environ[MAX_PIXELS_VARIABLE] = str(pixels)


def add_new_labels(parser: argparse.ArgumentParser, text: str) -> None:
    """Add ``--to``, the name of a new label set."""
    parser.add_argument('--to', metavar='NAME', required=True, help=text)


def _address(text: str) -> str:
    if not text:  # it would stand for every address
        raise argparse.ArgumentTypeError('must not be empty; use 0.0.0.0 for all addresses')
    return text


def add_address(parser: argparse.ArgumentParser) -> None:
    """Add what every local page takes: ``--host``, ``--port`` and ``--allowed-hosts``."""
    parser.add_argument(
        '--host',
        type=_address,
        default='127.0.0.1',
        metavar='ADDRESS',
        help='address to listen on (default: 127.0.0.1)',
    )
    parser.add_argument(
        '--allowed-hosts', type=names, default=(), metavar='A,B',
        help='more host names to accept, with --host (default: localhost, the address, this machine)',
    )  # fmt: skip
    parser.add_argument('--port', type=int, default=8000, metavar='N', help='port; 0 picks a free one (default: 8000)')


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``, overrides of a config."""
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override the config')


class _SafeConfig(argparse.Action):
    """Sets that no config is run as a program, for this process and those that it starts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(nargs=0, **kwargs)

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        os.environ['MMSEG_EXT_SAFE_CONFIG'] = '1'  # the name is that of `mmseg_ext.runs.data_config`, which loads torch


def add_safe_config(parser: argparse.ArgumentParser) -> None:
    """Add ``--safe-config``, for runs of strangers."""
    parser.add_argument(
        '--safe-config', action=_SafeConfig, help='read CONFIG as plain data (JSON, YAML, config dump), never as code'
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every command that runs a config takes: overrides, and how its processes are launched."""
    add_config_options(parser)
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm'], default='none', help='launcher: pytorch (torchrun) or slurm'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by torch.distributed.launch')
