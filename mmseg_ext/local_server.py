"""Parts of the local pages' servers: headers, limits of a request, listening on an address.

Why Starlette: docs/adr/0007-starlette-for-the-local-page.md.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mmseg_ext.errors import InputError, installing

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
}
KINDS = {'.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css'}
MAX_CONCURRENT_REQUESTS = 16


class RefusedError(Exception):
    """A refused request: HTTP status and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def build_app(host: str, web: Path, pages: Mapping[str, str], routes: Sequence[BaseRoute]) -> Starlette:
    """Build an app that serves some files of a folder, and routes of its own.

    Args:
        host: The address that it will listen on.
        web: Folder of the files.
        pages: Path in the address → name of the file.
        routes: All else.

    Raises:
        InputError: Starlette or uvicorn are not installed.
    """
    check_installed()
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import Response
    from starlette.routing import Route

    async def page(request: Request) -> Response:
        path = web / pages[request.url.path]
        return Response(path.read_bytes(), media_type=KINDS[path.suffix], headers=HEADERS)

    hosts = ['*'] if host in ('0.0.0.0', '::') else [host, f'[{host}]', 'localhost', '127.0.0.1', '::1', '[::1]']
    return Starlette(
        routes=[*(Route(path, page) for path in pages), *routes],
        # Against pages of other sites whose name is made to point here (DNS rebinding).
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)],
    )


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
        RefusedError: A page of another site asks, or the body is larger than the limit, or empty.
    """
    origin = request.headers.get('origin')
    if origin is not None and urlsplit(origin).netloc != request.headers.get('host'):
        raise RefusedError(403, 'This page of another site may not use this server.')
    too_large = RefusedError(413, f'The file is larger than {max_bytes / 1e6:g} MB, the limit of this server.')
    length = request.headers.get('content-length', '0')
    if not length.isdigit() or int(length) > max_bytes:
        raise too_large
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > max_bytes:
            raise too_large
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
        print(f'http://{shown}:{listener.getsockname()[1]}/  (Ctrl-C ends it)', flush=True)
        config = uvicorn.Config(
            app, log_level='warning', access_log=False, server_header=False, limit_concurrency=MAX_CONCURRENT_REQUESTS
        )
        uvicorn.Server(config).run(sockets=[listener])
