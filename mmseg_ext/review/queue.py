"""Queues of masks to look at, from a ranking, an audit, an error analysis, a difference of label sets, or a list."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_ext.data import DataSet, choose_files
from mmseg_ext.data.dataset import Key
from mmseg_ext.eda.audit.findings import SEVERITIES, Box
from mmseg_ext.eda.quality.ranking import FILE_NAME as RANKING
from mmseg_ext.errors import InputError
from mmseg_ext.reading import names_folder, read_json

AUDIT, ERRORS, DIFF = 'audit.json', 'errors.json', 'diff.json'
NAMES = (RANKING, AUDIT, ERRORS, DIFF)  # of the files that a result folder is known by


@dataclass(frozen=True)
class Entry:
    """A mask to look at.

    Attributes:
        split: Its split.
        stem: Its stem.
        reasons: Why it is in the queue, a line each.
        boxes: Where: left, top, width, height in pixels of the mask.
    """

    split: str
    stem: str
    reasons: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()

    @property
    def key(self) -> Key:
        """Name of the split, and stem."""
        return self.split, self.stem


@dataclass(frozen=True)
class Queue:
    """Masks to look at, the most urgent first.

    Attributes:
        entries: The masks, each once.
        labels: The label set that was judged; None where the queue does not say.
        suggestions: Folder of other masks for the same images, ``<stem>.png`` or ``<split>/<stem>.png``, or None.
    """

    entries: tuple[Entry, ...]
    labels: str | None = None
    suggestions: Path | None = None


def read_queue(path: str | Path, data: DataSet, labels: str) -> Queue:
    """Read a queue of any kind.

    Args:
        path: Result folder of ``mmseg-ext rank``, ``audit``, ``errors`` or ``labelme diff``, its JSON file, or a text
            file with one ``stem`` or ``split/stem`` per line.
        data: The data set.
        labels: The label set in which a text file's stems are looked up.

    Raises:
        InputError: It is none of these, or names no mask.
    """
    path = Path(path)
    if path.is_dir():
        found = [path / name for name in NAMES if (path / name).is_file()]
        if len(found) != 1:
            names = ' and '.join(file.name for file in found)
            problem = f'holds {names}' if found else f'holds none of {", ".join(NAMES)}'
            raise InputError(path, problem, 'give one file as `queue`')
        path = found[0]
    if path.suffix.lower() != '.json':
        return Queue(tuple(Entry(*key) for key in choose_files(data.label_set(labels).files(), path)))
    content = read_json(path)
    try:
        for keys, reader in READERS.items():
            if isinstance(content, dict) and content.keys() >= set(keys):
                queue = reader(content, path, data)
                break
        else:
            raise InputError(path, 'is not a ranking, audit, error analysis or difference of label sets')
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(path, f'is damaged ({error!r})', 'write it again') from error
    if not queue.entries:
        raise InputError(path, 'lists no masks, so there is nothing to review')
    return queue


def _ranking(content: Mapping[str, Any], path: Path, data: DataSet) -> Queue:
    settings, score = content['settings'], content.get('score')
    entries = []
    for place, row in enumerate(content['rows'], 1):
        reasons = [f'place {place} of {len(content["rows"])} in the ranking']
        if (kind := row.get('kind')) not in (None, '', 'none'):
            reasons.append(f'probably {str(kind).replace("_", " ")}')
        if score in row:
            reasons.append(f'{str(score).replace("_", " ")} {float(row[score]):.3f}')
        entries.append(Entry(_text(settings['split']), _text(row['stem']), tuple(reasons)))
    suggestions = path.parent / 'suggestions' / _text(settings['split'])
    return Queue(tuple(entries), _text(settings['labels']), suggestions if names_folder(suggestions) else None)


def _audit(content: Mapping[str, Any], path: Path, data: DataSet) -> Queue:
    """Group the findings by file: the gravest first, of the equally grave those with most findings."""
    findings: dict[Key, list[Mapping[str, Any]]] = {}
    for finding in content['findings']:
        findings.setdefault((_text(finding['split']), _text(finding['stem'])), []).append(finding)
    rank = {severity: place for place, severity in enumerate(SEVERITIES)}
    ordered = sorted(
        findings.items(), key=lambda item: (min(rank[f['severity']] for f in item[1]), -len(item[1]), item[0])
    )
    entries = tuple(
        Entry(
            *key,
            tuple(f'{f["severity"]}: {f["check"]}: {f["message"]}' for f in found),
            tuple(_box(box) for f in found for box in f.get('boxes', ())),
        )
        for key, found in ordered
    )
    labels = content.get('summary', {}).get('labels')
    return Queue(entries, labels if isinstance(labels, str) else None)


def _errors(content: Mapping[str, Any], path: Path, data: DataSet) -> Queue:
    """Take the suspected masks first, then the images by their Dice, the worst first."""
    result = content['result']
    split = _text(result['split'])
    suspects = {row['stem']: row for row in (content.get('label_suspects') or {}).get('found', ())}
    images = {row['stem']: row for row in content['images']}
    rest = sorted(
        images.keys() - suspects.keys(),
        key=lambda stem: (value if (value := images[stem].get('object_dice')) is not None else 101, stem),
    )
    entries = []
    for stem in (*suspects, *rest):
        reasons = []
        if stem in suspects:
            row = suspects[stem]
            reasons.append(f'suspected: {row["kind"]}, agreement with the model {float(row["agreement"]):.2f}')
        row = images.get(stem, {})
        if row.get('object_dice') is not None:
            reasons.append(f'object Dice {float(row["object_dice"]):.1f}')
        causes = sorted((row.get('causes') or {}).items(), key=lambda item: -item[1])
        reasons += [f'{cause}: {pixels:,} px' for cause, pixels in causes[:3] if pixels]
        entries.append(Entry(split, _text(stem), tuple(reasons)))
    folder = Path(_text(result['folder'])) / 'masks'
    labels = result.get('labels')
    return Queue(tuple(entries), labels if isinstance(labels, str) else None, folder if names_folder(folder) else None)


def _diff(content: Mapping[str, Any], path: Path, data: DataSet) -> Queue:
    """Take the changed files, the most changed first; the second label set's masks are the suggestions."""
    entries = tuple(
        Entry(_text(row['split']), _text(row['stem']), tuple(f'{flip}: {n:,} px' for flip, n in row['flips'].items()))
        for row in sorted(content['files'], key=lambda row: (-row['changed'], row['split'], row['stem']))
        if row['status'] == 'changed'
    )
    return Queue(entries, _text(content['a']), data.label_set(_text(content['b']), 'b').folder)


READERS = {('settings', 'rows'): _ranking, ('findings',): _audit, ('result', 'images'): _errors,
           ('a', 'b', 'files'): _diff}  # fmt: skip


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is not text')
    return unicodedata.normalize('NFC', value)


def _box(values: Iterable[Any]) -> Box:
    left, top, width, height = (int(value) for value in values)
    return left, top, width, height
