"""Audit of a whole label set: list the files, check each, compare the images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmseg_ext.data import Classes, DataSet, Item
from mmseg_ext.data.dataset import MASK_SUFFIX, Key
from mmseg_ext.data.masks import Colour
from mmseg_ext.eda.audit.duplicates import find_duplicates
from mmseg_ext.eda.audit.findings import SEVERITIES, Finding, counted, make_hit
from mmseg_ext.eda.audit.item_checks import Task, check_chunk, make_findings
from mmseg_ext.eda.audit.rules import RULES, Rules, compares_images
from mmseg_ext.eda.audit.split_checks import check_palettes, check_values
from mmseg_ext.eda.workers import make_chunks, run_chunks
from mmseg_ext.progress import track

LABELLED_SPLITS = ('train', 'val')  # those that a training cannot do without


@dataclass(frozen=True)
class Audit:
    """Result of an audit.

    Attributes:
        labels: The label set.
        splits: The audited splits.
        unlabelled: Those of them without masks; only their images were audited.
        images: Number of images.
        masks: Number of masks.
        classes: Names, colours, ignored value.
        findings: Ordered by split, stem and check, whatever the number of workers.
        items: (split, stem) → item, for the images and masks with a finding; stray files are not among them.
    """

    labels: str
    splits: tuple[str, ...]
    unlabelled: tuple[str, ...]
    images: int
    masks: int
    classes: Classes
    findings: list[Finding]
    items: Mapping[Key, Item]

    def summary(self) -> dict[str, Any]:
        """Return the head of the JSON report: what was audited, and findings by severity and by check."""
        severities = Counter(finding.severity for finding in self.findings)
        checks = Counter(finding.check for finding in self.findings)
        return {
            'labels': self.labels,
            'splits': list(self.splits),
            'splits_without_masks': list(self.unlabelled),
            'images': self.images,
            'masks': self.masks,
            'files_with_findings': len({(finding.split, finding.stem) for finding in self.findings}),
            'findings': len(self.findings),
            'severities': {severity: severities[severity] for severity in SEVERITIES},
            'checks': {check: checks[check] for check in RULES if checks[check]},
        }


def audit_label_set(
    root: str | Path,
    labels: str = 'labels',
    splits: Sequence[str] | None = None,
    rules: Rules = RULES,
    workers: str = '1',
) -> Audit:
    """Audit a label set.

    Memory does not grow with the size of the images: of each item its name, findings and 32 bytes of hash are kept.

    Args:
        root: The data set (``dataset.yaml``, ``img/``, the label set, perhaps ``labelme/``).
        labels: Name of the label set.
        splits: Which splits; all by default.
        rules: From `read_rules`.
        workers: Number of processes, or ``dask://host:port``.

    Raises:
        InputError: The data set, a split or the label set does not exist, or the workers cannot be used.
    """
    data = DataSet(root)
    classes = data.classes
    splits = data.splits(labels, splits)
    data = DataSet(data.root.resolve())  # workers may have another working directory
    items: list[Item] = []
    findings: list[Finding] = []
    for split in splits:
        found, problems = data.split(split, labels).scan()
        items += found
        if missing := _missing_masks(data, labels, split, found):
            findings += make_findings(rules, (split, ''), [('unlabelled_split', make_hit(len(found), missing))])
        for problem in problems:
            key = split, problem.stem
            findings += make_findings(rules, key, [(problem.check, make_hit(None, problem.message))])
    task = Task(data.root, labels, classes, rules)
    chunks = make_chunks(items)
    results = run_chunks(partial(check_chunk, task), chunks, workers, data.root)
    hashes: list[bytes | None] = []
    present: list[int] = []
    colours: list[dict[int, Colour]] = []
    for chunk in track(results, f'auditing {labels}', total=len(chunks)):
        for result in chunk:
            findings += result.findings
            hashes.append(result.image_hash)
            present.append(result.present)
            colours.append(result.colours)
    findings += check_values(task, items, present) + check_palettes(task, items, colours)
    if compares_images(rules):
        findings += find_duplicates(task, items, hashes)
    split_rank = {split: rank for rank, split in enumerate(splits)}
    check_rank = {check: rank for rank, check in enumerate(RULES)}
    findings.sort(key=lambda f: (split_rank[f.split], f.stem, check_rank[f.check], f.message))
    keys = {(finding.split, finding.stem) for finding in findings}
    return Audit(
        labels,
        splits,
        tuple(split for split in splits if not data.split(split, labels).has_masks),
        sum(item.image_name is not None for item in items),
        sum(item.mask_name is not None for item in items),
        classes,
        findings,
        {item.key: item for item in items if item.key in keys},
    )


def _missing_masks(data: DataSet, labels: str, split: str, items: Sequence[Item]) -> str:
    """Say that a split to train or validate on has no mask in any label set; empty where that is not so.

    A label set may cover fewer splits than another: the split of corrected masks that nobody has corrected.
    """
    if split not in LABELLED_SPLITS or data.split(split, labels).has_masks:  # there, each image is reported
        return ''
    if any(next((data.root / name / split).glob(f'*{MASK_SUFFIX}'), None) for name in data.label_sets()):
        return ''
    return f'img/{split} has {counted(len(items), "image")}, and no label set has masks for them'
