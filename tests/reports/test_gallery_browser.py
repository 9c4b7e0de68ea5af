"""The gallery as a reader uses it, in headless Chromium."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mmseg_ext.reports.bar_chart import Bar, BarChart
from mmseg_ext.reports.gallery import Card, Ordered, Panel, Table, write_gallery

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from .conftest import BrowserPage

WINDOWS = [(1400, 900), (400, 800)]


def plain_image(colour: tuple[int, int, int], side: int = 24) -> np.ndarray:
    return np.full((side, side, 3), colour, np.uint8)


def panels(*captions: str) -> list[Panel]:
    return [Panel(caption, plain_image((40 * number, 90, 200))) for number, caption in enumerate(captions)]


@pytest.fixture(scope='module')
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four cards that no order of the facts sorts alike."""
    path = tmp_path_factory.mktemp('gallery') / 'page.html'
    cards = [
        Card(
            'pear 10', panels('before', 'after'), {'share': 0.5, 'level': Ordered('info', 2)}, ['noise'], 'One.\nTwo.'
        ),
        Card('apple', panels('before', 'after'), {'share': 10, 'level': Ordered('error', 0)}, ['noise', 'holes']),
        Card('pear 9', panels('before', 'after'), {'share': None, 'level': Ordered('warning', 1)}, ['holes']),
        Card('<b>"plum"&amp;</b>', [], {'share': 9, 'word': 'x'}, ['scrap']),
    ]
    rows = [['noise', 9, 0.5], ['holes', 10, None], ['scrap', 1, 0.25]]
    write_gallery(
        path,
        title='Fruit',
        conclusions=['Most is noise. ' * 9],
        intro=['Two words.'],
        chart=BarChart(
            'Checks', [Bar('holes', 10, '10 · a ' + 'long ' * 12, 8, 20, (200, 200, 200)), Bar('scrap', -5, '−5')]
        ),
        tables=[Table('Sums', ['check', 'n', 'share'], rows), Table('Wide', [f'column {n}' for n in range(20)], [])],
        cards=cards,
    )
    return path


def titles(page: Page) -> list[str]:
    return page.locator('.card:visible h3').all_text_contents()


def test_the_page_opens_with_all_cards_in_the_given_order(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery)
    assert page.title() == 'Fruit'
    assert titles(page) == ['pear 10', 'apple', 'pear 9', '<b>"plum"&amp;</b>']
    assert page.locator('#count').inner_text() == '4 cards'
    assert page.locator('.note').text_content() == 'One.\nTwo.'
    assert page.locator('.tags button').all_inner_texts() == ['all 4', 'holes 2', 'noise 2', 'scrap 1']
    loaded = page.evaluate(
        '[...document.images].filter((image) => image.src).every((image) => image.naturalWidth === 24)'
    )
    assert loaded


def test_filter_by_several_tags(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery)
    holes, scrap = (page.locator(f'#tags [data-tag={tag}]') for tag in ('holes', 'scrap'))
    holes.click()
    assert titles(page) == ['apple', 'pear 9']
    assert page.locator('#count').inner_text() == '2 of 4 cards'
    scrap.click()
    assert titles(page) == ['apple', 'pear 9', '<b>"plum"&amp;</b>']
    holes.click()
    assert titles(page) == ['<b>"plum"&amp;</b>']
    assert [b.get_attribute('aria-pressed') for b in page.locator('.tags button').all()] == ['false'] * 3 + ['true']
    page.get_by_role('button', name=re.compile('^all')).click()
    assert len(titles(page)) == 4


def test_search_in_titles_together_with_a_tag(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery)
    page.get_by_label('Search').fill('PEAR')
    assert titles(page) == ['pear 10', 'pear 9']
    page.locator('#tags [data-tag=holes]').click()
    assert titles(page) == ['pear 9']
    page.get_by_label('Search').fill('<b>')
    assert titles(page) == []
    page.get_by_role('button', name='Show all').click()
    assert len(titles(page)) == 4
    assert page.get_by_label('Search').input_value() == ''
    assert not page.locator('#nothing').is_visible()


