"""Page, report and files of an error analysis."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import error_scenes as scenes
import numpy as np
import pytest
from PIL import Image

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.errors.analysis import Analysis, Settings, analyze
from mmseg_ext.evaluation.errors.causes import CAUSES
from mmseg_ext.evaluation.errors.result_dir import open_result
from mmseg_ext.evaluation.errors.summary import summarize_errors
from mmseg_ext.reports.errors.charts import CAUSE_COLOURS
from mmseg_ext.reports.errors.conclusions import conclude
from mmseg_ext.reports.errors.markdown import check_markdown, write_errors_markdown
from mmseg_ext.reports.errors.outputs import check_out, write_error_outputs
from mmseg_ext.reports.errors.page import choose_galleries, draw_causes

if TYPE_CHECKING:
    from .conftest import BrowserPage


def analysed(folder: Path) -> tuple[Analysis, dict[str, Any]]:
    analysis = analyze(open_result(folder), Settings(resamples=50, permutations=19, min_objects=4))
    return analysis, summarize_errors(analysis, ['tools/analyze_errors.py', 'a b'])


@pytest.fixture(scope='module')
def analysis(tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysis, dict[str, Any]]:
    return analysed(scenes.write_result(tmp_path_factory.mktemp('errors'), scenes.random_masks(16, 3), 3))


@pytest.fixture(scope='module')
def out(analysis: tuple[Analysis, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('out') / 'errors'
    assert write_error_outputs(folder, *analysis, top=3) == folder / 'errors.html'
    return folder


def test_the_folder_holds_what_it_promises(out: Path, analysis: tuple[Analysis, dict[str, Any]]) -> None:
    names = {path.name for path in out.iterdir()}
    assert {'errors.html', 'errors.json', 'causes.csv', 'causes.png', 'slices.svg', 'suspects.csv'} <= names
    assert json.loads((out / 'errors.json').read_text()) == json.loads(json.dumps(analysis[1]))
    assert Image.open(out / 'borders.png').size[0] == 1440
    with pytest.raises(InputError, match='overwrite=True'):
        check_out(out)
    check_out(out, overwrite=True)


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    check_out(tmp_path)
    (tmp_path / 'photo.jpg').touch()
    with pytest.raises(InputError, match=r'photo\.jpg'):
        check_out(tmp_path, overwrite=True)
    with pytest.raises(InputError, match='is a file'):
        check_out(tmp_path / 'photo.jpg', overwrite=True)


def test_what_an_earlier_analysis_left_is_removed(analysis: tuple[Analysis, dict[str, Any]], tmp_path: Path) -> None:
    folder = scenes.write_result(tmp_path, scenes.random_masks(3, 2), 2, probabilities=False)
    (tmp_path / 'out').mkdir()
    for name in ('calibration.csv', 'suspects.csv', 'calibration.png'):
        (tmp_path / 'out' / name).touch()
    write_error_outputs(tmp_path / 'out', *analysed(folder), top=1)
    names = {path.name for path in (tmp_path / 'out').iterdir()}
    assert not [name for name in names if name.startswith(('calibration', 'suspects'))]
    assert 'saved no probabilities' in (tmp_path / 'out/errors.html').read_text()


def test_galleries(analysis: tuple[Analysis, dict[str, Any]]) -> None:
    images = analysis[0].images
    tags = choose_galleries(analysis[0], 3)
    by_dice = sorted(range(len(images)), key=lambda index: images[index].dice)
    assert list(tags) == [index for index in by_dice if index in tags]  # the worst first
    members = {
        name: {index for index in tags if name in tags[index]} for name in {n for names in tags.values() for n in names}
    }
    assert members['worst'] == set(by_dice[:3])
    assert members['best'] == set(by_dice[-3:])
    assert len(members['random']) == 3
    for number, cause in enumerate(CAUSES):
        pixels = [int(image.causes[number].sum()) for image in images]
        expected = [count for count in sorted(pixels, reverse=True)[:3] if count]
        assert sorted((pixels[index] for index in members.get(cause, ())), reverse=True) == expected


def test_the_error_map_shows_each_cause_in_its_colour() -> None:
    causes = np.array([[0, 0, *range(1, len(CAUSES) + 1)]], np.uint8)
    drawn = draw_causes(causes, np.arange(causes.size)[None] > 0)
    assert drawn[0, 0].tolist() == [0, 0, 0]
    assert drawn[0, 1].tolist() == [70, 70, 70]
    assert [tuple(colour) for colour in drawn[0, 2:].tolist()] == [CAUSE_COLOURS[name] for name in CAUSES]
    assert len(set(CAUSE_COLOURS.values())) == len(CAUSES)


def test_the_page_in_a_browser(out: Path, browser_page: BrowserPage, analysis: tuple[Analysis, dict[str, Any]]) -> None:
    page = browser_page(out / 'errors.html')
    tags = choose_galleries(analysis[0], 3)
    assert page.locator('.card').count() == len(tags)
    assert page.locator('.card h3').all_text_contents() == [analysis[0].images[index].stem for index in tags]
    assert page.locator('.legend li').all_inner_texts() == list(CAUSES)
    colours = page.locator('.legend i').evaluate_all('all => all.map((box) => getComputedStyle(box).backgroundColor)')
    assert colours == [f'rgb({", ".join(map(str, CAUSE_COLOURS[name]))})' for name in CAUSES]
    assert page.locator('.card').first.locator('.panel span').all_text_contents() == [
        'image', 'ground truth', 'prediction', 'errors',
    ]  # fmt: skip
    page.locator('#sort').select_option('wrong px')
    values = [int(text) for text in page.locator('.card dl div:has(dt:text-is("wrong px")) dd').all_text_contents()]
    assert values == sorted(values, reverse=True)


def test_a_slice_in_a_table_shows_its_images(
    out: Path, browser_page: BrowserPage, analysis: tuple[Analysis, dict[str, Any]]
) -> None:
    page = browser_page(out / 'errors.html')
    samples, shown = analysis[0].samples, choose_galleries(analysis[0], 3)

    def images(members: np.ndarray) -> list[str]:
        inside = {samples[place].image for place in np.flatnonzero(members)}
        return [analysis[0].images[index].stem for index in shown if index in inside]

    single = [piece for piece, _ in analysis[0].slices if 0 < len(images(piece.members)) < len(shown)]
    name, expected = single[0].name, images(single[0].members)
    page.get_by_text('Slices', exact=True).click()
    before = page.locator('.tags button').count()
    page.get_by_role('button', name=name, exact=True).click()
    assert page.locator('.card:not([hidden]) h3').all_text_contents() == expected
    assert page.locator('.tags button').count() == before + 1
    page.get_by_role('button', name=name, exact=True).click()
    assert page.locator('.tags button').count() == before + 1
    page.locator('.tags button').first.click()  # all
    assert page.locator('.card:not([hidden])').count() == len(shown)


def test_a_column_with_intervals_sorts_by_its_numbers(out: Path, browser_page: BrowserPage) -> None:
    page = browser_page(out / 'errors.html')
    page.get_by_text('Causes of the wrong pixels').click()
    table = page.locator('details', has_text='Causes of the wrong pixels').locator('table')
    table.get_by_role('button', name='% of all wrong pixels').click()
    cells = table.locator('tbody td:nth-child(4)').all_inner_texts()
    numbers = [float(cell.partition(' ')[0]) for cell in cells]
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize('width', [1400, 400])
def test_the_page_opens_on_conclusions_and_a_chart(
    out: Path, browser_page: BrowserPage, analysis: tuple[Analysis, dict[str, Any]], width: int
) -> None:
    page = browser_page(out / 'errors.html', width)
    assert page.locator('.conclusions p').all_inner_texts() == conclude(analysis[1])
    causes = [cause for cause in analysis[1]['causes'] if cause['pixels']]
    gains = {cause['cause']: cause['gain']['value'] for cause in causes}
    assert page.locator('.bars .link').all_inner_texts() == sorted(gains, key=lambda name: -gains[name])
    for details in page.locator('summary').all():
        details.click()
    assert page.evaluate('document.documentElement.scrollWidth') <= width


@pytest.mark.parametrize(
    ('truth', 'prediction', 'expected'),
    [
        (1, 1, 'No errors: every pixel of the 1 image matches the ground truth.'),
        (0, 1, 'The cause "background hallucination" costs most: correcting it would gain'),
        (1, 0, 'The cause "missed object" costs most: correcting it would gain'),
        (255, 1, 'Nothing to evaluate: no pixel of the 1 image has a class in the ground truth.'),
    ],
)  # fmt: skip
def test_a_result_of_one_image_and_one_class(
    tmp_path: Path, browser_page: BrowserPage, truth: int, prediction: int, expected: str
) -> None:
    masks = {'only': (np.full((32, 40), truth, np.uint8), np.full((32, 40), prediction, np.uint8))}
    folder = scenes.write_result(tmp_path, masks, 2, probabilities=False)
    page = browser_page(write_error_outputs(tmp_path / 'out', *analysed(folder)), 400)
    texts = page.locator('.conclusions p').all_inner_texts()
    assert texts[0].startswith(expected)
    assert 'nan' not in page.inner_text('body').lower().replace('name', '')
    write_errors_markdown(tmp_path / 'errors.md', analysed(folder)[1])


def test_the_report_has_numbers_and_charts(analysis: tuple[Analysis, dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / 'reports' / 'errors.md'
    check_markdown(path)
    write_errors_markdown(path, analysis[1])
    text = path.read_text(encoding='utf-8')
    figures = {name.name for name in (tmp_path / 'reports/figures').iterdir()}
    assert figures == {f'errors_{name}.png' for name in ('causes', 'slices', 'borders', 'calibration')}
    assert all(text.count(f'(figures/{name})') == 1 for name in figures)
    assert "python tools/analyze_errors.py 'a b'" in text
    assert f'mDice {analysis[1]["scores"]["mDice"]["value"]:.2f}' in text
    assert 'nan' not in text
    with pytest.raises(InputError, match='overwrite=True'):
        check_markdown(path)
    path.unlink()
    with pytest.raises(InputError, match=r'errors_.*\.png'):
        check_markdown(path)


def test_the_report_says_what_is_missing(tmp_path: Path) -> None:
    folder = scenes.write_result(tmp_path, scenes.random_masks(3, 2), 2, probabilities=False)
    write_errors_markdown(tmp_path / 'errors.md', analysed(folder)[1])
    text = (tmp_path / 'errors.md').read_text(encoding='utf-8')
    assert '--probabilities' in text
    assert 'calibration.png' not in text
