"""Acceptance of the masks that a label ranking suggests, as a new label set."""

from __future__ import annotations

from pathlib import Path

from mmseg_ext.eda.quality import Accepted, accept_suggestions, read_ranking, read_stems
from mmseg_ext.eda.quality.suggestions import Mode
from mmseg_ext.errors import InputError
from mmseg_ext.workflows.arguments import check_least


def accept_labels(
    root: str | Path,
    ranking: str | Path,
    to: str,
    *,
    top: int | None = None,
    stems: str | Path | None = None,
    mode: Mode = 'replace',
) -> tuple[Accepted, Path]:
    """Write a label set in which the most suspicious masks of a ranking are replaced, or ignored where in doubt.

    Args:
        root: The data set that was ranked.
        ranking: The folder of the ranking.
        to: Name of the new label set.
        top: Accept the suggestions for this many masks, the most suspicious first; or else ``stems``.
        stems: Text file of the stems whose suggestions are accepted, one per line.
        mode: ``replace`` takes the models' mask, ``ignore`` marks the pixels on which the two differ as unknown.

    Returns:
        Counts, and the folder of the new masks.

    Raises:
        InputError: The ranking, the stems or an argument cannot be used, or the split of the label set exists.
    """
    if (top is None) == (stems is None):
        raise InputError('`top` and `stems`', 'exactly one of them must be given')
    check_least(1, top=top)
    ranked = read_ranking(ranking)
    chosen = read_stems(stems, ranked.stems) if stems is not None else ranked.stems[:top]
    suggestions = Path(ranking) / 'suggestions' / ranked.split
    done = accept_suggestions(root, ranked.labels, ranked.split, suggestions, chosen, to, mode)
    return done, Path(root) / to / ranked.split
