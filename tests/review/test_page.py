"""The page as a reviewer uses it, in headless Chromium: real keys and pointers, and the PNG files written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from boxed_cat import HEIGHT, WIDTH, given, suggested

from mmseg_ext.data import read_mask
from mmseg_ext.review import Review

Open = Callable[..., Review]
Reviewer = Callable[..., Any]


class Page:
    """A page with the hands of a reviewer; places are those of pixels in the image."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        page.set_default_timeout(30_000)  # only so that a hanging page cannot hang the run
        self.noise: list[str] = []
        page.on('console', lambda message: self.noise.append(message.text))
        page.on('pageerror', lambda error: self.noise.append(str(error)))
        page.on('request', lambda r: None if r.url.startswith((url, 'data:')) else self.noise.append(r.url))
        page.goto(url)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a place in the image is seen, as the picture is fitted into its canvas."""
        box = self.page.locator('#picture').bounding_box()
        scale = min(box['width'] / WIDTH, box['height'] / HEIGHT)
        left = box['x'] + (box['width'] - scale * WIDTH) / 2
        top = box['y'] + (box['height'] - scale * HEIGHT) / 2
        return left + x * scale, top + y * scale

    def point(self, x: float, y: float) -> None:
        self.page.mouse.move(*self.at(x, y))

    def drag(self, *places: tuple[float, float]) -> None:
        self.point(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.at(*place), steps=4)
        self.page.mouse.up()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def title(self, text: str) -> None:
        self.page.locator('#name').filter(has_text=text).wait_for()
        self.page.locator(f'#picture[aria-label^="{text},"]').wait_for()

    def status(self, text: str) -> None:
        self.page.locator('#status').filter(has_text=text).wait_for()


@pytest.fixture
def look(browser: Any) -> Iterator[Callable[..., Page]]:
    """Opens pages of a server; at the end none may have logged, raised, or asked for anything from elsewhere."""
    pages: list[Page] = []

    def open_page(client: Any, width: int = 1400, height: int = 900, **options: Any) -> Page:
        page = browser.new_page(viewport={'width': width, 'height': height}, **options)
        pages.append(Page(page, client.url))
        return pages[-1]

    yield open_page
    for each in pages:
        each.page.close()
        assert each.noise == []


def written(root: Path, stem: str) -> np.ndarray:
    return read_mask(root / 'new' / 'train' / f'{stem}.png')


def journal(root: Path) -> list[tuple[str, str]]:
    lines = (root / 'new' / 'review.jsonl').read_text(encoding='utf-8').splitlines()
    return [(line['stem'], line['decision']) for line in map(json.loads, lines)]


def test_paint_snap_undo_accept(root: Path, open_review: Open, serve: Reviewer, look: Callable[..., Page]) -> None:
    page = look(serve(open_review(boxes=((5, 6, 16, 14),))))
    page.title('train/a')
    assert page.page.locator('#place').inner_text() == '1 of 3 · 3 left'
    assert page.page.locator('#why').inner_text().split('\n') == ['reason of a', 'the suggestion differs in 172 px']

    # A dog's line with the smallest brush, a stroke that is undone, and the eraser.
    page.press('b', '2', *['['] * 12)
    assert page.page.locator('#size').input_value() == '1'
    page.drag((2.5, 2.5), (11.5, 2.5))
    page.drag((2.5, 4.5), (11.5, 4.5))
    page.press('z', 'e')
    page.drag((5.5, 2.5), (5.5, 2.6))
    page.status('saved, 9 px changed')  # before any decision
    expected = given()
    expected[2, 2:12] = 2
    expected[2, 5] = 0
    np.testing.assert_array_equal(written(root, 'a'), expected)

    # The dog in the corner goes; the rough box around the cat snaps to it; a polygon, filled and given another class.
    page.point(34, 25)
    page.press('Delete')
    page.point(12, 12)
    page.press('n')
    page.status('Snapped')
    page.press('p', '1')
    for place in ((26, 3), (36, 3), (36, 9), (26, 9)):
        page.page.mouse.click(*page.at(*place))
    page.press('Enter')
    page.point(30, 5)
    page.press('i', 'c', 'Enter')
    page.title('train/bär')
    expected[given() != 0] = 0
    expected[suggested() == 1] = 1
    expected[2, 2:12] = 2
    expected[2, 5] = 0
    expected[3:9, 26:36] = 255
    page.status('edited')
    np.testing.assert_array_equal(written(root, 'a'), expected)

    # The suggestion within the cat's region, then all of it; back to the first one, where all can still be undone.
    page.point(12, 12)
    page.press('r')
    page.status('accepted in a region')
    region = given()
    region[given() == 1] = suggested()[given() == 1]
    np.testing.assert_array_equal(written(root, 'bär'), region)
    page.press('a')
    page.title('train/c d')
    page.status('accepted,')
    assert page.page.locator('#do-snap').is_enabled()  # the mouse has not moved: it points at a region here too
    np.testing.assert_array_equal(written(root, 'bär'), suggested())
    page.press('PageUp', 'PageUp')
    page.title('train/a')
    page.page.locator('#do-undo[aria-disabled=false]').wait_for()
    page.press(*['Control+z'] * 8)
    assert page.page.locator('#do-undo').is_disabled()
    page.press('Control+y')
    page.status('edited, 10 px changed')
    line = given()
    line[2, 2:12] = 2
    np.testing.assert_array_equal(written(root, 'a'), line)

    # The last one is marked unknown; the end names what comes next.
    page.press('PageDown', 'PageDown')
    page.title('train/c d')
    page.press('x')
    page.page.locator('#summary').wait_for()
    assert page.page.locator('#counts').inner_text() == '1 edited, 1 accepted, 1 to be removed'
    assert page.page.locator('#commands').inner_text() == 'mmseg-ext train CONFIG'
    assert (written(root, 'c d') == 255).all()
    assert journal(root) == [
        ('a', 'edit'), ('bär', 'region'), ('bär', 'accept'), ('a', 'edit'), ('c d', 'remove')
    ]  # fmt: skip
    np.testing.assert_array_equal(read_mask(root / 'labels' / 'train' / 'a.png'), given())


def test_by_keyboard_alone(root: Path, open_review: Open, serve: Reviewer, look: Callable[..., Page]) -> None:
    page = look(serve(open_review()))
    page.title('train/a')
    page.press('?')
    assert page.page.get_by_role('dialog', name='Keyboard shortcuts').is_visible()
    assert 'Snap the region' in page.page.locator('#keys').inner_text()
    page.press('Escape')
    # From the middle (20, 15): a pixel beside the cat, which then grows to it; twice grown, once shrunk.
    page.press('b', '1', *['['] * 12, 'ArrowRight', 'ArrowRight', 'ArrowUp', 'Space')
    page.press('Home', 'j', 'j', 'Shift+ArrowUp', 'j', 'g', 'g', 'Shift+G', 's')
    page.title('train/bär')
    page.status('skipped')
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    grown = cv2.dilate((given() == 1).astype(np.uint8), cross)
    grown[14, 22] = 1
    expected = cv2.erode(cv2.dilate(grown, cross), cross)
    np.testing.assert_array_equal(written(root, 'a'), np.where(expected > 0, 1, given()))
    page.press('PageUp')
    page.title('train/a')
    page.press('l')  # the original
    page.press('u')
    page.title('train/bär')
    page.status('marked unknown')
    np.testing.assert_array_equal(written(root, 'a'), np.where(given() != suggested(), 255, given()))


def test_what_was_skipped_comes_again_at_the_next_start(
    root: Path, open_review: Open, serve: Reviewer, look: Callable[..., Page]
) -> None:
    review = open_review()
    for stem, kind in (('a', 'keep'), ('bär', 'skip'), ('c d', 'skip')):
        review.decide(('train', stem), kind, review.mask(('train', stem))[1])
    page = look(serve(review))
    page.title('train/bär')
    assert page.page.locator('#place').inner_text() == '2 of 3 · 2 left'
    page.point(34, 25)
    page.press('Delete')
    page.status('saved')  # which decides nothing
    page.page.locator('#place').filter(has_text='2 left').wait_for()
    page.press('Enter')
    page.title('train/c d')
    page.press('s')
    page.page.locator('#summary').wait_for()
    assert page.page.locator('#counts').inner_text() == '1 kept, 1 edited, 1 skipped'


def test_the_second_tab_is_told(root: Path, open_review: Open, serve: Reviewer, look: Callable[..., Page]) -> None:
    client = serve(open_review())
    first, second = look(client), look(client)
    for page in (first, second):
        page.title('train/a')
    first.press('a')
    first.status('accepted')
    second.point(12, 12)
    second.press('Delete')
    second.page.get_by_role('alert').filter(has_text='changed elsewhere').wait_for()
    np.testing.assert_array_equal(written(root, 'a'), suggested())
    second.page.get_by_role('button', name='Overwrite it with mine').click()
    second.status('px changed')
    assert (written(root, 'a') != 1).all()
    second.noise.clear()  # Chromium itself notes answers with an error status


def test_keys_typed_ahead_decide_about_no_mask_that_is_not_seen(
    root: Path, open_review: Open, serve: Reviewer, look: Callable[..., Page]
) -> None:
    page = look(serve(open_review()))
    page.title('train/a')
    asked: list[Any] = []
    page.page.route('**/image?*', lambda route: asked.append(route))
    page.press('PageDown', 'PageDown')
    page.page.locator('#picture[aria-busy=true]').wait_for()
    page.press('x', 'Delete', 'a', 'Enter')
    for each in asked:
        each.continue_()
    page.page.unroute('**/image?*')
    page.title('train/c d')
    page.press('s')
    page.status('skipped')
    assert journal(root) == [('c d', 'skip')]


def test_what_cannot_be_saved_waits_until_it_can(
    root: Path, open_review: Open, serve: Reviewer, look: Callable[..., Page]
) -> None:
    page = look(serve(open_review()))
    page.title('train/a')
    lost = re.compile(r'/decision\?|c\+d')
    page.page.route(lost, lambda route: route.abort())
    page.point(34, 25)
    page.press('Delete', 'Enter')
    page.title('train/bär')
    page.page.get_by_role('alert').filter(has_text='train/a is not saved').wait_for()
    page.press('a')
    page.page.get_by_role('alert').filter(has_text='(1 more waiting)').wait_for()
    page.page.locator('#unopened').filter(has_text='cannot be reached').wait_for()
    assert not (root / 'new' / 'review.jsonl').exists()
    page.page.unroute(lost)
    page.page.locator('#unsaved').get_by_role('button', name='Try again').click()
    page.status('train/bär: accepted')
    page.title('train/c d')
    assert page.page.locator('#unsaved').is_hidden()
    assert journal(root) == [('a', 'edit'), ('bär', 'accept')]
    assert (written(root, 'a') == np.where(given() == 2, 0, given())).all()
    page.noise.clear()  # Chromium itself notes requests that fail


def test_masks_that_cannot_be_shown_do_not_hold_up_the_queue(
    root: Path, open_review: Open, serve: Reviewer, look: Callable[..., Page]
) -> None:
    review = open_review()
    (root / 'img' / 'train' / 'bär.png').write_bytes(b'no image')
    page = look(serve(review))
    page.title('train/a')
    page.press('Enter')
    page.page.get_by_role('alert').filter(has_text='cannot be decoded').wait_for()
    page.press('a', 'x')
    assert page.page.locator('#place').inner_text() == '2 of 3 · 1 left'
    page.page.get_by_role('button', name='Next mask').click()
    page.title('train/c d')
    page.press('Enter')
    page.page.locator('#summary').wait_for()
    assert page.page.locator('#counts').inner_text() == '2 kept, 1 cannot be shown'
    assert journal(root) == [('a', 'keep'), ('c d', 'keep')]
    page.noise.clear()  # Chromium itself notes answers with an error status


def test_a_suggestion_that_cannot_be_used_costs_only_itself(
    root: Path, open_review: Open, serve: Reviewer, look: Callable[..., Page]
) -> None:
    review = open_review()
    (root.parent / 'suggestions' / 'a.png').write_bytes(b'no mask')
    page = look(serve(review))
    page.title('train/a')
    assert 'the suggestion cannot be used: ' in page.page.locator('#why').inner_text()
    assert page.page.locator('#do-accept').is_disabled()
    page.press('Enter')
    page.status('train/a: kept')
    page.noise.clear()  # Chromium itself notes answers with an error status


def test_touch_zoom_and_reading_only(root: Path, open_review: Open, serve: Reviewer, look: Callable[..., Page]) -> None:
    page = look(serve(open_review(to=None)), 400, 800, has_touch=True)
    page.title('train/a')
    assert page.page.locator('#do-keep').is_disabled()
    assert page.page.locator('#do-brush').is_disabled()
    assert 'no --to' in page.page.locator('#sets').inner_text()
    assert page.page.evaluate('document.documentElement.scrollWidth') <= 400
    page.press('Enter', 'a', 'x')
    assert page.page.locator('#name').inner_text() == 'train/a'
    assert not (root / 'new').exists()


def test_two_fingers_zoom_and_do_not_paint(
    root: Path, open_review: Open, serve: Reviewer, look: Callable[..., Page]
) -> None:
    page = look(serve(open_review()), has_touch=True)
    page.title('train/a')
    page.press('f', '2')
    session = page.page.context.new_cdp_session(page.page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{'x': x, 'y': y, 'id': number} for number, (x, y) in enumerate(places)]
        session.send('Input.dispatchTouchEvent', {'type': kind, 'touchPoints': points})

    x, y = page.at(20, 15)
    touch('touchStart', (x - 50, y))
    touch('touchStart', (x - 50, y), (x + 50, y))
    touch('touchEnd')
    page.press('b')
    touch('touchStart', (x - 50, y))
    touch('touchStart', (x - 50, y), (x + 50, y))
    touch('touchMove', (x - 100, y), (x + 100, y))
    touch('touchEnd')
    assert page.page.locator('#do-undo').is_disabled()  # fill and stroke of the first finger were given up
    # The picture is twice as large now, about (20, 15): five pixels to the right there are 2.5 here.
    page.press(*['['] * 12)
    page.page.mouse.click(*page.at(25, 16))
    page.press('Enter')
    page.title('train/bär')
    page.status('edited')
    assert np.argwhere(written(root, 'a') != given()).tolist() == [[15, 22]]