def test_sort_by_numbers_words_and_ordered_words(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery)
    plum = '<b>"plum"&amp;</b>'
    choice, direction = page.get_by_label('Sort by'), page.locator('#direction')
    assert choice.locator('option').all_text_contents() == ['default order', 'share', 'level', 'word']
    choice.select_option('share')  # as numbers, from the largest; what is missing stands last in either direction
    assert titles(page) == ['apple', plum, 'pear 10', 'pear 9']
    direction.click()
    assert titles(page) == ['pear 10', plum, 'apple', 'pear 9']
    choice.select_option('level')
    direction.click()
    assert titles(page) == ['apple', 'pear 9', 'pear 10', plum]
    choice.select_option('word')
    assert titles(page) == [plum, 'pear 10', 'apple', 'pear 9']
    choice.select_option('')
    assert titles(page) == ['pear 10', 'apple', 'pear 9', plum]


def test_a_filter_survives_sorting(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery)
    page.get_by_role('button', name=re.compile('^noise')).click()
    page.get_by_label('Sort by').select_option('share')
    assert titles(page) == ['apple', 'pear 10']


def test_tables_sort_by_column(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery)
    assert not page.locator('table').is_visible()  # folded at first
    page.get_by_text('Sums').click()

    def first_column() -> list[str]:
        return page.locator('tbody tr td:first-child').all_text_contents()

    head = page.locator('th').nth(1)
    head.get_by_role('button').click()
    assert first_column() == ['holes', 'noise', 'scrap']
    assert head.get_attribute('aria-sort') == 'descending'
    head.get_by_role('button').click()
    assert first_column() == ['scrap', 'noise', 'holes']
    page.locator('th').nth(2).get_by_role('button').click()
    assert first_column() == ['noise', 'scrap', 'holes']  # the missing share last
    assert head.get_attribute('aria-sort') is None
    page.locator('th').nth(0).get_by_role('button').click()
    assert first_column() == ['holes', 'noise', 'scrap']


def test_everything_by_keyboard(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery)
    for _ in range(2 + 3):  # two links of the chart, then `all`, `holes`, `noise`
        page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.textContent') == 'noise 2'
    assert page.evaluate('getComputedStyle(document.activeElement).outlineStyle') == 'solid'
    page.keyboard.press('Space')
    assert titles(page) == ['pear 10', 'apple']
    for _ in range(6):  # scrap, search, sort, direction, size, first image
        page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.className') == 'panel'
    page.keyboard.press('Enter')
    viewer, caption = page.locator('#viewer'), page.locator('#viewer-caption')
    assert viewer.is_visible()
    assert (page.locator('#viewer-title').inner_text(), caption.inner_text()) == ('pear 10', 'before')
    page.keyboard.press('ArrowRight')
    assert caption.inner_text() == 'after'
    page.keyboard.press('ArrowRight')  # round to the first
    page.keyboard.press('ArrowLeft')
    assert caption.inner_text() == 'after'
    page.keyboard.press('ArrowDown')
    assert (page.locator('#viewer-title').inner_text(), caption.inner_text()) == ('apple', 'after')
    page.keyboard.press('ArrowDown')  # the last card that the filter shows
    assert page.locator('#viewer-title').inner_text() == 'apple'
    page.keyboard.press('Escape')
    assert not viewer.is_visible()
    # The browser first gives the focus back to where the viewer was opened from; the page moves it a moment later.
    page.locator('[aria-label="Enlarge after of apple"]:focus').wait_for()


@pytest.mark.parametrize(('width', 'height'), WINDOWS)
def test_a_click_enlarges_an_image(gallery: Path, browser_page: BrowserPage, width: int, height: int) -> None:
    page = browser_page(gallery, width, height)
    page.get_by_role('button', name='Enlarge before of pear 9').click()
    box = page.locator('#viewer-image').bounding_box()
    assert box is not None
    assert box['width'] > 0.75 * width
    assert box['x'] >= 0
    assert box['x'] + box['width'] <= width
    page.locator('#viewer-image.crisp').wait_for()
    page.get_by_role('button', name='Close').click()
    assert not page.locator('#viewer').is_visible()


