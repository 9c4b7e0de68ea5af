"""Checks of the arguments of workflows."""

from __future__ import annotations

import math

from mmseg_ext.errors import InputError


def check_least(least: float, **arguments: float | None) -> None:
    """Refuse arguments below a limit, and those that are not finite; None passes.

    Raises:
        InputError: An argument is smaller, infinite or NaN.

    >>> check_least(1, top=3, band=None)
    >>> check_least(2, folds=1)
    Traceback (most recent call last):
    ...
    mmseg_ext.errors.InputError: `folds=1`: must be at least 2
    """
    for name, value in arguments.items():
        if value is not None and not value >= least:
            raise InputError(f'`{name}={value}`', f'must be at least {least}')
        if value == math.inf:
            raise InputError(f'`{name}={value}`', 'must be finite')
