"""Parts of the local pages' servers: headers, limits of a request, listening on an address.

Why Starlette: docs/adr/0007-starlette-for-the-local-page.md.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from mmseg_ext.errors import InputError, installing

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

T = TypeVar('T')

EVERY_ADDRESS = ('0.0.0.0', '::')
HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
}
KINDS = {'.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css'}
MAX_CONNECTIONS = 200  # from there on, the one that has been silent for longest makes room
HEAD_TIMEOUT_S = 10  # from the connection, or from the first byte of a further request, to the end of its head
BODY_TIMEOUT_S = 60  # from there to the end of its body
REQUEST_TIMEOUT_S = 180  # from its head to the end of the answer, which a client may be slow to take
WORK_TIMEOUT_S = 60  # in the queue and at work
MAX_QUEUED = 8  # requests at work or waiting for it
MAX_BUFFERED_BYTES = 100_000_000  # of all bodies on their way, beyond the one that is read


class RefusedError(Exception):
    """A refused request: HTTP status and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def build_app(
    host: str, web: Path, pages: Mapping[str, str], routes: Sequence[BaseRoute], allowed_hosts: Sequence[str] = ()
) -> Starlette:
    """Build an app that serves some files of a folder, and routes of its own.

    It answers only under names of this machine, and no page of another site, whose name might be made to point here
    (DNS rebinding).

    Args:
        host: The address that it will listen on.
        web: Folder of the files.
        pages: Path in the address → name of the file.
        routes: All else.
        allowed_hosts: Further names under which it answers. ``localhost``, ``host``, and, where that is every address
            of this machine, its name and numeric addresses need none.

    Raises:
        InputError: Starlette or uvicorn are not installed.
    """
    check_installed()
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import Response
    from starlette.routing import Route

    async def page(request: Request) -> Response:
        path = web / pages[request.url.path]
        return Response(path.read_bytes(), media_type=KINDS[path.suffix], headers=HEADERS)

    return Starlette(
        routes=[*(Route(path, page) for path in pages), *routes],
        middleware=[Middleware(SameSite, host=host, allowed_hosts=allowed_hosts)],
    )


class SameSite:
    """ASGI middleware that refuses requests under foreign names, and those of pages of other sites.

    Args:
        app: The app.
        host: The address that it listens on.
        allowed_hosts: Further names.
    """

    def __init__(self, app: ASGIApp, host: str, allowed_hosts: Sequence[str] = ()) -> None:
        self.app = app
        self._names = {'localhost', '127.0.0.1', '::1', host.lower(), *(name.lower() for name in allowed_hosts)}
        self._is_open = host in EVERY_ADDRESS
        if self._is_open:
            self._names.add(socket.gethostname().lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        from starlette.datastructures import Headers
        from starlette.responses import JSONResponse

        answer: ASGIApp = self.app
        if scope['type'] == 'http':
            headers = Headers(scope=scope)
            origin, host = headers.get('origin'), headers.get('host', '')
            if not self._knows(host):
                answer = JSONResponse({'error': 'This server does not answer to this host name.'}, 400, headers=HEADERS)
            elif origin is not None and not _is_of(origin, host):
                error = 'A page of another site may not use this server.'
                answer = JSONResponse({'error': error}, 403, headers=HEADERS)
        await answer(scope, receive, send)

    def _knows(self, host: str) -> bool:
        try:
            name = (urlsplit(f'//{host}').hostname or '').rstrip('.')
        except ValueError:
            return False
        if name in self._names:
            return True
        try:  # no name, so that nobody can have made it point here
            return self._is_open and bool(ip_address(name))
        except ValueError:
            return False


class SerialQueue:
    """Queue of requests that are worked on one after another, in a thread.

    Each is answered within a time: one that still waits then is dropped, one at work runs on, and others wait for it.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._places = BoundedSemaphore(MAX_QUEUED)

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function in its turn.

        Raises:
            RefusedError: Too many wait, or it took too long.
        """
        if not self._places.acquire(blocking=False):
            raise RefusedError(503, f'{MAX_QUEUED} others are waiting already; try again in a minute.')
        work = self._thread.submit(function, *args)
        work.add_done_callback(lambda _: self._places.release())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(work), WORK_TIMEOUT_S)
        except TimeoutError:
            raise RefusedError(
                503, f'It took longer than {WORK_TIMEOUT_S} s; try again, or use a smaller image.'
            ) from None


