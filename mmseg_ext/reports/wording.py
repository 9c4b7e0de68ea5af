"""Wording of intervals and p-values."""

from __future__ import annotations


def interval_text(
    low: float | None, high: float | None, label: str = '', *, decimals: int = 2, to: str = ' to ', after: str = ''
) -> str:
    """Write an interval in brackets, after a space; nothing where it is unknown.

    Args:
        low: Lower end.
        high: Upper end.
        label: Words before the ends.
        decimals: Of both ends.
        to: Between the ends.
        after: Words behind them.

    >>> interval_text(1, 2.5, '95 % interval ', decimals=1)
    ' (95 % interval 1.0 to 2.5)'
    """
    if low is None or high is None:
        return ''
    return f' ({label}{low:.{decimals}f}{to}{high:.{decimals}f}{after})'


def p_text(p: float) -> str:
    """Write a p-value.

    >>> p_text(0.0005), p_text(0.052)
    ('p < 0.001', 'p = 0.052')
    """
    return 'p < 0.001' if p < 0.001 else f'p = {p:.3f}'
