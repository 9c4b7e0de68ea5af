from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.weights.download import DownloadError, download, matches, sha256

CONTENT = bytes(range(256)) * 20_000  # 5 MB: some chunks
DIGITS = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `CONTENT`, cutting the first ``cuts`` answers after half of what was asked for."""

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.cuts = 0
        self.with_ranges = True
        self.requests: list[str | None] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.server_port}/net.pth'


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers['Range']
        with self.server.lock:
            self.server.requests.append(asked)
            is_cut, self.server.cuts = self.server.cuts > 0, max(self.server.cuts - 1, 0)
        if self.path != '/net.pth':
            self.send_error(404)
            return
        start = int(asked.removeprefix('bytes=').rstrip('-')) if asked and self.server.with_ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header('Content-Range', f'bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_cut else body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv('no_proxy', '*')
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={'poll_interval': 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / 'cache' / 'net.pth'


def left_over(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path.suffix != '.lock')


def test_a_file_arrives_whole(server: Server, target: Path) -> None:
    assert download(server.url, target, num_bytes=len(CONTENT), checksum=DIGITS) == target
    assert target.read_bytes() == CONTENT
    assert left_over(target) == ['net.pth']
    assert server.requests == [None]


def test_a_cut_connection_is_continued_where_it_ended(server: Server, target: Path) -> None:
    server.cuts = 3
    download(server.url, target, checksum=DIGITS[:8])
    assert target.read_bytes() == CONTENT
    half = len(CONTENT) // 2
    assert server.requests == [None, f'bytes={half}-', f'bytes={half + half // 2}-', f'bytes={half + 3 * half // 4}-']


@pytest.mark.parametrize(
    'error', [ssl.SSLEOFError(8, 'EOF occurred in violation of protocol'), OSError(113, 'No route to host')]
)
def test_errors_of_the_network_are_no_errors_of_the_disk(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    read, failures = http.client.HTTPResponse.read, iter([error])

    def failing(response: http.client.HTTPResponse, size: int | None = None) -> bytes:
        for failure in failures:
            raise failure
        return read(response, size)

    monkeypatch.setattr(http.client.HTTPResponse, 'read', failing)
    download(server.url, target, checksum=DIGITS)
    assert len(server.requests) == 2

    def refuse(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(urllib.request, 'urlopen', refuse)
    with pytest.raises(DownloadError) as caught:
        download(server.url, target.with_name('other.pth'))
    assert caught.value.problem == f'cannot be downloaded ({error.strerror})'


def test_a_later_call_continues_too(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.with_name('net.pth.part').write_bytes(CONTENT[:1000])
    download(server.url, target, checksum=DIGITS)
    assert server.requests == ['bytes=1000-']
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_it_again(server: Server, target: Path) -> None:
    server.with_ranges = False
    target.parent.mkdir()
    target.with_name('net.pth.part').write_bytes(b'?' * 1000)
    download(server.url, target, checksum=DIGITS)
    assert target.read_bytes() == CONTENT


def test_a_partial_file_that_is_too_long_is_begun_again(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.with_name('net.pth.part').write_bytes(CONTENT + b'?')
    download(server.url, target, checksum=DIGITS)
    assert server.requests == [f'bytes={len(CONTENT) + 1}-', None]
    assert target.read_bytes() == CONTENT


def test_a_server_that_always_cuts_is_given_up_and_what_has_come_is_kept(server: Server, target: Path) -> None:
    server.cuts, server.with_ranges = 1000, False
    with pytest.raises(DownloadError, match='connection cut after 2560000 of 5120000 bytes; try again'):
        download(server.url, target)
    assert left_over(target) == ['net.pth.part']


@pytest.mark.parametrize(
    ('expected', 'message'),
    [
        ({'checksum': 'f' * 64}, f'SHA-256 {DIGITS}; expected SHA-256 {"f" * 64}'),
        ({'checksum': 'ffffffff'}, f'SHA-256 {DIGITS[:8]}; expected SHA-256 ffffffff'),
        ({'num_bytes': len(CONTENT) + 1}, 'expected 5120001 bytes'),
        ({'num_bytes': 10}, '5120000 bytes'),
    ],
)
def test_another_file_is_refused_and_removed(
    server: Server, target: Path, expected: dict[str, object], message: str
) -> None:
    with pytest.raises(DownloadError, match='is the wrong file') as caught:
        download(server.url, target, **expected)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert '\n' not in str(caught.value)
    assert left_over(target) == []


def test_a_missing_file_is_one_line(server: Server, target: Path) -> None:
    with pytest.raises(DownloadError, match=r'cannot be downloaded .*404'):
        download(server.url.replace('net', 'other'), target)
    assert left_over(target) == []


def test_without_network_it_is_one_line(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('no_proxy', '*')
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(('127.0.0.1', 0))
        with pytest.raises(DownloadError, match=r'cannot be downloaded .*refused.*; check the address and the network'):
            download(f'http://127.0.0.1:{taken.getsockname()[1]}/net.pth', target)
    assert left_over(target) == []


def test_a_folder_that_cannot_be_made_is_an_input_error(server: Server, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='cannot be created'):
        download(server.url, tmp_path / 'file' / 'net.pth')


def test_two_that_want_the_same_file_download_it_once(server: Server, target: Path) -> None:
    pytest.importorskip('fcntl')
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: download(server.url, target, checksum=DIGITS), range(4)))
    assert set(paths) == {target}
    assert len(server.requests) == 1


def test_matching(tmp_path: Path) -> None:
    path = tmp_path / 'a'
    path.write_bytes(b'abc')
    assert sha256(path).startswith('ba7816bf')
    assert matches(path)
    assert matches(path, 3, 'ba7816bf')
    assert not matches(path, 4, 'ba7816bf')
    assert not matches(path, 3, 'ba7816be')
