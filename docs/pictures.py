"""Pictures of README and tutorial: the first screens of the demo's pages, and some of its predictions.

Run: make pictures
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PAGES = {'audit': 'audit/audit.html', 'cleaning': 'cleaning/cleaning.html', 'errors': 'errors/errors.html'}
VIEWPORT = (1200, 1180)
PREDICTIONS = 6
PREDICTION_SIDE = 220  # px

demo = Path(sys.argv[1])
images = Path(__file__).parent / 'images'


def save(picture: Image.Image, name: str) -> None:
    """Write a PNG of 256 colours, a third of the size of one in full colour."""
    picture.convert('RGB').quantize(256).save(images / name, optimize=True)


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which('chromium'), args=['--no-sandbox'])
    page = browser.new_page(viewport={'width': VIEWPORT[0], 'height': VIEWPORT[1]})
    for name, path in PAGES.items():
        page.goto((demo / path).resolve().as_uri(), wait_until='networkidle')
        save(Image.open(io.BytesIO(page.screenshot())), f'{name}.png')
    browser.close()

row = Image.new('RGB', (PREDICTIONS * PREDICTION_SIDE, PREDICTION_SIDE))
for index, path in enumerate(sorted((demo / 'predicted/overlays').iterdir())[:PREDICTIONS]):
    row.paste(Image.open(path).resize((PREDICTION_SIDE, PREDICTION_SIDE)), (index * PREDICTION_SIDE, 0))
save(row, 'predicted.png')
