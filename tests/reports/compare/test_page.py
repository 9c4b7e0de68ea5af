"""The page in a browser: what a reader does with it, on a screen and on a phone."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mmseg_ext.reports.compare import compare_runs, write_outputs
from mmseg_ext.reports.compare.thumbnails import Thumbnails
from mmseg_ext.runs.reading import read_runs

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = '</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope='module')
def runs(make_run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('runs')
    make_run(folder / 'good-s0', wrong=0.02, tested=True, settings={'loss': 'ce + dice'}, minutes=20)
    make_run(folder / 'good-s1', wrong=0.03, seed=1, settings={'loss': 'ce + dice'}, minutes=22)
    make_run(folder / 'poor', wrong=0.2, experiment='fcn', tested=True, settings={'loss': 'ce'}, minutes=4)
    make_run(folder / 'middling', wrong=0.1, experiment='psp', settings={'loss': 'ce'}, minutes=8)
    make_run(folder / 'died', experiment='big', status='failed', reason=f'RuntimeError: {HOSTILE}')
    for name in ('scalars.json', 'records/val_best.parquet'):
        (folder / 'died' / name).unlink()
    return folder


@pytest.fixture(scope='module')
def page_file(runs: Path) -> Path:
    path = runs.parent / f'{runs.name}-page.html'
    write_outputs(compare_runs(read_runs([runs])), page=path)
    return path


@pytest.fixture
def open_ready(browser_page: Any) -> Any:
    def open_page(path: Path, width: int = 1400, height: int = 900, *, dark: bool = False) -> Page:
        page: Page = browser_page(path, width, height, dark=dark)
        page.wait_for_selector('body[data-ready=true]')
        return page

    return open_page


def shown_runs(page: Page) -> list[str]:
    labels = page.locator('#runs tbody:visible tr:visible .label')
    return labels.all_text_contents()


def traces(page: Page, chart: str) -> list[str]:
    names: list[str] = page.evaluate(f"document.getElementById('{chart}').data.map((trace) => trace.name)")
    return names


def test_the_table(open_ready: Any, page_file: Path, runs: Path) -> None:
    """One visit, since a page takes a second or two to open."""
    page = open_ready(page_file)
    check_fit(page, 1400, dark=False)
    check_a_broken_run_is_named_with_its_reason(page)
    check_scores_and_settings(page, runs)
    check_sorting_and_filtering(page)


def check_sorting_and_filtering(page: Page) -> None:
    assert shown_runs(page) == ['died', 'good', 'middling', 'poor']
    heading = page.get_by_role('button', name='val mDice')
    heading.click()
    assert shown_runs(page) == ['good', 'middling', 'poor', 'died']  # from the best; what is missing stands last
    heading.press('Enter')
    assert shown_runs(page) == ['poor', 'middling', 'good', 'died']
    assert page.locator('th[aria-sort]').text_content() == 'val mDice'
    page.get_by_role('button', name='run', exact=True).click()
    assert shown_runs(page) == ['died', 'good', 'middling', 'poor']
    page.get_by_role('button', name='Show each run').click()
    assert shown_runs(page) == ['died', 'good', 'good-s0', 'good-s1', 'middling', 'poor']
    page.get_by_label('Filter', exact=True).fill('ce DICE')  # both words, in a hyperparameter
    assert shown_runs(page) == ['good', 'good-s0', 'good-s1']
    assert page.locator('#count').text_content() == '1 of 4 experiments, 2 runs'
    page.get_by_label('Filter', exact=True).fill('fcn')
    assert page.locator('#count').text_content() == '1 of 4 experiments, 1 run'
    page.get_by_label('Filter', exact=True).fill('nothing like it')
    page.get_by_role('button', name='Show all').click()
    assert len(shown_runs(page)) == 6


def check_a_broken_run_is_named_with_its_reason(page: Page) -> None:
    note = page.locator('#notes').inner_text()
    assert '1 of 5 runs is unfinished' in note
    assert f'died: failed: RuntimeError: {HOSTILE}' in note
    assert page.locator('tr.problem .label').all_text_contents() == ['died']


def check_scores_and_settings(page: Page, runs: Path) -> None:
    cells = page.locator('tbody[data-group=poor] td').all_inner_texts()
    expected = read_runs([runs / 'poor'])[0].evaluations[0]
    assert expected.mean is not None
    assert cells[2].split() == [
        f'{expected.mean.value:.2f}', f'({expected.mean.low:.2f}–{expected.mean.high:.2f})',
    ]  # fmt: skip
    assert cells[5].split()[0] == f'{expected.classes["dog"].value:.2f}'
    assert cells[6:] == ['2.5', '1.25', '4', '16', '0123456']
    page.get_by_text('1 hyperparameter differs between').click()
    settings = page.locator('table.settings tr').all_inner_texts()
    assert [[cell.strip() for cell in row.split('\t')] for row in settings] == [
        ['hyperparameter', 'died', 'good', 'middling', 'poor'], ['loss', '–', 'ce + dice', 'ce', 'ce'],
    ]  # fmt: skip


def test_the_charts_and_two_runs(open_ready: Any, page_file: Path, runs: Path) -> None:
    page = open_ready(page_file)
    check_charts_follow_the_ticks(page)
    check_two_runs_are_compared_image_by_image(page, runs)


def check_charts_follow_the_ticks(page: Page) -> None:
    assert traces(page, 'curve-chart') == ['good-s0', 'good-s1', 'middling', 'poor']
    assert page.locator('#matrices .chart').count() == 4
    page.get_by_label('Show good in the charts').uncheck()
    assert traces(page, 'curve-chart') == ['middling', 'poor']
    assert traces(page, 'bar-chart') == ['middling', 'poor']
    assert page.locator('#matrices .chart').count() == 2
    page.get_by_role('button', name='Untick all').click()
    assert traces(page, 'curve-chart') == []
    page.get_by_role('button', name='Tick all shown').click()
    page.get_by_label('Scalar').select_option('train/loss')
    page.get_by_label('Smoothing').fill('0.5')
    page.locator('#log-y').check()
    raw, smooth = page.evaluate("document.getElementById('curve-chart').data.slice(0, 2).map((trace) => trace.y)")
    assert smooth[0] == pytest.approx(raw[0])
    assert smooth[1] == pytest.approx((raw[0] / 4 + raw[1] / 2) / (3 / 4))
    assert page.evaluate("document.getElementById('curve-chart').layout.yaxis.type") == 'log'
    page.locator('#pareto-cost').select_option('images_per_second')
    assert page.evaluate("document.getElementById('pareto-chart').data[1].x") == [pytest.approx(1 / 16, abs=1e-3)]


def check_two_runs_are_compared_image_by_image(page: Page, runs: Path) -> None:
    document = json.loads(write_outputs(compare_runs(read_runs([runs])), document='-'))
    page.locator('#first').select_option(label='good-s0')
    page.locator('#second').select_option(label='poor')
    wanted = {'good-s0', 'poor'}
    (pair,) = [pair for pair in document['pairs'] if {pair['first']['run'], pair['second']['run']} == wanted]
    sign = 1 if pair['second']['run'] == 'poor' else -1
    verdict = page.locator('#verdict').inner_text()
    assert f'−{abs(pair["difference"]):.2f}' in verdict
    assert sign * pair['difference'] < 0
    assert 'p ≤ 0.0002' in verdict
    xs, ys, stems = page.evaluate("(({ x, y, text }) => [x, y, text])(document.getElementById('pair-chart').data[1])")
    compared = compare_runs(read_runs([runs])).paired_sets[0]
    scores = {name: compared.image_scores()[place] for place, (name, _) in enumerate(compared.entries)}
    assert stems == compared.stems
    assert xs == pytest.approx(100 * scores['good-s0'], abs=2e-3)
    assert ys == pytest.approx(100 * scores['poor'], abs=2e-3)
    change = 100 * (scores['poor'] - scores['good-s0'])
    lost = page.locator('#worsened .change p').all_inner_texts()
    assert lost[0].startswith(f'−{-change.min():.2f} {compared.stems[change.argmin()]}:')
    assert page.locator('#improved').inner_text() == 'None.'
    assert page.locator('#worsened .change').first.locator('figcaption').all_inner_texts() == [
        'image',
        'ground truth',
        'A',
        'B',
    ]
    widths = page.evaluate("[...document.querySelectorAll('#worsened img')].map((image) => image.naturalWidth)")
    assert set(widths) == {32}
    page.get_by_role('button', name='Swap').click()
    assert page.locator('#verdict').inner_text().startswith(f'mDice of B minus A: +{abs(pair["difference"]):.2f}')
    page.locator('#second').select_option(label='middling')
    assert page.locator('figcaption').all_inner_texts().count('B: no mask saved') > 0


def check_fit(page: Page, width: int, *, dark: bool) -> None:
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    background = page.evaluate('getComputedStyle(document.body).backgroundColor')
    text = page.evaluate("getComputedStyle(document.querySelector('#curve-chart .xtick text')).fill")
    assert (brightness(background) < 60, brightness(text) > 150) == (dark, dark)
    for chart in page.locator('.chart:visible').all():
        box = chart.locator('.main-svg').first.bounding_box()
        assert box is not None
        assert box['x'] + box['width'] <= width + 1


def test_a_narrow_dark_window_without_images(runs: Path, open_ready: Any, tmp_path: Path) -> None:
    path = tmp_path / 'bare.html'
    write_outputs(compare_runs(read_runs([runs])), page=path, pictures=False)
    page = open_ready(path, 400, 1200, dark=True)
    check_fit(page, 400, dark=True)
    assert page.locator('.conclusions p').first.inner_text().startswith('"good" is best: val mDice ')
    assert page.locator('.bars li > :first-child').all_inner_texts() == ['good', 'middling', 'poor']
    assert page.locator('#pair-section img').count() == 0
    assert page.get_by_label('Mask opacity').is_hidden()
    assert 'made without images' in page.locator('#pair-section').inner_text()
    assert not page.evaluate('data.sets.some((set) => Object.keys(set.thumbnails).length)')


def test_metrics_alone_make_a_page(repo_root: Path, open_ready: Any, tmp_path: Path) -> None:
    path = tmp_path / 'numbers.html'
    for metrics in list((repo_root / 'practicum_work' / 'predictions').glob('*-100e_*/metrics_val.json'))[:3]:
        (folder := tmp_path / 'predictions' / metrics.parent.name).mkdir(parents=True)
        shutil.copy(metrics, folder)  # and not the records
    write_outputs(compare_runs(read_runs([tmp_path / 'predictions'])), page=path)
    page = open_ready(path)
    assert page.locator('#pair-section').is_hidden()
    assert page.locator('#curves-section').is_hidden()
    assert page.locator('#no-pairs').is_visible()
    assert len(traces(page, 'bar-chart')) >= 3


@pytest.mark.parametrize(
    ('shown', 'total', 'note'),
    [(1, 1, '1 image can be shown.'), (3, 3, '3 images can be shown.'), (1, 5, '1 of 5 images is shown'),
     (2, 5, '2 of 5 images are shown')],
)  # fmt: skip
def test_how_many_images_are_shown(shown: int, total: int, note: str) -> None:
    from mmseg_ext.reports.compare.page import _thumbnails_note

    assert _thumbnails_note([Thumbnails({number: {} for number in range(shown)}, total)]).startswith(note)


def test_nothing_but_the_page_s_scripts_may_run(page_file: Path) -> None:
    text = page_file.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert policy[1].startswith(
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'sha256-"
    )
    assert 'unsafe-eval' not in policy[1]
    assert HOSTILE not in text
    assert str(page_file.parent) not in text


def brightness(colour: str) -> float:
    return sum(float(value) for value in re.findall(r'[\d.]+', colour)[:3]) / 3
