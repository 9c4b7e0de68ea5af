"""The page as a user sees it: a server started from the command line, and a headless Chromium."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('starlette')
pytest.importorskip('uvicorn')
Tool = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]

BLOCKS = np.kron(np.array([[0, 1], [2, 0]], np.uint8), np.ones((64, 96), np.uint8))
MOST_BYTES = 300_000


def png(pixels: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, 'PNG', **options)
    return stream.getvalue()


def colours(mask: np.ndarray) -> np.ndarray:
    return (np.array([1, 2, 0]) == mask[..., None]).astype(np.uint8) * 200


@pytest.fixture(scope='module')
def address(repo_root: Path, colour_model: Path) -> Iterator[tuple[str, int]]:
    """Of a server that a tool of its own process runs; it must end in peace when it is interrupted."""
    server = subprocess.Popen(
        [
            sys.executable, str(repo_root / 'tools' / 'serve.py'), str(colour_model), '--port', '0',
            '--max-upload', str(MOST_BYTES / 1e6), '--max-pixels', '0.1',
        ],
        env={**os.environ, 'PYTHONPATH': str(repo_root)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A test run in the background of a shell inherits that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert server.stdout is not None
    line = server.stdout.readline()
    assert line.startswith('http://127.0.0.1:'), server.communicate(timeout=60)
    yield '127.0.0.1', int(line.split('/')[2].split(':')[1])
    server.send_signal(signal.SIGINT)
    rest, errors = server.communicate(timeout=60)
    assert (rest, errors) == ('', 'interrupted\n')
    assert server.returncode == 130


def ask(
    address: tuple[str, int], method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*address, timeout=60)
    try:
        connection.request(method, path, body, {name.replace('_', '-'): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


def test_what_it_serves_and_what_not(address: tuple[str, int]) -> None:
    for path, kind in (('/', 'text/html'), ('/page.js', 'text/javascript'), ('/page.css', 'text/css')):
        status, headers, body = ask(address, 'GET', path)
        assert (status, headers['content-type'].partition(';')[0]) == (200, kind)
        assert "default-src 'none'" in headers['content-security-policy']
        assert 'unsafe' not in headers['content-security-policy']
        assert headers['x-content-type-options'] == 'nosniff'
        assert b'http' not in body.replace(b'http-equiv', b'')  # nothing from elsewhere
    for path in ('/server.py', '/../photo.py', '/%2e%2e/photo.py', '/etc/passwd', '/predict'):
        assert ask(address, 'GET', path)[0] in (404, 405)


def test_a_prediction(address: tuple[str, int]) -> None:
    status, headers, body = ask(address, 'POST', '/predict', png(colours(BLOCKS)))
    answer = json.loads(body)
    assert (status, answer['width'], answer['height']) == (200, 192, 128)
    assert answer['shares'] == [0.5, 0.25, 0.25]
    assert 'content-security-policy' in headers


def test_what_is_refused(address: tuple[str, int]) -> None:
    good = png(colours(BLOCKS))
    too_long = b'\xff' * (MOST_BYTES + 1)
    chunks = (b'\xff' * 50_000 for _ in range(7))  # without a stated length
    cases: list[tuple[Any, dict[str, str], int, str]] = [
        (b'', {}, 400, 'empty'),
        (b'text', {}, 422, 'This file cannot be used: image cannot be decoded (damaged or no'),
        (good[:200], {}, 422, 'This file cannot be used: image is cut short'),
        (png(np.zeros((500, 500), np.uint8)), {}, 422, 'This file cannot be used: has 500×500 pixels'),
        (too_long, {}, 413, 'larger than 0.3 MB'),
        (chunks, {}, 413, 'larger than 0.3 MB'),
        (good, {'Origin': 'http://elsewhere.example'}, 403, 'another site'),
    ]
    for body, headers, status, words in cases:
        found, _, text = ask(address, 'POST', '/predict', body, **headers)
        assert (found, words in json.loads(text)['error']) == (status, True), text
    host, port = address
    assert ask(address, 'POST', '/predict', good, Host='elsewhere.example')[0] == 400  # DNS rebinding
    assert ask(address, 'POST', '/predict', good, Host=f'localhost:{port}')[0] == 200
    assert ask(address, 'POST', '/predict', good, Origin=f'http://{host}:{port}')[0] == 200


def test_a_client_that_leaves_in_the_middle_is_no_error(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=60) as client:
        client.sendall(b'POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc')
    assert ask(address, 'GET', '/model')[0] == 200  # and the fixture sees that nothing has been printed


# What is seen: colour (RGB and opacity, 0–255) of the mask's canvas at the middle of each of the four blocks.
SEEN = """() => {
  const canvas = document.getElementById('mask');
  const at = (x, y) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
  return [at(48, 32), at(144, 32), at(48, 96), at(144, 96)];
}"""
NOTHING, CAT, DOG = [0, 0, 0, 0], [220, 60, 60, 255], [60, 100, 230, 255]


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page(viewport={'width': 1000, 'height': 700})
    page.set_default_timeout(60_000)  # only so that a hanging page cannot hang the run
    yield page
    page.close()


def test_a_photograph_is_dropped_and_its_mask_seen(address: tuple[str, int], page: Any) -> None:
    url = f'http://{address[0]}:{address[1]}/'
    noise: list[str] = []
    page.on('console', lambda message: noise.append(message.text))
    page.on('pageerror', lambda error: noise.append(str(error)))
    page.on('request', lambda r: None if r.url.startswith((url, 'data:')) else noise.append(r.url))
    page.goto(url)
    status = page.locator('#status')
    page.get_by_text('Up to 0.3 MB and 0.1 megapixels').wait_for()
    assert page.locator('#legend tbody tr').all_inner_texts() == ['\tbackground\t–', '\tcat\t–', '\tdog\t–']
    assert not page.locator('#mask').is_visible()
    send = lambda data, name='a.png': page.set_input_files(  # noqa: E731
        '#file', {'name': name, 'mimeType': 'image/png', 'buffer': data}
    )

    send(png(colours(BLOCKS)))
    status.filter(has_text='192 × 128 pixels, predicted in').wait_for()
    assert page.evaluate(SEEN) == [NOTHING, CAT, DOG, NOTHING]
    assert page.locator('#legend tbody tr').all_inner_texts()[1] == '\tcat\t25.0 %'
    page.get_by_label('cat').uncheck()
    assert page.evaluate(SEEN) == [NOTHING, NOTHING, DOG, NOTHING]
    page.get_by_label('background').check()
    assert page.evaluate(SEEN)[0] == [0, 0, 0, 255]
    page.get_by_label('cat').check()

    slider, opacity = page.get_by_role('slider'), "() => getComputedStyle(document.getElementById('mask')).opacity"
    assert page.evaluate(opacity) == '0.6'
    slider.fill('25')
    assert page.evaluate(opacity) == '0.25'
    assert page.get_by_text('25 %').is_visible()
    with page.expect_download() as download:
        page.get_by_text('Download mask').click()
    np.testing.assert_array_equal(np.asarray(Image.open(download.value.path())), BLOCKS)
    assert noise == []

    send(os.urandom(MOST_BYTES + 50_000))  # refused by the page itself
    status.filter(has_text='The file is 0.3 MB; the limit is 0.3 MB').wait_for()
    assert noise == []
    send(b'no picture', '<b>bold</b>.png')
    status.filter(has_text='damaged or no').wait_for()
    assert 'error' in (status.get_attribute('class') or '')
    send(png(np.zeros((400, 300), np.uint8)))
    status.filter(
        has_text='This file cannot be used: has 300×400 pixels, more than 100,000; make it smaller'
    ).wait_for()
    noise.clear()  # Chromium itself notes answers with an error status
    send(png(colours(BLOCKS.T)))
    status.filter(has_text='128 × 192 pixels').wait_for()
    assert 'error' not in (status.get_attribute('class') or '')
    page.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(new File(['x'], 'x.png'));
      document.getElementById('drop').dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true}));
    }""")
    status.filter(has_text='damaged or no').wait_for()


def test_wrong_use_is_one_line(run_tool: Tool, colour_model: Path, address: tuple[str, int], one_line: OneLine) -> None:
    taken = run_tool('serve', colour_model, '--port', address[1])
    one_line(taken, f'--host 127.0.0.1 --port {address[1]}: cannot listen there')
    one_line(run_tool('serve', colour_model, 'photo.jpg'), 'photo.jpg', 'mmseg-ext predict')
    one_line(run_tool('serve', colour_model, '--max-upload', '0'), '0: must be a number from 0.001 to 100000')
    one_line(run_tool('serve', colour_model.with_name('none.onnx')), 'none.onnx: no such model file')
