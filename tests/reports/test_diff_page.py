from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import write_mask
from mmseg_ext.eda.diff import FileDiff, LabelDiff, diff_labels
from mmseg_ext.reports import diff_page
from mmseg_ext.reports.drawing import ADDED
from mmseg_ext.reports.gallery import Card, Table

PALETTE = ((0, 0, 0), (220, 60, 60))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / 'dataset.yaml').write_text(f'classes: [background, cat]\npalette: {[list(c) for c in PALETTE]}\n')
    for stem, changed in (('few', 1), ('none', 0), ('many', 5)):
        for labels, pixels in (('old', 0), ('new', changed)):
            mask = np.zeros((8, 9), np.uint8)
            mask[0, :pixels] = 1
            (tmp_path / labels / 'train').mkdir(parents=True, exist_ok=True)
            write_mask(tmp_path / labels / 'train' / f'{stem}.png', mask, PALETTE)
    write_mask(tmp_path / 'new' / 'train' / 'added.png', np.zeros((8, 9), np.uint8), PALETTE)
    (tmp_path / 'img' / 'train').mkdir(parents=True)
    Image.new('RGB', (9, 8), (50, 90, 50)).save(tmp_path / 'img' / 'train' / 'many.png')
    return tmp_path


def test_the_cards_are_the_changed_files_most_changed_first(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Card] = []
    tables: list[Table] = []
    intro: list[str] = []

    def write_gallery(path: Path, **parts: object) -> None:
        written.extend(parts['cards'])  # type: ignore[call-overload]
        tables.extend(parts['tables'])  # type: ignore[call-overload]
        intro.append(parts['intro'][0])  # type: ignore[index]

    monkeypatch.setattr(diff_page, 'write_gallery', write_gallery)
    diff_page.write_diff_page(data / 'diff.html', diff_labels(data, 'old', 'new'), data)
    assert [card.title for card in written] == ['train / many', 'train / few', 'train / added']
    many, few, added = written
    assert dict(many.facts) == {'changed pixels': 5, 'share %': 100 * 5 / 72, 'Δ background': -5, 'Δ cat': 5}
    assert many.tags == ['background → cat']
    assert [panel.caption for panel in many.panels] == ['old', 'new', 'difference']
    assert (many.panels[0].image == (50, 90, 50)).all()  # the image; the old mask is empty
    assert ((many.panels[2].image == ADDED).all(axis=2).sum(axis=1) == [5, 0, 0, 0, 0, 0, 0, 0]).all()
    assert (few.panels[1].image[0, 0] == PALETTE[1]).all()  # no image: the mask alone
    assert added.tags == ['added']
    assert [panel.caption for panel in added.panels] == ['new']
    assert [table.rows for table in tables] == [[['train', 1, 2, 1]], [['background → cat', 6]]]

    written.clear()
    diff_page.write_diff_page(data / 'diff.html', diff_labels(data, 'old', 'new'), data, max_masks=1)
    assert [card.title for card in written] == ['train / many']
    assert intro[-1] == 'This page shows the 1 most changed of 3 masks.'


def test_the_page_is_written(data: Path) -> None:
    diff_page.write_diff_page(data / 'diff.html', diff_labels(data, 'old', 'new'), data)
    page = (data / 'diff.html').read_text()
    assert '<p>6 of 216 compared pixels have a different class (2.78 %)' in page
    diff_page.write_diff_page(data / 'same.html', diff_labels(data, 'old', 'old'), data)
    assert 'old and old are identical in every pixel of 3 masks.' in (data / 'same.html').read_text()


def diff_of(*files: FileDiff) -> LabelDiff:
    return LabelDiff('old', 'new', Classes(('background', 'cat', 'dog'), ((0, 0, 0),) * 3), files)


def test_the_conclusions() -> None:
    files = [
        FileDiff('train', 'a', 'changed', 1000, {(0, 1): 500, (1, 0): 100}),
        FileDiff('train', 'b', 'changed', 1000, {(0, 2): 300}),
        FileDiff('train', 'c', 'same', 1000),
        FileDiff('train', 'd', 'added'),
        FileDiff('train', 'e', 'unreadable'),
    ]
    assert diff_page.conclude_diff(diff_of(*files)) == [
        '3 of 5 masks differ (1 added).',
        '1 mask cannot be read.',
        '900 of 3,000 compared pixels have a different class (30.00 %); the most common change is "background → cat" '
        '(56 %).',
        '1 mask holds at least half of these pixels.',
    ]
    tie = [
        FileDiff('t', stem, 'changed', 10, {pair: 2}) for stem, pair in (('a', (0, 1)), ('b', (1, 0)), ('c', (0, 2)))
    ]
    _, most, half = diff_page.conclude_diff(diff_of(*tie))
    assert most.endswith(
        'common changes are "background → cat" and "background → dog" and "cat → background" (33 % each).'
    )
    assert half == '2 masks hold at least half of these pixels.'


@pytest.mark.parametrize(('more', 'note'), [(1, '1 rarer change is in'), (2, '2 rarer changes are in')])
def test_the_note_on_the_changes_that_have_no_bar(
    data: Path, monkeypatch: pytest.MonkeyPatch, more: int, note: str
) -> None:
    monkeypatch.setattr(diff_page, 'MAX_BARS', 1)
    flips = dict.fromkeys([(0, 1), (0, 2), (1, 2)][: 1 + more], 1)
    diff_page.write_diff_page(data / 'diff.html', diff_of(FileDiff('train', 'many', 'changed', 9, flips)), data)
    assert f'{note} the table.' in (data / 'diff.html').read_text()


def test_conclusions_where_nothing_can_be_compared_or_differs() -> None:
    assert diff_page.conclude_diff(diff_of(FileDiff('t', 'a', 'resized'))) == ['1 of 1 mask differs (1 resized).']
    assert diff_page.conclude_diff(diff_of(FileDiff('t', 'a', 'same', 9))) == [
        'old and new are identical in every pixel of 1 mask.'
    ]
    assert diff_page.conclude_diff(diff_of(FileDiff('t', 'a', 'unreadable'))) == ['1 mask cannot be read.']
