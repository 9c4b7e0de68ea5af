"""Settings of a hyperparameter search, and its space as it is written on the command line."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mmseg_ext.errors import InputError
from mmseg_ext.runs.options import parse_options
from mmseg_ext.workflows.arguments import check_least

FORMS = 'LOW:HIGH, LOW:HIGH:log or A,B,C'


@dataclass(frozen=True)
class Parameter:
    """One key of a config and its possible values: a range, or one of several values.

    Attributes:
        key: Dotted key of the config.
        low: Least value of a range; whole numbers at both ends make a range of whole numbers.
        high: Greatest value, included.
        log: Whether values are drawn log-uniformly.
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


@dataclass(frozen=True)
class SearchSettings:
    """The search.

    Attributes:
        config: The experiment.
        space: The hyperparameters and their possible values.
        metric: The value of validation to maximise, as in ``scalars.json`` without ``val/``.
        seed: Of the sampler and of every training.
        prune: Whether a training is stopped whose curve lies below the median of those before it.
        options: Overrides that all trainings share, dotted key → value.

    Raises:
        InputError: The seed is negative.
    """

    config: str
    space: tuple[Parameter, ...]
    metric: str = 'mDice'
    seed: int = 0
    prune: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_least(0, seed=self.seed)

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain values, for a report.

        >>> SearchSettings('c.py', tuple(parse_space(['lr=0.1:1.0', 'name=A,B']))).describe()['space']
        {'lr': {'low': 0.1, 'high': 1.0, 'log': False}, 'name': ['A', 'B']}
        """
        space = {
            p.key: list(p.choices) if p.choices else {'low': p.low, 'high': p.high, 'log': p.log} for p in self.space
        }
        return {**asdict(self), 'space': space}

    def example_options(self) -> dict[str, Any]:
        """Return overrides of one training of the search, to check the config with."""
        return {**self.options, **{p.key: p.choices[0] if p.choices else p.low for p in self.space}}


def parse_space(texts: Sequence[str]) -> list[Parameter]:
    """Read ``KEY=LOW:HIGH``, ``KEY=LOW:HIGH:log`` and ``KEY=A,B,C``.

    The values of a list are Python literals, and plain text where they are none; a list in brackets may hold lists.

    Args:
        texts: One text a parameter.

    Raises:
        InputError: No parameter, another form, an empty or descending range, a logarithm of what is not positive, or
            a key named twice.

    >>> parse_space(['optim_wrapper.optimizer.lr=1e-5:1e-3:log'])
    [Parameter(key='optim_wrapper.optimizer.lr', low=1e-05, high=0.001, log=True, choices=())]
    """
    if not texts:
        raise InputError('`space`', 'nothing to search', f'give KEY={FORMS}')
    space = [_parse(text) for text in texts]
    keys = [parameter.key for parameter in space]
    duplicates = sorted({key for key in keys if keys.count(key) > 1})
    if duplicates:
        raise InputError('`space`', f'{duplicates[0]} is given twice', 'give it once')
    return space


def _parse(text: str) -> Parameter:
    key, _, values = text.partition('=')
    if not key or not values:
        raise _wrong_form(text)
    if ':' in values and '[' not in values:
        return _parse_range(text, key, values.split(':'))
    choices = tuple(_parse_choices(text, key, values))
    if len(choices) < 2:
        raise InputError(f'`space={text}`', 'has only one value', f'fix it with `cfg_options`, or give KEY={FORMS}')
    return Parameter(key, choices=choices)


def _parse_choices(text: str, key: str, values: str) -> list[Any]:
    if values.startswith('['):
        try:
            return list(ast.literal_eval(values))
        except (ValueError, SyntaxError, TypeError) as error:
            raise InputError(f'`space={text}`', 'cannot be read as a Python list', 'write [A, B, C]') from error
    return [parse_options([f'{key}={value}'])[key] for value in values.split(',')]


def _parse_range(text: str, key: str, parts: Sequence[str]) -> Parameter:
    try:
        low, high, *scale = _number(parts[0]), _number(parts[1]), *parts[2:]
    except ValueError as error:
        raise _wrong_form(text) from error
    if scale not in ([], ['log']):
        raise _wrong_form(text)
    if not low < high:
        raise InputError(f'`space={text}`', 'the range is empty', 'put the lower end first')
    if scale and low <= 0:
        raise InputError(f'`space={text}`', 'a logarithmic range must be positive', 'raise its lower end above 0')
    return Parameter(key, low, high, bool(scale))


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(text) from None
        return value


def _wrong_form(text: str) -> InputError:
    return InputError(f'`space={text}`', f'must be KEY={FORMS}')
