"""A headless Chromium that opens pages and fails a test whose page logs, raises or asks for other files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


class BrowserPage(Protocol):
    """Opens an HTML file from disk in a window of the given size."""

    def __call__(self, path: Path, width: int = 1400, height: int = 900, *, dark: bool = False) -> Page: ...


def _missing(reason: str) -> NoReturn:
    if os.environ.get('CI_REQUIRE_BROWSER') == '1':
        pytest.fail(f'CI_REQUIRE_BROWSER=1, but {reason}')
    pytest.skip(f'needs a browser: {reason}')


@pytest.fixture(scope='session')
def browser() -> Iterator[Browser]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing('the Python package playwright is not installed')
    chromium = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
    if chromium is None:
        _missing('there is no Chromium on the PATH')
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
        )
        yield browser
        browser.close()


@pytest.fixture
def browser_page(browser: Browser) -> Iterator[BrowserPage]:
    """Opens pages; at the end of the test none may have logged, raised, or asked for anything but itself."""
    pages: list[Page] = []
    noise: list[str] = []

    def open_page(path: Path, width: int = 1400, height: int = 900, *, dark: bool = False) -> Page:
        address = path.resolve().as_uri()
        page = browser.new_page(viewport={'width': width, 'height': height}, color_scheme='dark' if dark else 'light')
        page.set_default_timeout(30_000)  # only so that a hanging page cannot hang the run
        page.on('console', lambda message: noise.append(f'console {message.type}: {message.text}'))
        page.on('pageerror', lambda error: noise.append(f'exception: {error}'))
        page.on('dialog', lambda dialog: (noise.append(f'dialog: {dialog.message}'), dialog.dismiss()))
        page.on(
            'request',
            lambda request: (
                None if request.url == address or request.url.startswith('data:') else noise.append(request.url)
            ),
        )
        pages.append(page)
        page.goto(address)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert noise == []
