"""The rules of the audit: which checks there are, how severe each is, and its thresholds.

`RULES` holds the defaults, which reproduce the reference report. A TOML file or ``check.threshold=value`` settings
replace single values::

    [fragments]
    most = 8
    severity = "info"   # or "off"
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from mmseg_ext.eda.audit.findings import SEVERITIES, Severity
from mmseg_ext.errors import InputError
from mmseg_ext.reading import load_text

Level = Severity | Literal['off']
DUPLICATE_CHECKS = ('duplicate_image', 'split_leak', 'conflicting_masks')  # those that compare images
LEVELS: tuple[str, ...] = (*SEVERITIES, 'off')


@dataclass(frozen=True)
class Rule:
    """How one check is applied.

    Attributes:
        severity: Severity of its findings; ``off`` leaves the check out.
        thresholds: Named limits, passed to the check as keyword arguments. Shares and ratios are fractions (0.3 is
            30 %), lengths are pixels.
    """

    severity: Level
    thresholds: Mapping[str, float] = field(default_factory=dict)


Rules = Mapping[str, Rule]

# In the order in which the findings of one file are listed.
RULES: Rules = {
    'unpaired_image': Rule('error'),
    'unpaired_mask': Rule('error'),
    'unlabelled_split': Rule('error'),
    'ambiguous_stem': Rule('error'),
    'stray_file': Rule('info'),
    'nested_folder': Rule('warning'),
    'unread_format': Rule('warning'),
    'unreadable': Rule('error'),
    'damaged_image': Rule('warning'),
    'exif_orientation': Rule('warning'),
    'near_black': Rule('warning', {'below': 20}),
    'size_mismatch': Rule('error'),
    'invalid_class': Rule('error'),
    'values_0_255': Rule('error'),
    'palette_mismatch': Rule('error'),
    'ignored_everywhere': Rule('error'),
    'class_absent': Rule('warning'),
    'empty_mask': Rule('warning'),
    'full_mask': Rule('warning'),
    'tiny_object': Rule('warning', {'share': 0.001}),
    'fragments': Rule('warning', {'most': 5}),
    'noise': Rule('warning', {'below': 10}),
    'elongated': Rule('warning', {'aspect': 8}),
    'holes': Rule('warning', {'share': 0.3}),
    'pinholes': Rule('info', {'below': 10}),
    'mixed_region': Rule('warning', {'contact': 0.35}),
    'border_gap': Rule('warning', {'depth': 3, 'run': 8, 'far_depth': 0.1, 'far_run': 0.45, 'share': 0.02}),
    'staircase': Rule('warning', {'step': 3.5, 'side': 16}),
    'coarse_polygon': Rule('warning', {'corners': 10, 'solidity': 0.97, 'share': 0.01}),
    'straight_edge': Rule('info', {'length': 1.2, 'share': 0.01}),
    'overlap': Rule('warning', {'least': 10}),
    'covered_shape': Rule('warning', {'share': 0.9}),
    'duplicate_image': Rule('warning', {'correlation': 0.9, 'distance': 48}),
    'split_leak': Rule('error'),
    'conflicting_masks': Rule('error', {'iou': 0.8}),
}


def read_rules(path: str | Path | None = None, settings: Iterable[str] = ()) -> dict[str, Rule]:
    """Read rules: the defaults, changed by a TOML file and then by single settings.

    Args:
        path: TOML file: one table a check.
        settings: ``check.threshold=number`` or ``check.severity=error|warning|info|off``.

    Raises:
        InputError: The file cannot be read, or a name or value is not known.
    """
    rules = dict(RULES)
    if path is not None:
        for check, table in _read_toml(path).items():
            if not isinstance(table, Mapping):
                raise InputError(path, f'{check} = {table!r} is outside a table', 'write it under its [check]')
            for name, value in table.items():
                rules = _change(rules, check, name, value, str(path))
            if not table:
                _require_check(check, str(path))
    for setting in settings:
        key, equals, text = setting.partition('=')
        check, dot, name = key.strip().partition('.')
        if not equals or not dot:
            raise InputError(f'`settings={setting}`', 'must be CHECK.THRESHOLD=VALUE, such as fragments.most=8')
        rules = _change(rules, check, name, _number_or_text(text.strip()), f'`settings={setting}`')
    return rules


def _read_toml(path: str | Path) -> dict[str, Any]:
    try:
        return tomllib.loads(load_text(path))
    except OSError as error:
        raise InputError(path, f'thresholds cannot be read ({error.strerror})', 'give a TOML file') from error
    except RecursionError:
        raise InputError(path, 'is not valid TOML (nested too deeply)') from None
    except ValueError as error:  # also of a number or a date that Python cannot hold
        raise InputError(path, f'is not valid TOML ({error})') from error


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _require_check(check: str, source: str) -> None:
    if check not in RULES:
        raise InputError(source, f'there is no check {check!r}', f'choose from {", ".join(RULES)}')


def _change(rules: dict[str, Rule], check: str, name: str, value: Any, source: str) -> dict[str, Rule]:
    """Return the rules with one value replaced, after checking its name and type."""
    _require_check(check, source)
    rule = rules[check]
    if name == 'severity':
        if value not in LEVELS:
            raise InputError(source, f'severity of {check} must be one of {", ".join(LEVELS)}, found {value!r}')
        return {**rules, check: replace(rule, severity=cast(Level, value))}
    if name not in rule.thresholds:
        known = ', '.join([*rule.thresholds, 'severity'])
        raise InputError(source, f'{check} has no threshold {name!r}', f'it has {known}')
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= sys.float_info.max:
        raise InputError(source, f'{check}.{name} must be a number of at least 0, found {value!r}')
    return {**rules, check: replace(rule, thresholds={**rule.thresholds, name: value})}


def compares_images(rules: Rules) -> bool:
    """Whether any check that compares images with one another is on."""
    return any(rules[check].severity != 'off' for check in DUPLICATE_CHECKS)
