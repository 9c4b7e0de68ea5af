"""Record of the defects planted in a synthetic data set: ``defects.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError
from mmseg_ext.reading import load_json

FILE_NAME = 'defects.json'
GENERATOR = 'mmseg_ext.demo'
TRUTH = 'labels_true'  # the label set without defects
NO_DEMO_SET = 'give a demo data set'


def read_record(root: str | Path) -> dict[str, Any]:
    """Read ``root/defects.json``.

    Raises:
        InputError: It is missing, damaged, or was not written by the generator.
    """
    path = Path(root) / FILE_NAME
    try:
        record = load_json(path)
    except (OSError, ValueError) as error:
        raise InputError(path, f'cannot be read ({error})', NO_DEMO_SET) from error
    if not isinstance(record, dict) or record.get('generator') != GENERATOR:
        raise InputError(path, f'was not written by {GENERATOR}', NO_DEMO_SET)
    try:
        kinds = [defect['kind'] for planted in record['images'].values() for defect in planted]
    except (AttributeError, KeyError, TypeError):
        kinds = [None]
    if not all(isinstance(kind, str) for kind in kinds):
        raise InputError(path, 'has no readable `images:`', NO_DEMO_SET)
    return record


def true_labels(root: str | Path) -> str | None:
    """Return the label set without defects of a synthetic data set, or None for other data sets."""
    try:
        read_record(root)
    except InputError:
        return None
    return TRUTH
