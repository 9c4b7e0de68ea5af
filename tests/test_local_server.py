"""A local page's server under connections that send nothing, or too slowly, and under foreign names."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('starlette')
pytest.importorskip('uvicorn')
import uvicorn
from starlette.requests import Request
from starlette.routing import Route

from mmseg_ext import local_server
from mmseg_ext.local_server import SerialQueue, answering, build_app, read_body, server_config

SHORT_S = 0.3
Address = tuple[str, int]


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Address]:
    """Of a server in this process that listens on every address, with short limits."""
    monkeypatch.setattr(local_server, 'HEAD_TIMEOUT_S', SHORT_S)
    monkeypatch.setattr(local_server, 'BODY_TIMEOUT_S', SHORT_S)
    monkeypatch.setattr(local_server, 'MAX_CONNECTIONS', 40)
    (tmp_path / 'page.html').write_text('page')
    queue = SerialQueue()

    async def take(request: Request) -> Any:
        return {'bytes': await queue.run(len, await read_body(request, 100))}

    routes = [Route('/take', answering(take), methods=['POST'])]
    app = build_app('0.0.0.0', tmp_path, {'/': 'page.html'}, routes, ['pets.example'])
    server = uvicorn.Server(server_config(app))
    with socket.create_server(('127.0.0.1', 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield listener.getsockname()
        server.should_exit = True
        thread.join()


def ask(address: Address, method: str = 'GET', path: str = '/', body: Any = None, **headers: str) -> int:
    connection = http.client.HTTPConnection(*address, timeout=60)
    connection.request(method, path, body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_silent_connections_hold_nobody_off_and_are_closed(address: Address) -> None:
    silent = [socket.create_connection(address, timeout=60) for _ in range(16)]
    assert ask(address) == 200
    assert all(client.recv(1) == b'' for client in silent)  # waits until the server closes it


def test_so_are_heads_and_bodies_that_do_not_end(address: Address) -> None:
    heads = (b'GET / HTTP/1.1\r\nHost: local', b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP')
    for head in heads:
        with socket.create_connection(address, timeout=60) as client:
            client.sendall(head)
            while client.recv(4096):
                pass
    with socket.create_connection(address, timeout=60) as client:
        client.sendall(b'POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nabc')
        assert client.recv(4096).startswith(b'HTTP/1.1 408')
    assert ask(address, 'POST', '/take', b'abc') == 200


def test_the_oldest_silent_connection_makes_room(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, 'HEAD_TIMEOUT_S', 3600)
    silent = [socket.create_connection(address, timeout=60) for _ in range(41)]
    assert silent[0].recv(1) == b''
    assert ask(address) == 200
    for client in silent:
        client.close()


@pytest.mark.parametrize(
    ('host', 'status'),
    [
        ('localhost', 200), ('10.0.0.7:8000', 200), ('[::1]:8000', 200), ('PETS.example', 200),
        (socket.gethostname(), 200), ('elsewhere.example', 400), ('localhost.elsewhere.example', 400), ('', 400),
        ('[', 400),
    ],
)  # fmt: skip
def test_names(address: Address, host: str, status: int) -> None:
    assert ask(address, Host=host) == status


def test_pages_of_other_sites_are_refused(address: Address) -> None:
    for origin, status in (
        ('http://pets.example', 200),
        ('http://elsewhere.example', 403),
        ('null', 403),
        ('http://[', 403),
    ):
        assert ask(address, Host='pets.example', Origin=origin) == status


def test_the_queue_is_bounded_and_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, 'MAX_QUEUED', 2)
    monkeypatch.setattr(local_server, 'WORK_TIMEOUT_S', SHORT_S)

    async def scenario() -> list[Any]:
        queue, go_on = SerialQueue(), threading.Event()
        found = await asyncio.gather(
            queue.run(go_on.wait), queue.run(time.time), queue.run(time.time), return_exceptions=True
        )
        go_on.set()
        return [*found, await queue.run(len, 'abc')]

    with ThreadPoolExecutor(1) as pool:  # a browser of another test may hold this thread's event loop
        *refused, length = pool.submit(asyncio.run, scenario()).result()
    assert [str(error).partition(';')[0] for error in refused] == [
        'It took longer than 0.3 s', 'It took longer than 0.3 s', '2 others are waiting already',
    ]  # fmt: skip
    assert length == 3
