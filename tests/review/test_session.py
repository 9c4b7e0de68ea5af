from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from boxed_cat import PALETTE, given, suggested

from mmseg_ext.data import DataSet, read_mask, write_mask
from mmseg_ext.eda.diff import diff_labels
from mmseg_ext.errors import InputError
from mmseg_ext.local_server import RefusedError
from mmseg_ext.review import Decision, Entry, Review

Open = Callable[..., Review]
A, B, C = ('train', 'a'), ('train', 'bär'), ('train', 'c d')


def decide(review: Review, key: tuple[str, str], kind: str, mask: np.ndarray | None = None) -> Decision:
    return review.decide(key, kind, review.mask(key)[1], mask, seconds=2.04)


def test_each_decision(root: Path, open_review: Open) -> None:
    review = open_review()
    changed = int(np.count_nonzero(given() != suggested()))
    assert decide(review, A, 'keep') == Decision(*A, 'keep', 0, 2.0)
    np.testing.assert_array_equal(review.mask(A)[0], given())
    assert decide(review, A, 'accept') == Decision(*A, 'accept', changed, 2.0)
    np.testing.assert_array_equal(review.mask(A)[0], suggested())
    assert decide(review, A, 'keep').decision == 'edit'  # what is kept is not what it was
    mask = given()
    mask[0, :5] = 2
    assert decide(review, A, 'edit', mask) == Decision(*A, 'edit', 5, 2.0)
    assert decide(review, A, 'edit', given()) == Decision(*A, 'keep', 0, 2.0)
    assert decide(review, A, 'region', mask) == Decision(*A, 'region', 5, 2.0)
    assert decide(review, A, 'unknown', given()) == Decision(*A, 'unknown', changed, 2.0)
    np.testing.assert_array_equal(review.mask(A)[0], np.where(given() != suggested(), 255, given()))
    assert decide(review, C, 'unknown').changed == given().size  # there is no suggestion
    assert decide(review, B, 'remove') == Decision(*B, 'remove', given().size, 2.0)
    assert (review.mask(B)[0] == 255).all()
    assert decide(review, C, 'skip').decision == 'skip'
    assert [entry.decision for entry in review.decisions().values()] == ['unknown', 'remove', 'skip']
    for _, source in DataSet(root).label_set('labels').files().items():
        np.testing.assert_array_equal(read_mask(source), given())
    written = {(file.split, file.stem): file.status for file in diff_labels(root, 'labels', 'new').files}
    assert written == {A: 'changed', B: 'changed', C: 'changed', ('val', 'v'): 'same'}


def test_a_draft_is_saved_without_a_decision_until_there_is_one(open_review: Open) -> None:
    review = open_review()
    mask = given()
    mask[0, 0] = 1
    decide(review, A, 'draft', mask)
    assert review.decision(A) is None
    assert open_review().mask(A)[0][0, 0] == 1
    assert decide(review, A, 'keep') == Decision(*A, 'edit', 1, 2.0)
    decide(review, A, 'draft', given())  # undone after the decision
    assert review.decision(A) == Decision(*A, 'keep', 0, 2.0)


def test_the_journal_and_where_the_next_start_goes_on(root: Path, open_review: Open) -> None:
    review = open_review()
    decide(review, A, 'accept')
    decide(review, B, 'skip')
    journal = root / 'new' / 'review.jsonl'
    lines = journal.read_text(encoding='utf-8').splitlines()
    changed = int(np.count_nonzero(given() != suggested()))
    assert json.loads(lines[0]) == {
        'split': 'train', 'stem': 'a', 'decision': 'accept', 'changed': changed, 'seconds': 2.0,
    }  # fmt: skip
    assert '"bär"' in lines[1]
    with journal.open('a') as stream:
        stream.write('{"split": "train", "st')  # killed in the middle
    again = open_review()
    assert {key: done.decision for key, done in again.decisions().items()} == {A: 'accept', B: 'skip'}
    assert journal.read_text(encoding='utf-8').splitlines() == lines
    assert again.mask(A)[1] == review.mask(A)[1]
    decide(again, C, 'keep')
    assert review.decision(C) is not None  # another process sees it
    with journal.open('a', encoding='utf-8') as stream:  # a stem with a line separator, as file names may have it
        stream.write(json.dumps({**json.loads(lines[0]), 'stem': 'a\u2028b'}, ensure_ascii=False) + '\n')
    assert len(open_review().decisions()) == 3
    for line in ('{"split": 1}', lines[0].replace('"a"', '["a"]'), '[' * 20_000):
        journal.write_text(f'{line}\n')
        with pytest.raises(InputError, match='line 1 is not a decision'):
            open_review()


