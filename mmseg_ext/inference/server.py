"""Local page that shows the mask of an image dropped on it.

The client sends the bytes of a file, without name or path; everything in the answer is made from the decoded pixels.
Why Starlette: docs/adr/0007-starlette-for-the-local-page.md.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from mmseg_ext import local_server
from mmseg_ext.errors import InputError
from mmseg_ext.inference.outputs import encode_jpeg, encode_png
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.local_server import RefusedError, SerialQueue, answering, check_installed, listen, read_body

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

WEB = Path(__file__).with_name('web')
PAGES = {'/': 'page.html', '/page.js': 'page.js', '/page.css': 'page.css'}
MAX_UPLOAD_BYTES = 25_000_000
MAX_UPLOAD_PIXELS = 40_000_000  # by default: a small file can hold an image that takes the memory of many
MAX_SHOWN_SIDE = 1600  # pixels of the image in the page; the mask to download is not reduced


def serve(
    predictor: Predictor,
    host: str = '127.0.0.1',
    port: int = 8000,
    max_bytes: int = MAX_UPLOAD_BYTES,
    allowed_hosts: Sequence[str] = (),
) -> None:
    """Serve the page until interrupted; print its address once it can be opened.

    Args:
        predictor: The model.
        host: The address to listen on. Anything but loopback lets other machines use the model.
        port: 0 chooses a free one.
        max_bytes: Size limit of an upload.
        allowed_hosts: Further names under which it answers; see `mmseg_ext.local_server.build_app`.

    Raises:
        InputError: A library is missing, or the address cannot be used.
    """
    listen(build_app(predictor, host, max_bytes, allowed_hosts), host, port)


def build_app(
    predictor: Predictor,
    host: str = '127.0.0.1',
    max_bytes: int = MAX_UPLOAD_BYTES,
    allowed_hosts: Sequence[str] = (),
) -> Starlette:
    """Build the app: ``GET /`` (the page), ``GET /model`` (classes and limits), ``POST /predict`` (a file's bytes).

    Raises:
        InputError: Starlette or uvicorn are not installed.
    """
    check_installed()
    from starlette.routing import Route

    queue = SerialQueue()

    async def model(request: Request) -> Any:
        return describe(predictor, max_bytes)

    async def predict(request: Request) -> Any:
        return await queue.run(answer, predictor, await read_body(request, max_bytes))

    routes = [Route('/model', answering(model)), Route('/predict', answering(predict), methods=['POST'])]
    return local_server.build_app(host, WEB, PAGES, routes, allowed_hosts)


def describe(predictor: Predictor, max_bytes: int) -> dict[str, Any]:
    """Describe classes (name, RGB colour; which is the background) and limits for the page."""
    classes = predictor.classes
    return {
        'classes': [
            {'name': name, 'colour': list(colour)} for name, colour in zip(classes.names, classes.palette, strict=True)
        ],
        'background': classes.background,
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
        raise RefusedError(422, f'This file cannot be used: {reason}.') from error
    except MemoryError as error:
        raise RefusedError(413, 'The image does not fit in the memory of this server.') from error
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
