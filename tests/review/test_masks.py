"""The page's operations on masks, run in a browser without the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import mmseg_ext.review

Run = Callable[..., list[Any]]
WEB = Path(mmseg_ext.review.__file__).with_name('web')
SCRIPT = Path(__file__).with_name('run_masks.mjs')
RUN = "async (cases) => JSON.stringify((await import('/run_masks.mjs')).run(JSON.parse(cases)))"


@pytest.fixture(scope='module')
def run(browser: Any) -> Iterator[Run]:
    """Runs cases of ``run_masks.mjs``."""
    page = browser.new_page()

    def answer(route: Any) -> None:
        name = route.request.url.rpartition('/')[2]
        if not name:
            route.fulfill(body='', content_type='text/html')
        else:
            route.fulfill(path=SCRIPT if name == SCRIPT.name else WEB / name, content_type='text/javascript')

    page.route('**/*', answer)
    page.goto('http://masks.test/')

    def run(*cases: list[Any]) -> list[Any]:
        result: list[Any] = json.loads(page.evaluate(RUN, json.dumps(cases)))
        return result

    yield run
    page.close()


def rows(text: str) -> list[list[int]]:
    """Read a mask: a digit per pixel, ``.`` for 0."""
    return [[0 if letter == '.' else int(letter) for letter in line] for line in text.split()]


def at(x: float, y: float) -> dict[str, float]:
    return {'x': x, 'y': y}


def test_painting(run: Run) -> None:
    empty = np.zeros((5, 7), int).tolist()
    square = [at(1, 1), at(5, 1), at(5, 4), at(1, 4)]
    bow = [at(0, 0), at(7, 5), at(7, 0), at(0, 5)]
    pixel, disc, line, outside, polygon, even_odd = run(
        ['paintLine', empty, at(2.2, 1.4), at(2.2, 1.4), 0.5, 3],
        ['paintLine', empty, at(2.5, 2.5), at(2.5, 2.5), 1.5, 1],
        ['paintLine', empty, at(1.5, 2.5), at(5.5, 2.5), 1, 2],
        ['paintLine', empty, at(-9, -9), at(-9, 2), 1, 2],
        ['paintPolygon', empty, square, 2],
        ['paintPolygon', empty, bow, 1],
    )
    assert pixel == rows('....... ..3.... ....... ....... .......')
    assert disc == rows('....... .111... .111... .111... .......')
    assert line == rows('....... .22222. 2222222 .22222. .......')
    assert outside == empty
    assert polygon == rows('....... .2222.. .2222.. .2222.. .......')
    assert even_odd == rows('1.....1 11...11 1111111 11...11 1.....1')


BLOB_SHAPES = ((17, 41), (24, 50), (31, 64), (40, 43))


def blobs(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Regions with runs of many lengths at every remainder of four: the page compares four pixels at a time."""
    mask = np.zeros(shape, np.uint8)
    for value in rng.choice([0, 1, 2, 255], 40):
        top, left = rng.integers(-3, shape[0]), rng.integers(-3, shape[1])
        height, width = rng.integers(1, 9), rng.integers(1, 20)
        mask[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)] = value
    return mask