def _is_of(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def answering(answer: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of a function that returns JSON values, bytes or a response, or refuses a request."""
    from starlette.requests import ClientDisconnect
    from starlette.responses import JSONResponse, Response

    async def endpoint(request: Request) -> Response:
        try:
            content = await answer(request)
        except RefusedError as refused:
            return JSONResponse({'error': str(refused)}, refused.status, headers=HEADERS)
        except InputError as error:
            return JSONResponse({'error': f'{error}.'}, 422, headers=HEADERS)
        except MemoryError:
            return JSONResponse({'error': 'It does not fit in the memory of this server.'}, 413, headers=HEADERS)
        except ClientDisconnect:  # in the middle of an upload
            return Response(status_code=400)
        if isinstance(content, Response):
            return content
        if isinstance(content, bytes):
            return Response(content, media_type='application/octet-stream', headers=HEADERS)
        return JSONResponse(content, headers=HEADERS)

    return endpoint


def check_installed() -> None:
    """Refuse to go on without the libraries of a local page.

    Raises:
        InputError: Starlette or uvicorn are not installed.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise InputError('starlette or uvicorn', 'is not installed', installing('serve')) from error


async def read_body(request: Request, max_bytes: int, empty: bool = False) -> bytes:
    """Read the bytes of a request of this server's own page, up to a limit.

    Args:
        request: The request.
        max_bytes: The limit.
        empty: Whether there may be none.

    Raises:
        RefusedError: The body is larger than the limit, empty or too slow, or too many are on their way.
    """
    too_large = RefusedError(413, f'The file is larger than {max_bytes / 1e6:g} MB, the limit of this server.')
    length = request.headers.get('content-length', '0')
    if not length.isdecimal() or int(length) > max_bytes:
        raise too_large
    data = bytearray()
    state = request.app.state
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                data += chunk
                state.buffered = getattr(state, 'buffered', 0) + len(chunk)  # of all bodies on their way
                if len(data) > max_bytes:
                    raise too_large
                if state.buffered - len(data) > MAX_BUFFERED_BYTES:
                    raise RefusedError(503, 'Too many uploads at once; try again in a minute.')
    except TimeoutError:
        raise RefusedError(408, f'The upload took longer than {BODY_TIMEOUT_S} s.') from None
    finally:
        state.buffered = getattr(state, 'buffered', 0) - len(data)
    if not data and not empty:
        raise RefusedError(400, 'The file is empty.')
    return bytes(data)


def listen(app: Starlette, host: str, port: int) -> None:
    """Serve an app until interrupted; print its address once it can be opened.

    Args:
        app: The app.
        host: The address to listen on. Anything but loopback lets other machines in.
        port: 0 chooses a free one.

    Raises:
        InputError: The address cannot be used.
    """
    import uvicorn

    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except (OSError, OverflowError) as error:
            raise InputError(
                f'`host={host}` `port={port}`', f'cannot listen there ({error})', 'choose another'
            ) from error
        shown = f'[{host}]' if ':' in host else host
        print(f'http://{shown}:{listener.getsockname()[1]}/  (Ctrl-C to stop)', flush=True)
        uvicorn.Server(server_config(app)).run(sockets=[listener])


def server_config(app: Starlette) -> uvicorn.Config:
    """Configure uvicorn so that connections which send nothing, or slowly, hold nobody off."""
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class TimedProtocol(H11Protocol):
        """HTTP with time limits on heads and answers; uvicorn has one on the pause between requests only."""

        _timer: asyncio.TimerHandle | None = None
        _in_request = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._since = self.loop.time()
            self._limit(HEAD_TIMEOUT_S)
            if len(self.connections) > MAX_CONNECTIONS:
                silent = [other for other in self.connections if not other._is_answering()]  # type: ignore[union-attr]
                min(silent, key=lambda other: other._since, default=self).transport.abort()  # type: ignore[union-attr]

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._is_answering() != self._in_request or self._timer is None:
                self._in_request = self._is_answering()
                self._limit(REQUEST_TIMEOUT_S if self._in_request else HEAD_TIMEOUT_S)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if not self._is_answering():  # from here on, uvicorn's own limit holds until the next byte
                self._in_request = False
                self._limit(None)

        def connection_lost(self, exc: Exception | None) -> None:
            self._limit(None)
            super().connection_lost(exc)

        def _is_answering(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _limit(self, seconds: float | None) -> None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    return uvicorn.Config(app, http=TimedProtocol, log_level='warning', access_log=False, server_header=False)
