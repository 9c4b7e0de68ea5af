"""Review of doubted masks on a local page, into a new label set."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.data import DataSet
from mmseg_ext.errors import InputError
from mmseg_ext.review import Entry, Queue, Review, read_queue


def open_review(
    root: str | Path,
    queue: str | Path | None = None,
    labels: str | None = None,
    to: str | None = None,
    suggestions: str | Path | None = None,
) -> Review:
    """Open a review, or go on with one.

    Args:
        root: The data set.
        queue: A result of ``mmseg-ext rank``, ``audit``, ``errors`` or ``labelme diff``, or a text file of stems; all
            masks if None.
        labels: The label set to review; by default the one that the queue is about, else ``labels``.
        to: Name of the label set that decisions are written to; None to look only.
        suggestions: Folder of suggested masks; by default that of the queue, where it has one.

    Raises:
        InputError: An argument cannot be used.
    """
    data = DataSet(root)
    if queue is None:
        name = labels or 'labels'
        found = Queue(tuple(Entry(*key) for key in data.label_set(name).files()), name)
    else:
        found = read_queue(queue, data, labels or 'labels')
    if labels is not None and found.labels not in (None, labels):
        raise InputError(f'`labels={labels}`', f'the queue is for {found.labels}', 'leave it out')
    return Review(root, labels or found.labels or 'labels', found.entries, to, suggestions or found.suggestions)


def next_commands(review: Review) -> list[str]:
    """Name the commands for what comes after a review: its changes as a page, and a training on the new masks."""
    if review.to is None:
        return []
    name = re.sub(r'[^A-Za-z0-9_-]+', '-', f'{review.root.resolve().name}-{review.to}').strip('-')
    config = f'configs/{name}.py'
    root, labels, to, diff = map(shlex.quote, (str(review.root), review.labels, review.to, f'diff-{review.to}'))
    return [
        f'mmseg-ext labelme diff {root} --a {labels} --b {to} --out {diff}',
        f'mmseg-ext init {root} --labels {to} --out {config}',
        f'mmseg-ext train {config}',
    ]


def serve_review(review: Review, host: str = '127.0.0.1', port: int = 8000, allowed_hosts: Sequence[str] = ()) -> None:
    """Serve the page of a review until interrupted.

    Args:
        review: The review.
        host: The address to listen on. Anything but loopback lets other machines change the masks.
        port: 0 chooses a free one.
        allowed_hosts: Further names under which it answers; see `mmseg_ext.local_server.build_app`.

    Raises:
        InputError: A library is missing, or the address cannot be used.
    """
    from mmseg_ext.local_server import listen
    from mmseg_ext.review.server import build_app

    listen(build_app(review, host, next_commands(review), allowed_hosts), host, port)
