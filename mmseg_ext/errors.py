"""The exception for input that the user can correct, and parts of its messages."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Control characters (C0 without tab and line break, DEL, C1), and those that turn the direction of writing.
UNSAFE_ON_A_TERMINAL = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]')
MAX_PART_CHARACTERS = 4000


class InputError(Exception):
    """Input that cannot be used as it is.

    A command prints it as one line, ``error: SUBJECT: PROBLEM; REMEDY``, without a traceback. Arguments of the function
    that raises stand in backticks (``replace it with `overwrite=True` ``); a command shows its own flag in their place.

    Args:
        subject: What cannot be used: a file, a field, an argument with its value.
        problem: What is wrong with it, with the value found.
        remedy: What to do about it.
        exit_code: Of a command: 2 for wrong use, 1 where the work was done but its goal was missed.

    >>> error = InputError('a.png', 'mask has mode RGB', 'convert it to one channel')
    >>> str(error)
    'a.png: mask has mode RGB; convert it to one channel'
    >>> error.subject
    'a.png'
    """

    def __init__(self, subject: object, problem: str = '', remedy: str = '', *, exit_code: int = 2) -> None:
        super().__init__(*map(_shortened, (str(subject), problem, remedy)))
        self.exit_code = exit_code

    @property
    def subject(self) -> str:
        """What cannot be used."""
        return str(self.args[0])

    @property
    def problem(self) -> str:
        """What is wrong with it."""
        return str(self.args[1])

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return str(self.args[2])

    def __str__(self) -> str:
        text = ': '.join(part for part in (self.subject, self.problem) if part)
        return f'{text}; {self.remedy}' if self.remedy else text


class NotWritableError(InputError):
    """A file or folder that cannot be written, for which no single input is to blame: the others would fail as well."""


class CombinedInputError(InputError):
    """Several problems at once, such as those of all files of a folder.

    Its text names the first five; a command prints each.

    Args:
        problems: At least one.
        remedy: What to do about all of them.

    >>> print(CombinedInputError([InputError('a.json', 'is empty'), InputError('b.json', 'is empty')], 'remove them'))
    a.json: is empty; and b.json: is empty; remove them
    """

    MAX_NAMED = 5

    def __init__(self, problems: Sequence[InputError], remedy: str = '') -> None:
        named = '; and '.join(str(problem) for problem in problems[: self.MAX_NAMED])
        rest = len(problems) - self.MAX_NAMED
        super().__init__(f'{named}; and {rest} more' if rest > 0 else named, remedy=remedy)
        self.problems = tuple(problems)


def raise_all(problems: Sequence[InputError], remedy: str = '') -> None:
    """Raise one error for all problems, if there are any.

    Raises:
        InputError: The only problem, or `CombinedInputError`.
    """
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise CombinedInputError(problems, remedy)


def _shortened(text: str) -> str:
    """Cut what is quoted from a damaged file: it may be all of it."""
    if len(text) <= MAX_PART_CHARACTERS:
        return text
    half = MAX_PART_CHARACTERS // 2
    return f'{text[:half]} … {text[-half:]}'


def one_line(error: object) -> str:
    r"""Return the message of an error without its line breaks.

    >>> one_line(KeyError('no key\nof that name'))
    'no key of that name'
    """
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    return ' '.join(str(message).split())


def visible(text: str) -> str:
    r"""Return text with its control characters written out: a foreign name must not steer a terminal.

    >>> print(visible('cat\x1b[2J'))
    cat\x1b[2J
    """
    return UNSAFE_ON_A_TERMINAL.sub(lambda match: ascii(match[0])[1:-1], text)


def installing(extra: str) -> str:
    """Return how an optional part of the requirements is installed, as the remedy of an error.

    >>> installing('search')
    'pip install -e ".[search]" in the checkout'
    """
    return f'pip install -e ".[{extra}]" in the checkout'