def test_regions_are_those_of_opencv(run: Run) -> None:
    rng = np.random.default_rng(3)
    cases = [rng.integers(0, 3, shape).tolist() for shape in ((9, 12), (1, 8), (8, 1), (30, 30))]
    cases += [blobs(rng, shape).tolist() for shape in BLOB_SHAPES]
    found = run(
        *(['findRegions', case, 0] for case in cases),
        *(['regionAt', case, len(case[0]) // 2, len(case) // 2] for case in cases),
    )
    for case, regions, (fact, bits) in zip(cases, found[: len(cases)], found[len(cases) :], strict=True):
        mask = np.array(case, np.uint8)
        expected = []
        for value in (1, 2, 255):
            _, _, stats, _ = cv2.connectedComponentsWithStats((mask == value).astype(np.uint8), connectivity=8)
            expected += [[value, n, x, y, x + w, y + h] for x, y, w, h, n in stats[1:].tolist()]
        assert sorted(region for region, _ in regions) == sorted(expected)
        firsts = [(y, x) for _, (x, y) in regions]
        assert firsts == sorted(firsts)
        assert all(mask[y, x] == value for (value, *_), (x, y) in regions)
        y, x = mask.shape[0] // 2, mask.shape[1] // 2
        _, parts = cv2.connectedComponents((mask == mask[y, x]).astype(np.uint8), connectivity=8)
        np.testing.assert_array_equal(np.array(bits), parts == parts[y, x])
        assert fact[1] == np.count_nonzero(parts == parts[y, x])


RING = """
.......
.11111.
.1.2.1.
.1...1.
.11111.
......2
"""


def test_what_is_done_to_a_region(run: Run) -> None:
    ring = rows(RING)
    changed, removed, filled, filled_all, grown, grown_all, shrunk, corner = run(
        ['atRegion', ring, 'setRegion', 1, 1, 2],
        ['atRegion', ring, 'setRegion', 3, 2, 0],
        ['atRegion', ring, 'fillHoles', 1, 1, 0],
        ['atRegion', ring, 'fillHoles', 1, 1, None],
        ['atRegion', ring, 'growRegion', 3, 2, 0],
        ['atRegion', ring, 'growRegion', 3, 2, None],
        ['atRegion', rows('1111. 1111. 1111. .....'), 'shrinkRegion', 0, 0, 0],
        ['atRegion', rows('1.. .11 1..'), 'fillHoles', 0, 0, 0],  # open at the corners: nothing is enclosed
    )
    assert changed == rows('....... .22222. .2.2.2. .2...2. .22222. ......2')
    assert removed == rows('....... .11111. .1...1. .1...1. .11111. ......2')
    assert filled == rows('....... .11111. .11211. .11111. .11111. ......2')
    assert filled_all == rows('....... .11111. .11111. .11111. .11111. ......2')
    assert grown == rows('....... .11111. .12221. .1.2.1. .11111. ......2')
    assert grown_all == rows('....... .11211. .12221. .1.2.1. .11111. ......2')
    assert shrunk == rows('111.. 111.. ..... .....')  # the border of the image is none
    assert corner == rows('1.. .11 1..')


def test_regions_of_any_shape_grow_shrink_and_are_filled_as_by_opencv(run: Run) -> None:
    rng = np.random.default_rng(0)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    masks = [blobs(rng, shape) for shape in BLOB_SHAPES * 5]
    places = [rng.choice(np.argwhere(mask != 0)).tolist() for mask in masks]
    names = ('growRegion', 'shrinkRegion', 'fillHoles')
    results = run(
        *(
            ['atRegion', mask.tolist(), name, x, y, 0]
            for mask, (y, x) in zip(masks, places, strict=True)
            for name in names
        )
    )
    for number, (mask, (y, x)) in enumerate(zip(masks, places, strict=True)):
        value = mask[y, x]
        _, parts = cv2.connectedComponents((mask == value).astype(np.uint8), connectivity=8)
        region = (parts == parts[y, x]).astype(np.uint8)
        _, outside = cv2.connectedComponents(np.pad(1 - region, 1, constant_values=1), connectivity=4)
        grown, eroded = cv2.dilate(region, cross), cv2.erode(region, cross)
        enclosed = (outside[1:-1, 1:-1] != outside[0, 0]) & (mask == 0)
        expected = [
            np.where((grown > 0) & (mask == 0), value, mask),
            np.where((region > 0) & (eroded == 0), 0, mask),
            np.where(enclosed, value, mask),
        ]
        for name, found, right in zip(names, results[3 * number : 3 * number + 3], expected, strict=True):
            np.testing.assert_array_equal(np.array(found), right, name)


def test_regions_take_other_shapes(run: Run) -> None:
    mask = rows('11.. 11.2 ...2')
    suggestion = rows('.11. .112 1...')
    replaced, accepted, only_there, nowhere, unknown = run(
        ['replaceRegion', mask, 0, 0, rows('.111 .111 ....'), 0, 0],
        ['acceptRegion', mask, suggestion, 0, 0, 0],
        ['acceptRegion', mask, rows('.... ..22 ..22'), 2, 2, 0],
        ['acceptRegion', mask, suggestion, 3, 0, 0],
        ['setDifference', mask, suggestion, 9],
    )
    assert replaced == rows('.111 .112 ...2')  # the other object stays
    assert accepted == rows('.1.. .1.2 ...2')
    assert only_there == rows('11.. 1122 ..22')
    assert nowhere == mask
    assert unknown == [6, rows('919. 9192 9..9')]


def test_single_pixels_are_undone_wherever_they_are(run: Run) -> None:
    start = np.zeros((3, 7), int)
    changed = [start.copy() for _ in range(start.size)]
    for pixel, mask in enumerate(changed):
        mask.flat[pixel] = 1
    found = run(*(['history', start.tolist(), [mask.tolist()], [-1, 1]] for mask in changed))
    assert found == [[[True], [[True, start.tolist()], [True, mask.tolist()]]] for mask in changed]


def test_undo_and_redo_without_limit(run: Run) -> None:
    rng = np.random.default_rng(0)
    states = [blobs(rng, (17, 23)).tolist() for _ in range(20)]
    start, other = np.zeros((17, 23), int).tolist(), np.full((17, 23), 7).tolist()
    ((recorded, steps),) = run(['history', start, [*states, states[-1]], [-1] * 21 + [1] * 5 + [other, 1, -1]])
    assert recorded == [True] * 20 + [False]
    assert [rows for _, rows in steps[:20]] == [*states[-2::-1], start]
    assert steps[20] == [False, start]
    assert [rows for _, rows in steps[21:26]] == states[:5]
    assert steps[26:] == [[True, other], [False, other], [True, states[4]]]  # a new edit ends what could be redone