@pytest.mark.parametrize('dark', [False, True])
@pytest.mark.parametrize(('width', 'height'), WINDOWS)
def test_it_fits_the_window_and_is_legible(
    gallery: Path, browser_page: BrowserPage, width: int, height: int, dark: bool
) -> None:
    page = browser_page(gallery, width, height, dark=dark)
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    boxes = [card.bounding_box() for card in page.locator('.card').all()]
    assert len({box['x'] for box in boxes if box}) == (3 if width == 1400 else 1)
    background = luminance(page, 'body', 'backgroundColor')
    assert (background < 0.1) if dark else (background > 0.9)
    for words, behind in (
        ('body', 'body'),
        ('.conclusions p', 'body'),
        ('.intro', 'body'),
        ('.bars .link', 'body'),
        ('summary span', 'body'),
        ('.note', '.card'),
        ('dt', '.card'),
        ('.tags button[aria-pressed=true] b', '.tags button[aria-pressed=true]'),
    ):
        lighter, darker = sorted((luminance(page, words, 'color'), luminance(page, behind, 'backgroundColor')))[::-1]
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, words  # WCAG 2.2, contrast of text, level AA


def luminance(page: Page, selector: str, name: str) -> float:
    """Relative luminance (WCAG 2.2) of a computed colour."""
    text = page.evaluate(f'getComputedStyle(document.querySelector("{selector}")).{name}')
    channels = [int(value) / 255 for value in re.findall(r'\d+', text)[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_conclusions_and_chart_come_first_and_tables_last(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery)
    order = ('h1', '.conclusions', '.intro', '.bars', '.card', 'details')
    tops = [page.locator(part).first.bounding_box() for part in order]
    assert [box['y'] for box in tops if box] == sorted(box['y'] for box in tops if box)
    levels = page.evaluate('[...document.querySelectorAll("main h2, main h3, h1")].map((h) => +h.tagName[1])')
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert levels[0] == 1


def test_a_chart_draws_bars_and_intervals_to_scale(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery)
    track, bar, interval, negative = (
        page.locator(part).bounding_box()
        for part in (
            'li:nth-child(1) .track', 'li:nth-child(1) .track i', '.track b', 'li:nth-child(2) .track i',
        )
    )  # fmt: skip
    assert track
    assert bar
    assert interval
    assert negative
    unit = track['width'] / 25  # from −5 to 20
    left = track['x']
    for box, start, length in ((bar, 5, 10), (interval, 13, 12), (negative, 0, 5)):
        assert (box['x'] - left) / unit == pytest.approx(start, abs=0.1)
        assert box['width'] / unit == pytest.approx(length, abs=0.1)
    page.get_by_role('button', name='holes', exact=True).click()
    assert titles(page) == ['apple', 'pear 9']


@pytest.mark.parametrize(('width', 'height'), WINDOWS)
def test_a_wide_and_long_table_scrolls_in_its_own_box(
    tmp_path: Path, browser_page: BrowserPage, width: int, height: int
) -> None:
    columns = [f'column {number}' for number in range(40)]
    long = Table('Long', columns, [[f'cell {row}'] * 40 for row in range(200)])
    write_gallery(tmp_path / 'page.html', title='t', tables=[long, Table('Empty', ['a'], [], note='Why.')])
    page = browser_page(tmp_path / 'page.html', width, height)
    assert page.locator('summary').all_inner_texts() == ['Long 200 rows', 'Empty none']
    for summary in page.locator('summary').all():
        summary.click()
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    assert page.locator('table').count() == 1  # the empty one is its note alone
    box = page.locator('.scroll').bounding_box()
    assert box is not None
    assert box['height'] <= 0.71 * height
    page.locator('.scroll').focus()
    page.evaluate('document.querySelector(".scroll").onscroll = () => document.body.append("scrolled")')
    page.keyboard.press('End')
    page.get_by_text('scrolled').wait_for()


def test_print_unfolds_the_tables(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery)
    page.evaluate('window.dispatchEvent(new Event("beforeprint"))')
    assert page.locator('table').is_visible()


def test_the_size_of_the_images_can_be_set(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery)

    def width() -> float:
        box = page.locator('.panel img').first.bounding_box()
        assert box is not None
        return box['width']

    before = width()
    page.get_by_label('Image size').fill('300')
    assert width() > 1.4 * before


def test_print_shows_the_cards_alone(gallery: Path, browser_page: BrowserPage) -> None:
    page = browser_page(gallery, dark=True)
    page.emulate_media(media='print')
    assert not page.locator('#controls').is_visible()
    assert len(titles(page)) == 4
    assert luminance(page, 'body', 'backgroundColor') > 0.9


def test_the_first_sorting_can_be_given(tmp_path: Path, browser_page: BrowserPage) -> None:
    cards = [Card(f'{number}', [], {'n': number * 7 % 5}) for number in range(5)]
    write_gallery(tmp_path / 'page.html', title='t', cards=cards, sort_by='n')
    page = browser_page(tmp_path / 'page.html')
    assert titles(page) == ['2', '4', '1', '3', '0']
    assert page.get_by_label('Sort by').input_value() == 'n'


def test_no_cards(tmp_path: Path, browser_page: BrowserPage) -> None:
    write_gallery(tmp_path / 'page.html', title='Nothing', intro=['No findings.'])
    page = browser_page(tmp_path / 'page.html')
    assert not page.locator('#controls').is_visible()
    assert not page.locator('#nothing').is_visible()
    assert page.get_by_text('No findings.').is_visible()


def test_two_thousand_cards(tmp_path: Path, browser_page: BrowserPage) -> None:
    cards = (
        Card(
            f'card {number}',
            [Panel('x', plain_image((number % 256, 0, 0), 4))],
            {'n': number},
            ['odd', 'even'][number % 2 == 0 :][:1],
        )
        for number in range(2000)
    )
    write_gallery(tmp_path / 'page.html', title='t', cards=cards, sort_by='n')
    page = browser_page(tmp_path / 'page.html')
    assert titles(page) == [f'card {number}' for number in range(1999, 1987, -1)]
    page.locator('.tags button[data-tag=even]').click()
    assert page.locator('#count').inner_text() == '1000 of 2000 cards'
    page.get_by_role('button', name='Show all 1000').click()
    assert len(titles(page)) == 1000
    assert page.evaluate('document.activeElement.ariaLabel') == 'Enlarge x of card 1974'  # the first of the new ones
    assert not page.locator('#more').is_visible()


def test_the_viewer_walks_past_the_cards_that_are_shown_first(tmp_path: Path, browser_page: BrowserPage) -> None:
    cards = [Card(f'card {number}', [Panel('x', plain_image((number, 0, 0), 4))]) for number in range(13)]
    write_gallery(tmp_path / 'page.html', title='t', cards=cards)
    page = browser_page(tmp_path / 'page.html')
    assert len(titles(page)) == 12
    page.get_by_role('button', name='Enlarge x of card 11').click()
    page.keyboard.press('ArrowDown')
    assert page.locator('#viewer-title').inner_text() == 'card 12'
    page.keyboard.press('Escape')
    page.locator('[aria-label="Enlarge x of card 12"]:focus').wait_for()


def test_hostile_text_does_nothing(tmp_path: Path, browser_page: BrowserPage) -> None:
    # The fixture fails the test if a part of this runs, asks for a file, or is stopped by the content policy only.
    evil = "</title><script>alert(1)</script>\"><img src=x onerror=alert(2)>' onclick='alert(3) {{ 7 * 7 }}"
    write_gallery(
        tmp_path / 'page.html',
        title=evil,
        conclusions=[evil],
        intro=[evil],
        chart=BarChart(evil, [Bar(evil, 1, evil)], evil),
        cards_title=evil,
        tables=[Table(evil, [evil], [[evil]])],
        cards=[Card(evil, [Panel(evil, plain_image((1, 2, 3)))], {evil: evil}, [evil], evil)],
        tag_label=evil,
        sort_by=evil,
    )
    page = browser_page(tmp_path / 'page.html')
    assert titles(page) == [evil]
    page.locator('.tags button').nth(1).click()
    page.locator('.panel').click()
    assert page.locator('#viewer-title').inner_text() == evil
