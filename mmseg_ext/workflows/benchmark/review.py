"""The benchmark ``review``: from a key to the picture on the page of a review, against what feels immediate."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from mmseg_ext.data import Classes, write_image, write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.local_server import check_installed
from mmseg_ext.workflows.benchmark import BenchmarkResult
from mmseg_ext.workflows.review import open_review

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIMITS_MS = {256: 50.0, 4096: 200.0}  # side of the image in pixels → goal
# Each key puts the page back into the state of the first, or leaves it as it was.
KEYS = {
    'o': 'outline', 'd': 'difference', 'm': 'mask hidden', 'c': 'class of a region', 'z': 'undo', 'g': 'grow',
    'h': 'fill holes', '+': 'zoom', 'Home': 'fit',
}  # fmt: skip
SEQUENCE = ('o', 'o', 'd', 'd', 'm', 'm', 'c', 'z', 'g', 'z', 'h', '+', 'Home')
CLASSES = Classes(('background', 'cat', 'dog'), ((0, 0, 0), (220, 60, 60), (60, 100, 230)))
# Milliseconds from a key to the end of the frame that shows it.
PRESS = """(key) => new Promise((done) => {
  const start = performance.now();
  document.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})"""


def benchmark_review(rounds: int = 11) -> BenchmarkResult:
    """Press keys on the page in headless Chromium, over an image of 256×256 and one of 4,096×4,096 pixels.

    Args:
        rounds: How often each key is pressed.

    Returns:
        Medians by key; the ratio is that of the worst of them to its limit: 50 ms at 256², 200 ms at 4,096².

    Raises:
        InputError: Playwright, Chromium or the libraries of the page are missing.
    """
    check_installed()
    chromium = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise InputError('playwright', 'is not installed', 'pip install playwright') from error
    if chromium is None:
        raise InputError('Chromium', 'is not on the PATH', 'install it')
    medians: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox', '--disable-gpu'])
        for side in LIMITS_MS:
            with _served(Path(folder) / str(side), side) as address:
                page = browser.new_page(viewport={'width': 1400, 'height': 900})
                page.goto(address)
                medians[side] = _press_keys(page, rounds)
                page.close()
        browser.close()
    sides = ''.join(f'{f"{side}²":>9}' for side in LIMITS_MS)
    lines = [f'median of {rounds} rounds, ms from key to picture', ' ' * 20 + sides]
    lines += [f'{text:20}' + ''.join(f'{medians[side][key]:9.1f}' for side in LIMITS_MS) for key, text in KEYS.items()]
    ratio = max(max(medians[side].values()) / limit for side, limit in LIMITS_MS.items())
    return BenchmarkResult('\n'.join(lines), ratio, 1.0)


def _press_keys(page: Page, rounds: int) -> dict[str, float]:
    """Press each key in turn, with the cursor on the object; a first round warms up."""
    page.locator('#picture[aria-label]').wait_for()
    box: Any = page.locator('#picture').bounding_box()
    page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
    taken: dict[str, list[float]] = {key: [] for key in KEYS}
    for number in range(rounds + 1):
        page.keyboard.press('2')  # the class that the region does not have
        for key in SEQUENCE:
            milliseconds = page.evaluate(PRESS, key)
            if number:
                taken[key].append(milliseconds)
    return {key: statistics.median(values) for key, values in taken.items()}


@contextmanager
def _served(root: Path, side: int) -> Iterator[str]:
    """Serve the review of a disc in noise, with a suggestion; yield its address."""
    import uvicorn

    from mmseg_ext.review.server import build_app

    mask = cv2.circle(np.zeros((side, side), np.uint8), (side // 2, side // 2), side * 3 // 10, 1, -1)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    root.mkdir()
    CLASSES.write(root)
    write_image(root / 'img' / 'train' / 'disc.jpg', np.asarray(cv2.resize(noise, (side, side)), np.uint8))
    write_mask(root / 'labels' / 'train' / 'disc.png', mask, CLASSES.palette)
    write_mask(root / 'moved' / 'disc.png', np.roll(mask, side // 40, 0), CLASSES.palette)
    app = build_app(open_review(root, to='reviewed', suggestions=root / 'moved'))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level='warning'))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.05)
        yield f'http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/'
    finally:
        server.should_exit = True
        thread.join()
