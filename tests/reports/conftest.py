"""A headless Chromium that opens pages and fails a test whose page logs, raises or asks for other files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


class BrowserPage(Protocol):
    """Opens an HTML file from disk in a window of the given size."""

    def __call__(self, path: Path, width: int = 1400, height: int = 900, *, dark: bool = False) -> Page: ...


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
