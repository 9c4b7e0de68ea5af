"""The values that a hyperparameter search may try, read from the command line."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmseg_ext.errors import InputError
from mmseg_ext.runs.options import parse_options

FORMS = 'LOW:HIGH, LOW:HIGH:log or A,B,C'


@dataclass(frozen=True)
class Parameter:
    """One key of a config and what it may be: a range, or one of several values.

    Attributes:
        key: Dotted key of the config.
        low: Least value of a range; whole numbers at both ends make a range of whole numbers.
        high: Greatest value, included.
        log: Whether the logarithm is spread evenly, not the value.
        choices: The values, where it is no range.
    """

    key: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def is_integer(self) -> bool:
        """Whether a range is one of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def example(self) -> Any:
        """A value that is allowed."""
        return self.choices[0] if self.choices else self.low


def parse_space(texts: Sequence[str]) -> list[Parameter]:
    """Read ``KEY=LOW:HIGH``, ``KEY=LOW:HIGH:log`` and ``KEY=A,B,C``.

    The values of a list are Python literals, and plain text where they are none; a list in brackets may hold lists.

    Raises:
        InputError: No parameter, another form, an empty or descending range, a logarithm of what is not positive, or
            a key named twice.
    """
    if not texts:
        raise InputError(f'--space: nothing to search; give KEY={FORMS}')
    space = [_parse(text) for text in texts]
    keys = [parameter.key for parameter in space]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise InputError(f'--space: {twice[0]} is named twice')
    return space


def _parse(text: str) -> Parameter:
    key, equals, values = text.partition('=')
    if not key or not equals or not values:
        raise InputError(f'--space {text}: must be KEY={FORMS}')
    if ':' in values and '[' not in values:
        return _parse_range(text, key, values.split(':'))
    choices = tuple(_parse_choices(key, values))
    if len(choices) < 2:
        raise InputError(f'--space {text}: has one value only; fix it with --cfg-options, or give KEY={FORMS}')
    return Parameter(key, choices=choices)


def _parse_choices(key: str, values: str) -> list[Any]:
    if values.startswith('['):
        try:
            listed = ast.literal_eval(values)
        except (ValueError, SyntaxError) as error:
            raise InputError(f'--space {key}={values}: cannot be read as a Python list') from error
        return list(listed)
    return [parse_options([f'{key}={value}'])[key] for value in values.split(',')]


def _parse_range(text: str, key: str, parts: Sequence[str]) -> Parameter:
    log = len(parts) == 3 and parts[2] == 'log'
    try:
        low, high = (_number(part) for part in parts[:2])
    except ValueError as error:
        raise InputError(f'--space {text}: must be KEY={FORMS}') from error
    if len(parts) > 2 and not log:
        raise InputError(f'--space {text}: must be KEY={FORMS}')
    if not low < high:
        raise InputError(f'--space {text}: the range is empty; the lower end stands first')
    if log and low <= 0:
        raise InputError(f'--space {text}: a logarithmic range must be positive')
    return Parameter(key, low, high, log)


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        value = float(text)
        if value - value != 0:  # inf and nan
            raise ValueError(text) from None
        return value


def describe_space(space: Sequence[Parameter]) -> dict[str, Any]:
    """The space as plain values, for a report."""
    return {p.key: list(p.choices) if p.choices else {'low': p.low, 'high': p.high, 'log': p.log} for p in space}


def example_options(space: Sequence[Parameter]) -> Mapping[str, Any]:
    """Overrides that lie in the space, to try a config with."""
    return {parameter.key: parameter.example() for parameter in space}
