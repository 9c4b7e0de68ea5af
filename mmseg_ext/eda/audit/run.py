"""The audit of a data set: list the files, check each, compare the photographs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import DataSet, Item
from mmseg_ext.eda.audit.check_file import Task, check_chunk, make_findings
from mmseg_ext.eda.audit.duplicates import find_duplicates
from mmseg_ext.eda.audit.findings import SEVERITIES, Finding
from mmseg_ext.eda.audit.hits import make_hit
from mmseg_ext.eda.audit.rules import RULES, Rules, compares_photos
from mmseg_ext.eda.audit.workers import run_chunks
from mmseg_ext.progress import track

CHUNK = 32  # items: seconds at most between two steps of the progress bar, little to do anew when a worker dies


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        labels: The label set.
        splits: The audited splits.
        unlabelled: Those of them without masks; their images alone were audited.
        images: Number of images.
        masks: Number of masks.
        classes: Names, colours, ignored value.
        findings: Ordered by split, stem and check, whatever the number of workers.
    """

    labels: str
    splits: tuple[str, ...]
    unlabelled: tuple[str, ...]
    images: int
    masks: int
    classes: Classes
    findings: list[Finding]

    def summary(self) -> dict[str, Any]:
        """The head of the JSON report: what was audited, and findings by severity and by check."""
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


def audit(
    root: str | Path,
    labels: str = 'labels',
    splits: Sequence[str] | None = None,
    rules: Rules = RULES,
    workers: str = '1',
) -> Audit:
    """Audit a label set.

    Memory does not grow with the images: of each item its name, findings and 32 bytes of hash are kept.

    Args:
        root: The data set (``dataset.yaml``, ``img/``, the label set, perhaps ``labelme/``).
        labels: Name of the label set.
        splits: Which splits; None for all.
        rules: From `read_rules`.
        workers: Number of processes, or ``dask://host:port``.

    Raises:
        InputError: The data set, a split or the label set does not exist, or the workers cannot be used.
    """
    data = DataSet(Path(root).resolve())
    classes = data.classes
    splits = data.splits(labels, splits)
    items: list[Item] = []
    findings: list[Finding] = []
    for split in splits:
        found, problems = data.split(split, labels).scan()
        items += found
        for problem in problems:
            key = split, problem.stem
            findings += make_findings(rules, key, [(problem.check, make_hit(None, problem.message))])
    task = Task(data.root, labels, classes, rules)
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    results = run_chunks(partial(check_chunk, task), chunks, workers, data.root)
    hashes: list[bytes | None] = []
    for chunk in track(results, f'auditing {labels}', total=len(chunks)):
        for result in chunk:
            findings += result.findings
            hashes.append(result.photo)
    if compares_photos(rules):
        findings += find_duplicates(task, items, hashes)
    places = {split: place for place, split in enumerate(splits)}, {check: place for place, check in enumerate(RULES)}
    findings.sort(key=lambda f: (places[0][f.split], f.stem, places[1][f.check], f.message))
    return Audit(
        labels,
        splits,
        tuple(split for split in splits if not data.split(split, labels).has_masks),
        sum(item.image_name is not None for item in items),
        sum(item.mask_name is not None for item in items),
        classes,
        findings,
    )
