"""Journal of a review: a line of JSON for each decision."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from mmseg_ext.data.dataset import Key
from mmseg_ext.errors import InputError
from mmseg_ext.files import write_text
from mmseg_ext.reading import parse_json

FILE_NAME = 'review.jsonl'
Kind = Literal['keep', 'edit', 'accept', 'region', 'unknown', 'remove', 'skip']
DECISIONS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Decision:
    """A line of the journal.

    Attributes:
        split: The split of the mask.
        stem: Its stem.
        decision: ``keep`` (as it was), ``edit``, ``accept`` (the suggestion), ``region`` (the suggestion within one
            region), ``unknown`` (ignored where mask and suggestion differ, or everywhere), ``remove`` (the image; all
            its pixels are ignored) or ``skip`` (later).
        changed: Pixels that differ from the source.
        seconds: Time spent on it.
    """

    split: str
    stem: str
    decision: Kind
    changed: int
    seconds: float

    @property
    def key(self) -> Key:
        """Name of the split, and stem."""
        return self.split, self.stem


class Journal:
    """Decisions in the order in which they were made; another process may write to the file as well.

    Args:
        folder: The label set that the file is in. A last line that an interruption cut short is removed: its mask is
            written and will be shown again.

    Raises:
        InputError: A line is no decision, or the file cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._size = -1
        self._decisions: dict[Key, Decision] = {}
        self._counts: Counter[Key] = Counter()
        if self.path.is_file() and (text := self._text()) and not text.endswith('\n'):
            write_text(self.path, text[: text.rfind('\n') + 1])
        self._read()

    def decisions(self) -> dict[Key, Decision]:
        """Return the latest decision about each mask.

        Raises:
            InputError: A line is no decision, or the file cannot be read.
        """
        self._read()
        return self._decisions

    def count(self, key: Key) -> int:
        """Count the decisions about a mask, as of the last reading."""
        return self._counts[key]

    def append(self, done: Decision) -> None:
        """Write a decision, to the disk before it returns.

        Raises:
            InputError: The file cannot be written.
        """
        line = json.dumps(asdict(done), ensure_ascii=False) + '\n'
        try:
            with self.path.open('ab') as stream:
                stream.write(line.encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise InputError(self.path, f'cannot be written ({error.strerror})', 'free up space') from error
        self._read()

    def _read(self) -> None:
        """Read the file where it has grown."""
        if not self.path.is_file() or self.path.stat().st_size == self._size:
            return
        self._size = self.path.stat().st_size
        self._decisions, self._counts = {}, Counter()
        # Not `splitlines`, which also splits at characters that a stem may hold.
        for number, line in enumerate(self._text().split('\n')[:-1], 1):
            try:
                done = Decision(**parse_json(line))
                if done.decision not in DECISIONS or not isinstance(done.changed, int):
                    raise ValueError(done.decision)
                if not all(isinstance(name, str) for name in done.key):
                    raise ValueError(done.key)
            except (ValueError, TypeError) as error:
                raise InputError(self.path, f'line {number} is not a decision', 'remove the line') from error
            self._decisions[done.key] = done
            self._counts[done.key] += 1

    def _text(self) -> str:
        try:
            return self.path.read_text(encoding='utf-8', errors='replace')
        except OSError as error:
            raise InputError(self.path, f'cannot be read ({error.strerror})') from error
