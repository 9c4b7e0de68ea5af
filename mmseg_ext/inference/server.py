"""Local page that shows the mask of an image dropped on it.

The client sends the bytes of a file, without name or path; everything in the answer is made from the decoded pixels.
Why Starlette: docs/adr/0007-starlette-for-the-local-page.md.
"""

from __future__ import annotations

import base64
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from mmseg_ext.errors import InputError, installing
from mmseg_ext.inference.outputs import encode_jpeg, encode_png
from mmseg_ext.inference.predictor import Predictor

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

WEB = Path(__file__).with_name('web')
PAGES = {
    '/': ('page.html', 'text/html'),
    '/page.js': ('page.js', 'text/javascript'),
    '/page.css': ('page.css', 'text/css'),
}
HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
}
MAX_UPLOAD_BYTES = 25_000_000
MAX_CONCURRENT_REQUESTS = 16  # images are predicted one after another
MAX_SHOWN_SIDE = 1600  # pixels of the image in the page; the mask to download is not reduced


def serve(predictor: Predictor, host: str = '127.0.0.1', port: int = 8000, max_bytes: int = MAX_UPLOAD_BYTES) -> None:
    """Serve the page until interrupted; print its address once it can be opened.

    Args:
        predictor: The model.
        host: The address to listen on. Anything but loopback lets other machines use the model.
        port: 0 chooses a free one.
        max_bytes: Size limit of an upload.

    Raises:
        InputError: A library is missing, or the address cannot be used.
    """
    app = build_app(predictor, host, max_bytes)
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


def build_app(predictor: Predictor, host: str = '127.0.0.1', max_bytes: int = MAX_UPLOAD_BYTES) -> Starlette:
    """Build the app: ``GET /`` (the page), ``GET /model`` (classes and limits), ``POST /predict`` (a file's bytes).

    Raises:
        InputError: Starlette or uvicorn are not installed.
    """
    try:
        import anyio
        import uvicorn  # noqa: F401 - `serve` needs it
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.requests import ClientDisconnect
        from starlette.responses import JSONResponse, Response
        from starlette.routing import Route
    except ImportError as error:
        raise InputError('starlette or uvicorn', 'is not installed', installing('serve')) from error

    async def page(request: Request) -> Response:
        name, kind = PAGES[request.url.path]
        return Response((WEB / name).read_bytes(), media_type=kind, headers=HEADERS)

    async def model(request: Request) -> Response:
        return JSONResponse(describe(predictor, max_bytes), headers=HEADERS)

    one_at_a_time = anyio.Semaphore(1)

    async def predict(request: Request) -> Response:
        try:
            data = await _body(request, max_bytes)
            async with one_at_a_time:
                content = await anyio.to_thread.run_sync(answer, predictor, data)
        except _RefusedError as refused:
            return JSONResponse({'error': str(refused)}, refused.status, headers=HEADERS)
        except ClientDisconnect:  # in the middle of an upload
            return Response(status_code=400)
        return JSONResponse(content, headers=HEADERS)

    hosts = ['*'] if host in ('0.0.0.0', '::') else [host, f'[{host}]', 'localhost', '127.0.0.1', '::1', '[::1]']
    return Starlette(
        routes=[
            *(Route(path, page) for path in PAGES),
            Route('/model', model),
            Route('/predict', predict, methods=['POST']),
        ],
        # Against pages of other sites whose name is made to point here (DNS rebinding).
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)],
    )


class _RefusedError(Exception):
    """A refused request: HTTP status and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def _body(request: Request, max_bytes: int) -> bytes:
    """Read the bytes of a request up to the limit."""
    origin = request.headers.get('origin')
    if origin is not None and urlsplit(origin).netloc != request.headers.get('host'):
        raise _RefusedError(403, 'This page of another site may not use the model.')
    too_large = _RefusedError(413, f'The file is larger than {max_bytes / 1e6:g} MB, the limit of this server.')
    length = request.headers.get('content-length', '0')
    if not length.isdigit() or int(length) > max_bytes:
        raise too_large
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > max_bytes:
            raise too_large
    if not data:
        raise _RefusedError(400, 'The file is empty.')
    return bytes(data)


def describe(predictor: Predictor, max_bytes: int) -> dict[str, Any]:
    """Describe classes (name, RGB colour) and limits for the page."""
    names, palette = predictor.classes.names, predictor.classes.palette
    return {
        'classes': [{'name': name, 'colour': list(colour)} for name, colour in zip(names, palette, strict=True)],
        'maxBytes': max_bytes,
        'maxPixels': predictor.rules.max_pixels,
    }


def answer(predictor: Predictor, data: bytes) -> dict[str, Any]:
    """Predict the bytes of an image file.

    Returns:
        ``width`` and ``height`` of the image; ``seconds``; ``shares`` of the classes, 0–1; and as data URLs ``image``
        (JPEG) and ``shownMask`` (PNG, grey value = class), at most 1600 pixels wide or high, and ``mask`` (palette PNG,
        full size).
    """
    start = time.perf_counter()
    try:
        prediction = predictor.predict(data)
        mask = prediction.mask
    except InputError as error:
        reason = f'{error.problem}; {error.remedy}' if error.remedy else error.problem
        raise _RefusedError(422, f'This file cannot be used: {reason}.') from error
    except MemoryError as error:
        raise _RefusedError(413, 'The image does not fit into the memory of this server.') from error
    seconds = time.perf_counter() - start
    height, width = mask.shape
    factor = min(1.0, MAX_SHOWN_SIDE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    pixels = prediction.image.pixels
    shown_image = pixels if factor == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    shown_mask = mask if factor == 1 else cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
    counts = np.bincount(mask.ravel(), minlength=len(predictor.classes.names))
    return {
        'width': width,
        'height': height,
        'seconds': round(seconds, 3),
        'shares': (counts / mask.size).tolist(),
        'image': _data_url('jpeg', encode_jpeg(shown_image)),
        'shownMask': _data_url('png', encode_png(shown_mask)),
        'mask': _data_url('png', encode_png(mask, predictor.classes.palette)),
    }


def _data_url(kind: str, data: bytes) -> str:
    return f'data:image/{kind};base64,{base64.b64encode(data).decode()}'
