"""Local page on which the masks of a queue are reviewed.

A request names a mask by the key of its entry in the queue, never by a path. Masks travel as bare bytes, one per pixel.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_ext import local_server
from mmseg_ext.data import Mask
from mmseg_ext.data.dataset import Key
from mmseg_ext.local_server import HEADERS, RefusedError, SerialQueue, answering, check_installed, read_body
from mmseg_ext.review.journal import DECISIONS
from mmseg_ext.review.session import Review
from mmseg_ext.review.snap import snap_region

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

WEB = Path(__file__).with_name('web')
PAGES = {'/': 'review.html'} | {f'/{path.name}': path.name for path in WEB.iterdir() if path.suffix in ('.css', '.js')}
JPEG_QUALITY = 95


def build_app(
    review: Review, host: str = '127.0.0.1', commands: Sequence[str] = (), allowed_hosts: Sequence[str] = ()
) -> Starlette:
    """Build the app: the page, and what it asks for.

    ``GET /state``; with ``?key=SPLIT/STEM`` ``GET /item``, ``/image`` (JPEG), ``/mask``, ``/source``, ``/suggestion``
    (bytes), ``POST /decision`` (``kind``, ``seconds``; the version as ``If-Match``; the mask's bytes, or none) and
    ``POST /snap`` (a region's bytes, 0 or 1).

    Args:
        review: The masks.
        host: The address that it will listen on.
        commands: Command lines that the page names at the end.
        allowed_hosts: Further names under which it answers.

    Raises:
        InputError: Starlette or uvicorn are not installed.
    """
    check_installed()
    from starlette.routing import Route

    page = ReviewEndpoints(review, commands)
    readers = {
        '/state': page.state, '/item': page.item, '/image': page.image, '/mask': page.mask, '/source': page.source,
        '/suggestion': page.suggestion,
    }  # fmt: skip
    writers = {'/decision': page.decide, '/snap': page.snap}
    routes = [Route(path, answering(answer)) for path, answer in readers.items()]
    routes += [Route(path, answering(answer), methods=['POST']) for path, answer in writers.items()]
    return local_server.build_app(host, WEB, PAGES, routes, allowed_hosts)


class ReviewEndpoints:
    """What the page asks for; images of any size, hence one request at a time.

    Args:
        review: The masks.
        commands: Command lines that the page names at the end.
    """

    def __init__(self, review: Review, commands: Sequence[str] = ()) -> None:
        import anyio

        self._review, self._commands = review, commands
        self._keys = {f'{split}/{stem}': (split, stem) for split, stem in review.entries}
        self._one_at_a_time = anyio.Semaphore(1)
        self._snap_queue = SerialQueue()

    async def state(self, request: Request) -> Any:
        """Describe the review."""
        return describe(self._review, self._commands)

    async def item(self, request: Request) -> Any:
        """Describe a mask."""
        return await self._run(describe_item, self._review, self._key(request))

    async def image(self, request: Request) -> Any:
        """Return an image as JPEG."""
        from starlette.responses import Response

        data = await self._run(lambda key: _jpeg(self._review.image(key)), self._key(request))
        return Response(data, media_type='image/jpeg', headers=HEADERS)

    async def mask(self, request: Request) -> bytes:
        """Return the bytes of a mask as it is now."""
        mask, _ = await self._run(self._review.mask, self._key(request))
        return bytes(mask.tobytes())

    async def source(self, request: Request) -> bytes:
        """Return the bytes of a mask as it was."""
        return bytes((await self._run(self._review.source, self._key(request))).tobytes())

    async def suggestion(self, request: Request) -> bytes:
        """Return the bytes of a suggested mask."""
        found = await self._run(self._review.suggestion, self._key(request))
        if found is None:
            raise RefusedError(404, 'There is no suggestion for this mask.')
        return bytes(found.tobytes())

    async def decide(self, request: Request) -> Any:
        """Save a decision, and return what the mask has become."""
        key, shape = self._key(request), await self._shape(request)
        data = await read_body(request, shape[0] * shape[1], empty=True)
        new = _as_mask(data, shape) if data else None
        query = request.query_params
        try:
            seconds = float(query.get('seconds', '0'))
        except ValueError:
            raise RefusedError(422, 'The seconds are not a number.') from None
        version = request.headers.get('if-match', '').strip('"')
        done = await self._run(self._review.decide, key, query.get('kind', ''), version, new, seconds)
        _, new_version = await self._run(self._review.mask, key)
        saved = self._review.decision(key)
        return {
            'version': new_version,
            'decision': None if saved is None else saved.decision,
            'kind': done.decision,
            'changed': done.changed,
        }

    async def snap(self, request: Request) -> bytes:
        """Return the bytes of a region that follows the edges of the image."""
        key, shape = self._key(request), await self._shape(request)
        region = _as_mask(await read_body(request, shape[0] * shape[1]), shape) > 0
        picture = await self._run(self._review.image, key)
        if picture.shape[:2] != shape:
            raise RefusedError(422, 'Image and mask differ in size.')
        return bytes((await self._snap_queue.run(snap_region, picture, region)).astype(np.uint8).tobytes())

    def _key(self, request: Request) -> Key:
        key = self._keys.get(request.query_params.get('key', ''))
        if key is None:
            raise RefusedError(404, 'The queue has no such mask.')
        return key

    async def _shape(self, request: Request) -> tuple[int, int]:
        height, width = (await self._run(self._review.source, self._key(request))).shape
        return int(height), int(width)

    async def _run(self, function: Callable[..., Any], *args: Any) -> Any:
        import anyio

        async with self._one_at_a_time:
            return await anyio.to_thread.run_sync(function, *args)


def describe(review: Review, commands: Sequence[str] = ()) -> dict[str, Any]:
    """Describe classes, queue and decisions for the page."""
    classes, decisions = review.classes, review.decisions()
    return {
        'classes': [
            {'name': name, 'colour': list(colour)} for name, colour in zip(classes.names, classes.palette, strict=True)
        ],
        'ignored': classes.ignore_index,
        'background': classes.background,
        'labels': review.labels,
        'to': review.to,
        'entries': [
            {'key': '/'.join(key), 'decision': decisions[key].decision if key in decisions else None}
            for key in review.entries
        ],
        'commands': list(commands),
    }


def describe_item(review: Review, key: Key) -> dict[str, Any]:
    """Describe a mask for the page: its size, version and decision, and why it is in the queue."""
    entry, (mask, version), decision = review.entries[key], review.mask(key), review.decision(key)
    return {
        'width': mask.shape[1],
        'height': mask.shape[0],
        'version': version,
        'decision': None if decision is None else decision.decision,
        'reasons': list(entry.reasons),
        'boxes': [list(box) for box in entry.boxes],
        'suggestion': review.has_suggestion(key),
    }


def count_decisions(review: Review) -> dict[str, int]:
    """Count the masks of the queue by their latest decision, and those that are left."""
    counts = Counter(decision.decision for decision in review.decisions().values())
    found: dict[str, int] = {kind: counts[kind] for kind in DECISIONS if counts[kind]}
    return {**found, 'left': len(review.entries) - sum(found.values())}


def _as_mask(data: bytes, shape: tuple[int, int]) -> Mask:
    if len(data) != shape[0] * shape[1]:
        raise RefusedError(422, f'Received {len(data):,} bytes; the mask has {shape[0] * shape[1]:,} pixels.')
    return np.frombuffer(data, np.uint8).reshape(shape)


def _jpeg(pixels: np.ndarray) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format='JPEG', quality=JPEG_QUALITY, subsampling=0)
    return stream.getvalue()
