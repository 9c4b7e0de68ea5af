"""Session of a review: the masks of a queue, and the label set that the decisions about them give."""

from __future__ import annotations

import hashlib
import math
import shutil
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data import DataSet, Mask, read_image, read_mask, write_mask
from mmseg_ext.data.dataset import MASK_SUFFIX, Key, LabelSet, either_form
from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path, staged_folder, write_json
from mmseg_ext.local_server import RefusedError
from mmseg_ext.reading import read_json
from mmseg_ext.review.journal import DECISIONS, Decision, Journal
from mmseg_ext.review.queue import Entry

DRAFT = 'draft'  # a mask that is saved while it is worked on, before a decision
FILE_NAME = 'review.json'
MAX_SECONDS = 86_400.0


class Review:
    """Masks of a queue, and the decisions about them.

    Args:
        root: The data set.
        labels: The label set that is reviewed; it is never changed.
        entries: The queue. Entries without an image or a mask are left out, see `left_out`.
        to: Name of the label set that decisions are written to; None to look only. It begins as a copy of ``labels``.
        suggestions: Folder of suggested masks, ``<split>/<stem>.png`` or ``<stem>.png``.

    Raises:
        InputError: The data set or an argument cannot be used; no mask is suggested for the queue; ``to`` exists and is
            no review of ``labels``.
    """

    def __init__(
        self,
        root: str | Path,
        labels: str,
        entries: Sequence[Entry],
        to: str | None = None,
        suggestions: str | Path | None = None,
    ) -> None:
        data = DataSet(root)
        self.root, self.labels, self.classes = data.root, labels, data.classes
        self._source = data.label_set(labels)
        if suggestions is not None and not Path(suggestions).is_dir():
            raise InputError(suggestions, 'folder not found', 'give the folder of the suggested masks')
        self._suggestions = None if suggestions is None else Path(suggestions)
        wanted = {entry.split for entry in entries}
        splits = [data.split(name, labels) for name in data.splits(labels) if name in wanted]
        images = {split.name: split.images() for split in splits}
        masks = {split.name: split.masks() for split in splits}
        self.entries: dict[Key, Entry] = {}
        self.left_out: list[Key] = []
        for entry in entries:
            if entry.stem in images.get(entry.split, ()) and entry.stem in masks[entry.split]:
                self.entries.setdefault(entry.key, entry)
            else:
                self.left_out.append(entry.key)
        if not self.entries:
            raise InputError(self._source.folder, 'holds no mask of the queue that has an image', 'check `labels`')
        if self._suggestions is not None and not any(map(self.has_suggestion, self.entries)):
            forms = '<split>/<stem>.png or <stem>.png'
            raise InputError(self._suggestions, 'holds no mask of the queue', f'give the folder that holds {forms}')
        self._images = {key: images[key[0]][key[1]] for key in self.entries}
        self._target = None if to is None else data.new_label_set(to, labels)
        self._lock = threading.Lock()
        self._journal: Journal | None = None
        if self._target is not None:
            _prepare(self._source, self._target)
            self._journal = Journal(self._target.folder)

    @property
    def to(self) -> str | None:
        """Name of the label set that decisions are written to."""
        return None if self._target is None else self._target.folder.name

    def decision(self, key: Key) -> Decision | None:
        """Return the latest decision about a mask."""
        with self._lock:
            return self._decisions().get(key)

    def decisions(self) -> dict[Key, Decision]:
        """Return the latest decision about each mask of the queue that has one, in the order of the queue."""
        with self._lock:
            known = self._decisions()
            return {key: known[key] for key in self.entries if key in known}

    def image(self, key: Key) -> NDArray[np.uint8]:
        """Read an image, RGB, upright, shape (H, W, 3).

        Raises:
            InputError: It cannot be read.
        """
        return read_image(self._images[key])

    def source(self, key: Key) -> Mask:
        """Read the mask as it was before the review, shape (H, W).

        Raises:
            InputError: It cannot be read.
        """
        return _read_mask(self._source.path(*key))

    def mask(self, key: Key) -> tuple[Mask, str]:
        """Read the mask as it is now, shape (H, W), and its version, which changes with every decision.

        Raises:
            InputError: It cannot be read.
        """
        with self._lock:
            return self._current(key)

    def suggestion(self, key: Key) -> Mask | None:
        """Read the suggested mask, shape (H, W); None where there is none.

        Raises:
            InputError: It cannot be read, has another size than the mask, or a value that is no class.
        """
        path = self._suggestion_path(key)
        if path is None:
            return None
        suggestion, source = _read_mask(path), self.source(key)
        if suggestion.shape != source.shape:
            raise InputError(path, f'is {suggestion.shape}, the mask is {source.shape} (height, width)')
        self.classes.check(suggestion, path)
        return suggestion

    def has_suggestion(self, key: Key) -> bool:
        """Whether there is a suggested mask."""
        return self._suggestion_path(key) is not None

    def decide(self, key: Key, kind: str, version: str, mask: Mask | None = None, seconds: float = 0.0) -> Decision:
        """Write a decision: the mask first, then a line of the journal.

        Args:
            key: The mask.
            kind: One of `DECISIONS`, or ``draft`` for a mask that is worked on, of which the journal takes no note
                unless there is a decision already.
            version: The version that the decision is about.
            mask: The new mask for ``keep``, ``edit``, ``region``, ``unknown`` and ``draft``, shape (H, W); the one on
                disk if None.
            seconds: Time spent on it.

        Returns:
            The decision. Its ``decision`` is ``keep`` where an edited mask is that of the source, and ``edit`` where a
            kept one is not.

        Raises:
            RefusedError: 403 without a label set to write to, 409 if the mask has changed since ``version``, 422 if the
                decision or the mask cannot be used.
            InputError: A file cannot be read or written.
        """
        if self._target is None or self._journal is None:
            raise RefusedError(403, 'Decisions cannot be saved: the review was started without --to.')
        if kind not in (*DECISIONS, DRAFT):
            raise RefusedError(422, f'There is no decision {kind!r}.')
        suggestion = self.suggestion(key) if kind in ('accept', 'unknown') else None
        with self._lock:
            earlier = self._decisions().get(key)
            shown, current = self._current(key)
            if version != current:
                raise RefusedError(409, 'This mask has been changed elsewhere, perhaps in another tab.')
            source = self.source(key)
            new = self._new_mask(kind, shown if mask is None else mask, suggestion, source)
            if not np.array_equal(new, shown) or not self._target.path(*key).is_file():
                write_mask(self._target.path(*key), new, self.classes.palette)
            changed = int(np.count_nonzero(new != source))
            if kind in ('keep', 'edit', 'region', DRAFT):
                is_draft = kind == DRAFT and (earlier is None or earlier.decision == 'skip')
                kind = 'keep' if not changed else 'region' if kind == 'region' else 'edit'
                if is_draft:
                    return Decision(*key, kind, changed, 0.0)  # type: ignore[arg-type]
            seconds = min(max(seconds, 0.0), MAX_SECONDS) if math.isfinite(seconds) else 0.0
            done = Decision(*key, kind, changed, round(seconds, 1))  # type: ignore[arg-type]
            self._journal.append(done)
            return done

    def _new_mask(self, kind: str, mask: Mask, suggestion: Mask | None, source: Mask) -> Mask:
        if mask.shape != source.shape or mask.dtype != np.uint8:
            raise RefusedError(422, f'The mask is {mask.shape}; it must be {source.shape} (height, width).')
        ignored = np.uint8(self.classes.ignore_index)
        if kind == 'remove':
            return np.full_like(source, ignored)
        if kind == 'accept':
            if suggestion is None:
                raise RefusedError(422, 'There is no suggestion for this mask.')
            return suggestion
        if kind == 'unknown':
            differs = True if suggestion is None else mask != suggestion
            mask = np.where(differs, ignored, mask).astype(np.uint8)
        unknown = set(self.classes.unknown_values(mask))
        if unknown and (
            new := sorted(unknown.difference(self.classes.unknown_values(source)))
        ):  # an old one may be kept
            raise RefusedError(422, f'The mask holds {new[0]}, which is not a class.')
        return mask

    def _current(self, key: Key) -> tuple[Mask, str]:
        target = None if self._target is None else self._target.path(*key)
        path = target if target is not None and target.is_file() else self._source.path(*key)
        mask = _read_mask(path)
        digest = hashlib.sha256(mask.tobytes()).hexdigest()[:16]
        count = 0 if self._journal is None else self._journal.count(key)
        return mask, f'{count}-{digest}'

    def _decisions(self) -> dict[Key, Decision]:
        return {} if self._journal is None else self._journal.decisions()

    def _suggestion_path(self, key: Key) -> Path | None:
        if self._suggestions is None:
            return None
        name = f'{key[1]}{MASK_SUFFIX}'
        paths = (either_form(self._suggestions / key[0] / name), either_form(self._suggestions / name))
        return next((path for path in paths if path.is_file()), None)


