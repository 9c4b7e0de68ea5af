from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import DataSet
from mmseg_ext.data.masks import write_mask
from mmseg_ext.eda.audit import RULES, Audit, Finding
from mmseg_ext.reports import audit_page
from mmseg_ext.reports.audit_page import FRAME, conclude_audit, write_audit_page
from mmseg_ext.reports.gallery import Card, Ordered

if TYPE_CHECKING:
    from .conftest import BrowserPage

CLASSES = Classes(('background', 'cat', 'dog'), ((0, 0, 0), (220, 60, 60), (60, 100, 230)))
EVIL = '<script>alert(1)<'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Files a and b of train are complete, c has no mask, d a broken one, e a mask of another size."""
    mask = np.zeros((20, 30), np.uint8)
    mask[5:15, 5:15] = 1
    mask[5:15, 15:25] = 2
    for name in ('img', 'labels'):
        (tmp_path / name / 'train').mkdir(parents=True)
    for stem in ('a', 'b', 'c', 'd', 'e', EVIL):
        cv2.imwrite(str(tmp_path / 'img/train' / f'{stem}.png'), np.full((20, 30, 3), (40, 30, 20), np.uint8))
    for stem in ('a', 'b', EVIL):
        write_mask(tmp_path / 'labels/train' / f'{stem}.png', mask, CLASSES.palette)
    (tmp_path / 'labels/train/d.png').write_bytes(b'\x89PNG')
    write_mask(tmp_path / 'labels/train/e.png', mask[:10], CLASSES.palette)
    return tmp_path


def finding(check: str, stem: str, severity: Any = 'warning', value: float | None = 1, **more: Any) -> Finding:
    return Finding(check, severity, more.pop('split', 'train'), stem, value, f'{check} of {stem}', **more)


def audit_of(root: Path, findings: list[Finding]) -> Audit:
    items, _ = DataSet(root).split('train', 'labels').scan()
    return Audit('labels', ('train', 'val'), (), 0, 0, CLASSES, findings, {item.key: item for item in items})


def write(
    root: Path, findings: list[Finding], monkeypatch: pytest.MonkeyPatch, max_files: int = 1000
) -> dict[str, Any]:
    """Return what the page is made from, the cards as a list."""
    made: dict[str, Any] = {}
    monkeypatch.setattr(audit_page, 'write_gallery', lambda path, cards, **rest: made.update(rest, cards=list(cards)))
    write_audit_page(root / 'audit.html', audit_of(root, findings), max_files)
    return made


def only_card(root: Path, findings: list[Finding], monkeypatch: pytest.MonkeyPatch) -> Card:
    [card] = write(root, findings, monkeypatch)['cards']
    return card


def test_one_card_a_file_the_most_severe_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [
        finding('noise', 'a'),
        finding('tiny_object', 'd', 'info'),
        finding('noise', 'b', value=4),
        finding('fragments', 'b', value=7),
        finding('unreadable', 'd', 'error', None),
    ]
    cards = write(root, findings, monkeypatch)['cards']
    assert [card.title for card in cards] == ['train / d', 'train / b', 'train / a']
    assert cards[1].tags == ['fragments', 'noise']
    assert cards[1].facts == {'severity': Ordered('warning', 1), 'findings': 2, 'noise': 4, 'fragments': 7}
    assert cards[1].note == 'noise of b\nfragments of b'
    assert cards[0].facts == {'severity': Ordered('error', 0), 'findings': 2, 'tiny_object': 1}


def test_the_largest_value_of_a_check_is_shown(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [finding('holes', 'a', value=value) for value in (0.2, 0.7, None, 0.5)]
    assert only_card(root, findings, monkeypatch).facts['holes'] == 0.7


def test_the_image_has_mask_and_frames_and_the_mask_is_plain(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = only_card(root, [finding('noise', 'a', boxes=((10, 8, 2, 2),))], monkeypatch)
    covered, mask = card.panels
    assert [panel.caption for panel in card.panels] == ['image and mask', 'mask, 30×20']
    assert covered.image[0, 0].tolist() == [20, 30, 40]  # RGB, untouched background
    assert covered.image[8, 7].tolist() == list(FRAME)
    assert covered.image[9, 11].tolist() == [90, 40, 47]  # 0.65 × (20, 30, 40) + 0.35 × (220, 60, 60)
    assert np.unique(mask.image.reshape(-1, 3), axis=0).tolist() == [[0, 0, 0], [60, 100, 230], [220, 60, 60]]


def test_without_an_image_the_mask_has_the_frames(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / 'img/train/a.png').unlink()
    [panel] = only_card(root, [finding('unpaired_mask', 'a', boxes=((10, 8, 2, 2),))], monkeypatch).panels
    assert panel.caption == 'mask, 30×20'
    assert panel.image[8, 7].tolist() == list(FRAME)


@pytest.mark.parametrize('stem', ['c', 'd'])
def test_a_mask_that_cannot_be_read_leaves_the_image(root: Path, monkeypatch: pytest.MonkeyPatch, stem: str) -> None:
    [panel] = only_card(root, [finding('unreadable', stem, 'error', None)], monkeypatch).panels
    assert panel.caption == 'image, 30×20'
    assert (panel.image == (20, 30, 40)).all()


def test_sizes_that_differ_are_shown_side_by_side(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = only_card(root, [finding('size_mismatch', 'e', 'error', None)], monkeypatch)
    assert [panel.caption for panel in card.panels] == ['image, 30×20', 'mask, 30×10']


def test_a_file_or_split_that_is_not_there_has_a_card_with_its_message(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lost in (finding('unreadable', 'x', 'error', None), finding('noise', 'x', split='val')):
        card = only_card(root, [lost], monkeypatch)
        assert card.panels == []
        assert card.note == lost.message


def test_of_images_with_the_same_stem_the_first_is_shown(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(root / 'img/train/a.bmp'), np.full((20, 30, 3), 7, np.uint8))
    covered, _ = only_card(root, [finding('ambiguous_stem', 'a')], monkeypatch).panels
    assert covered.image[0, 0].tolist() == [7, 7, 7]


def test_the_summary_counts_findings_by_check_and_split(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [finding('noise', 'a'), finding('noise', 'b'), finding('noise', 'v', split='val')]
    findings += [finding('noise', 'a', 'info'), finding('unreadable', 'd', 'error', None)]
    [table] = write(root, findings, monkeypatch)['tables']
    assert table.columns == ['check', 'severity', 'train', 'val', 'all']
    assert table.rows == [
        ['unreadable', Ordered('error', 0), 1, 0, 1],
        ['noise', Ordered('warning', 1), 2, 1, 3],
        ['noise', Ordered('info', 2), 1, 0, 1],
    ]


def test_the_intro_tells_what_is_left_out(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [finding('tiny_object', 'a', 'info'), finding('noise', 'b'), finding('unreadable', 'd', 'error', None)]
    made = write(root, findings, monkeypatch, max_files=2)
    assert [card.title for card in made['cards']] == ['train / d', 'train / b']
    assert made['intro'][0] == 'This page shows the 2 most severe of 3 files.'
    assert len(write(root, findings, monkeypatch, max_files=3)['intro']) == 1


def conclusions(
    findings: list[Finding], images: int = 5, masks: int = 4, unlabelled: tuple[str, ...] = ()
) -> list[str]:
    return conclude_audit(Audit('labels', ('train', 'val'), unlabelled, images, masks, CLASSES, findings, {}))


def test_the_conclusions_count_files_name_checks_and_say_where_to_begin() -> None:
    findings = [
        finding('noise', 'a'), finding('noise', 'a', value=3), finding('noise', 'b'), finding('noise', 'c'),
        finding('pinholes', 'a', 'info'), finding('pinholes', 'd', 'info'),
        finding('unreadable', 'c', 'error', None),
    ]  # fmt: skip
    assert conclusions(findings) == [
        '4 files have findings, out of 5 images and 4 masks: 1 with errors (to be fixed before training), 2 with '
        'warnings (probably wrong), 1 with info only (worth a look).',
        'The most frequent check is "noise", in 3 files; next is "pinholes", in 2.',
        'Start with the most frequent error, "unreadable" in 1 file: copy or export the file again.',
    ]


def test_conclusions_on_one_file_a_tie_and_an_unknown_check() -> None:
    assert conclusions([finding('brand_new', 'a', 'info')], 1, 1) == [
        '1 file has findings, out of 1 image and 1 mask: 1 with info only (worth a look).',
        'The most frequent check is "brand_new", in 1 file.',
        'Start with the most frequent info finding, "brand_new" in 1 file: see docs/audit.md.',
    ]
    tie = [finding(check, 'a') for check in ('noise', 'holes', 'fragments')]
    assert conclusions(tie)[1] == 'The most frequent checks are "fragments", "holes" and "noise", in 1 file each.'


def test_no_findings(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = write(root, [], monkeypatch)
    assert made['conclusions'] == ['No findings in 0 images and 0 masks.']
    assert (made['intro'], made['chart'].bars, made['tables'], made['cards']) == ([], [], [], [])
    assert conclusions([], 3, 0, ('val',))[1] == (
        '1 split has no masks in labels, so only images were audited there: val.'
    )
    assert conclusions([], 3, 0, ('val', 'test'))[1].startswith('2 splits have no masks in labels')


def test_the_chart_counts_files_not_findings(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [finding('noise', 'a'), finding('noise', 'a'), finding('noise', 'b', 'error'), finding('holes', 'a')]
    bars = write(root, findings, monkeypatch)['chart'].bars
    assert [(bar.label, bar.value, bar.text) for bar in bars] == [
        ('noise', 2, '2 · error'), ('holes', 1, '1 · warning'),
    ]  # fmt: skip


def test_what_to_do_is_known_of_checks_that_exist() -> None:
    assert set(audit_page.REMEDIES) <= set(RULES)


def test_the_page_in_a_browser(root: Path, browser_page: BrowserPage) -> None:
    findings = [
        finding('noise', 'a', value=3, boxes=((6, 6, 2, 2),)),
        finding('noise', 'b', value=12),
        finding('holes', EVIL, 'info', 0.4),
        finding('unreadable', 'd', 'error', None),
    ]
    write_audit_page(root / 'audit.html', audit_of(root, findings))
    page = browser_page(root / 'audit.html')
    assert page.title() == 'Audit of labels'
    assert page.locator('.card h3').all_text_contents() == ['train / d', 'train / a', 'train / b', f'train / {EVIL}']
    page.get_by_label('Sort by').select_option('noise')
    assert page.locator('.card h3').all_text_contents()[:2] == ['train / b', 'train / a']
    page.get_by_label('Sort by').select_option('severity')
    page.locator('#direction').click()
    assert page.locator('.card dl div:first-child dd').all_text_contents() == ['error', 'warning', 'warning', 'info']
