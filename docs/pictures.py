"""Pictures of README and tutorial: the first screens of the demo's pages, and some of its predictions.

Run: make pictures
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import sync_playwright

from mmseg_ext.review.server import build_app
from mmseg_ext.workflows.review import open_review

PAGES = {'audit': 'audit/audit.html', 'cleaning': 'cleaning/cleaning.html', 'errors': 'errors/errors.html'}
VIEWPORT = (1200, 1180)
REVIEW_VIEWPORT = (1300, 1180)  # so that its buttons stand in a row
PICTURED = 'labels_pictured'
PREDICTIONS = 6
PREDICTION_SIDE = 220  # px

demo = Path(sys.argv[1])
images = Path(__file__).parent / 'images'


@contextmanager
def served_review(data: Path, queue: Path) -> Iterator[str]:
    """Serve a review of the audit's findings with the true masks as suggestions; its label set is removed again."""
    review = open_review(data, queue, to=PICTURED, suggestions=data / 'labels_true')
    server = uvicorn.Server(uvicorn.Config(build_app(review), port=0, log_level='warning'))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.05)
        yield f'http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/'
    finally:
        server.should_exit = True
        thread.join()
        shutil.rmtree(data / PICTURED)


def save(picture: Image.Image, name: str) -> None:
    """Write a PNG of 256 colours, a third of the size of one in full colour."""
    picture.convert('RGB').quantize(256).save(images / name, optimize=True)


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which('chromium'), args=['--no-sandbox'])
    page = browser.new_page(viewport={'width': VIEWPORT[0], 'height': VIEWPORT[1]})
    for name, path in PAGES.items():
        page.goto((demo / path).resolve().as_uri(), wait_until='networkidle')
        save(Image.open(io.BytesIO(page.screenshot())), f'{name}.png')
    page.set_viewport_size({'width': REVIEW_VIEWPORT[0], 'height': REVIEW_VIEWPORT[1]})
    with served_review(Path(os.environ['DEMO_DATA']), demo / 'audit/audit.json') as address:
        page.goto(address)
        page.locator('#picture[aria-label]').wait_for()
        page.wait_for_timeout(500)  # the picture is drawn at the next frame
        page.screenshot(path=images / 'review.png')  # of too many colours for a palette
    browser.close()

row = Image.new('RGB', (PREDICTIONS * PREDICTION_SIDE, PREDICTION_SIDE))
for index, path in enumerate(sorted((demo / 'predicted/overlays').iterdir())[:PREDICTIONS]):
    row.paste(Image.open(path).resize((PREDICTION_SIDE, PREDICTION_SIDE)), (index * PREDICTION_SIDE, 0))
save(row, 'predicted.png')
