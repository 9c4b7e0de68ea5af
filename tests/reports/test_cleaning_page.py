from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import write_mask
from mmseg_ext.eda.cleaning import CleaningReport, clean_label_set
from mmseg_ext.eda.cleaning.clean import RULES, Change
from mmseg_ext.eda.cleaning.report import MaskChange
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.reports import cleaning_page
from mmseg_ext.reports.cleaning_page import conclude_cleaning, write_cleaning_page
from mmseg_ext.reports.drawing import REMOVED, colourize, overlay

CLASSES = Classes(('background', 'a', 'b'), ((0, 0, 0), (220, 60, 60), (60, 100, 230)))


def square(*noise: tuple[int, int]) -> np.ndarray:
    mask = np.zeros((60, 60), np.uint8)
    mask[10:40, 10:40] = 1
    for y, x in noise:
        mask[y, x] = 2
    return mask


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, CleaningReport]:
    """Two changed masks and one that stays; only `two` has an image of its size."""
    for stem, mask in (('one', square((50, 50))), ('two', square((50, 50), (3, 3))), ('true', square())):
        write_mask(tmp_path / 'labels/train' / f'{stem}.png', mask, CLASSES.palette)
    (tmp_path / 'img/train').mkdir(parents=True)
    cv2.imwrite(str(tmp_path / 'img/train/two.png'), np.full((60, 60, 3), (40, 30, 20), np.uint8))
    cv2.imwrite(str(tmp_path / 'img/train/one.png'), np.full((6, 6, 3), 9, np.uint8))
    (tmp_path / 'dataset.yaml').write_text(
        'classes: [background, a, b]\npalette: [[0,0,0],[220,60,60],[60,100,230]]\nignore_index: 9\n'
    )
    return tmp_path, clean_label_set(tmp_path, 'labels', 'clean')


def write(made: tuple[Path, CleaningReport], monkeypatch: pytest.MonkeyPatch, max_masks: int = 1000) -> dict[str, Any]:
    root, report = made
    page: dict[str, Any] = {}
    monkeypatch.setattr(
        cleaning_page, 'write_gallery', lambda path, cards, **rest: page.update(rest, cards=list(cards))
    )
    write_cleaning_page(root / 'page.html', report, root, root / 'clean', CLASSES, max_masks)
    return page


def test_one_card_a_changed_mask_the_largest_change_first(
    made: tuple[Path, CleaningReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = write(made, monkeypatch)
    assert [card.title for card in page['cards']] == ['train / two', 'train / one']
    card = page['cards'][0]
    assert card.facts == {'changed pixels': 2, 'regions before': 3, 'regions after': 1}
    assert card.tags == ['noise']
    assert card.note == 'noise: 2 px'
    assert ('noise', 2, 3) in page['tables'][0].rows


def test_the_panels_show_before_after_and_difference(
    made: tuple[Path, CleaningReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    two, one = write(made, monkeypatch)['cards']
    image = np.full((60, 60, 3), (20, 30, 40), np.uint8)
    before, after, changed = (panel.image for panel in two.panels)
    np.testing.assert_array_equal(before, overlay(image, square((50, 50), (3, 3)), CLASSES.palette))
    np.testing.assert_array_equal(after, overlay(image, square(), CLASSES.palette))
    assert sorted(zip(*np.nonzero((changed == REMOVED).all(axis=2)), strict=True)) == [(3, 3), (50, 50)]
    np.testing.assert_array_equal(one.panels[1].image, colourize(square(), CLASSES.palette))


def test_the_intro_tells_what_is_left_out(made: tuple[Path, CleaningReport], monkeypatch: pytest.MonkeyPatch) -> None:
    page = write(made, monkeypatch, max_masks=1)
    assert len(page['cards']) == 1
    assert any('the 1 most changed of 2 masks' in line for line in page['intro'])


def report(changes: list[tuple[str, str, int]], masks: int = 9) -> CleaningReport:
    """Make a report of changes given as stem, rule, pixels."""
    entries = [MaskChange('train', stem, 1, Change(rule, pixels, 2, 1)) for stem, rule, pixels in changes]
    return CleaningReport('labels', 'clean', tuple(RULES), Thresholds(), masks, entries)


def test_the_conclusions() -> None:
    changes = [('a', 'noise', 4), ('b', 'hollow', 1500), ('a', 'pinholes', 6), ('c', 'noise', 2)]
    assert conclude_cleaning(report(changes)) == [
        '3 of 9 masks were changed, 1,512 px.',
        'The rule that changed the most is "hollow" (1 mask), 1,500 px; next is "noise" (2 masks), 6 px.',
        'Look at the largest changes first, starting with train / b (1,500 px).',
    ]
    assert conclude_cleaning(report([('a', 'noise', 4)], 1))[:2] == [
        '1 of 1 mask was changed, 4 px.',
        'The rule that changed the most is "noise" (1 mask), 4 px.',
    ]
    tie = conclude_cleaning(report([('a', 'noise', 4), ('b', 'pinholes', 4)]))
    assert tie[1] == 'The rules that changed the most are "pinholes" (1 mask) and "noise" (1 mask), 4 px each.'
    assert conclude_cleaning(report([])) == ['Nothing to clean: no rule applies to any of the 9 masks.']


def test_the_page_is_one_file(made: tuple[Path, CleaningReport]) -> None:
    root, report = made
    write_cleaning_page(root / 'page.html', report, root, root / 'clean', CLASSES)
    text = (root / 'page.html').read_text(encoding='utf-8')
    assert 'Cleaning of labels' in text
    assert text.count('<img') >= 6
    assert 'src="http' not in text