def _read_mask(path: Path) -> Mask:
    """Read a mask, not to be written to: the last few are kept, since each request asks for the same ones again."""
    try:
        status = path.stat()
    except OSError:
        return read_mask(path)  # says what is wrong with it
    return _read_mask_as_of(path, status.st_ino, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _read_mask_as_of(path: Path, *status: int) -> Mask:
    mask = read_mask(path)
    mask.setflags(write=False)
    return mask


def _prepare(source: LabelSet, target: LabelSet) -> None:
    """Make the new label set a copy of the source, or go on with an earlier review."""
    settings = {'labels': source.folder.name}
    files = source.files()
    if not target.folder.exists():
        with staged_folder(target.folder) as folder:
            for (split, _), path in files.items():
                (folder / split).mkdir(exist_ok=True)
                shutil.copyfile(path, folder / split / path.name)
            write_json(folder / FILE_NAME, settings)
        return
    known = target.folder / FILE_NAME
    if not known.is_file():
        raise InputError(target.folder, 'exists and is not a review', 'choose another `to`')
    if read_json(known) != settings:
        raise InputError(target.folder, f'is a review of another label set (see {FILE_NAME})', 'choose another `to`')
    for key, path in files.items():  # masks that the source has got since
        if not (new := target.path(*key)).is_file():
            with atomic_path(new) as temporary:
                shutil.copyfile(path, temporary)