def test_a_stale_version_and_unusable_masks_are_refused(open_review: Open) -> None:
    review = open_review()
    version = review.mask(A)[1]
    for kind, mask, status, words in [
        ('keep', given()[:, 1:], 422, 'must be'),
        ('keep', np.full_like(given(), 3), 422, 'holds 3'),
        ('shred', None, 422, 'no decision'),
    ]:
        with pytest.raises(RefusedError, match=words) as caught:
            review.decide(A, kind, version, mask)
        assert caught.value.status == status
    with pytest.raises(RefusedError, match='no suggestion'):
        decide(review, C, 'accept')
    open_review().decide(A, 'keep', version)
    with pytest.raises(RefusedError, match='changed elsewhere') as caught:
        review.decide(A, 'accept', version)
    assert caught.value.status == 409
    np.testing.assert_array_equal(review.mask(A)[0], given())
    assert review.decide(A, 'keep', review.mask(A)[1], seconds=float('nan')).seconds == 0


def test_a_failed_write_changes_nothing(root: Path, open_review: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    review = open_review()

    def fail(*args: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('mmseg_ext.files.os.fsync', fail)
    with pytest.raises(InputError, match='No space left'):
        decide(review, A, 'accept')
    np.testing.assert_array_equal(review.mask(A)[0], given())
    assert review.decision(A) is None
    assert [path.name for path in (root / 'new' / 'train').iterdir() if path.name.startswith('.')] == []


def test_without_a_new_label_set_nothing_is_written(root: Path, open_review: Open) -> None:
    review = open_review(to=None)
    with pytest.raises(RefusedError, match='without --to') as caught:
        decide(review, A, 'keep')
    assert caught.value.status == 403
    assert sorted(path.name for path in root.iterdir()) == ['dataset.yaml', 'img', 'labels']


def test_label_sets_that_are_no_review_are_left_alone(root: Path, open_review: Open) -> None:
    (root / 'mine' / 'train').mkdir(parents=True)
    with pytest.raises(InputError, match='exists and is not a review'):
        open_review(to='mine')
    with pytest.raises(InputError, match='the source itself'):
        open_review(to='labels')
    open_review()
    write_mask(root / 'mine' / 'train' / 'a.png', given(), PALETTE)
    with pytest.raises(InputError, match='review of another label set'):
        Review(root, 'mine', [Entry('train', 'a')], 'new')


def test_entries_without_files_are_left_out(root: Path) -> None:
    keys = [A, ('train', 'x'), ('val', 'v'), ('../img', 'a'), ('train', '../a')]
    entries = [Entry(*key) for key in keys]
    review = Review(root, 'labels', entries)
    assert list(review.entries) == [A]
    assert review.left_out == keys[1:]
    with pytest.raises(InputError, match='no mask of the queue'):
        Review(root, 'labels', entries[1:])


def test_masks_that_the_source_gets_later_are_taken_along(root: Path, open_review: Open) -> None:
    open_review()
    write_mask(root / 'labels' / 'test' / 't.png', suggested(), PALETTE)
    open_review()
    np.testing.assert_array_equal(read_mask(root / 'new' / 'test' / 't.png'), suggested())
