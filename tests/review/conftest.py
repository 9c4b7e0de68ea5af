"""A data set of three small images, and the server of its review."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from boxed_cat import PALETTE, STEMS, given, photograph, suggested

from mmseg_ext.data import write_image, write_mask
from mmseg_ext.review import Entry, Review


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / 'pets'
    root.mkdir()
    (root / 'dataset.yaml').write_text(f'classes: [background, cat, dog]\npalette: {[list(c) for c in PALETTE]}\n')
    for stem in STEMS:
        write_image(root / 'img' / 'train' / f'{stem}.png', photograph())
        write_mask(root / 'labels' / 'train' / f'{stem}.png', given(), PALETTE)
    for stem in STEMS[:2]:
        write_mask(tmp_path / 'suggestions' / f'{stem}.png', suggested(), PALETTE)
    write_mask(root / 'labels' / 'val' / 'v.png', given(), PALETTE)  # a mask that is not in the queue
    return root


@pytest.fixture
def open_review(root: Path) -> Callable[..., Review]:
    def open_one(to: str | None = 'new', boxes: tuple[tuple[int, int, int, int], ...] = ()) -> Review:
        entries = [Entry('train', stem, (f'reason of {stem}',), boxes) for stem in STEMS]
        return Review(root, 'labels', entries, to, root.parent / 'suggestions')

    return open_one


class Client:
    """Asks a server that runs in a thread."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f'http://127.0.0.1:{port}/'

    def __call__(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
            is_json = response.getheader('content-type', '').startswith('application/json')
            return response.status, json.loads(content) if is_json else content
        finally:
            connection.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Review], Client]]:
    pytest.importorskip('starlette')
    uvicorn = pytest.importorskip('uvicorn')
    from mmseg_ext.review.server import build_app

    servers: list[tuple[Any, threading.Thread]] = []

    def start(review: Review) -> Client:
        app = build_app(review, commands=['mmseg-ext train CONFIG'])
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level='warning', access_log=False))
        thread = threading.Thread(target=server.run)
        thread.start()
        servers.append((server, thread))
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        return Client(server.servers[0].sockets[0].getsockname()[1])

    yield start
    for server, thread in servers:
        server.should_exit = True
        thread.join(30)
