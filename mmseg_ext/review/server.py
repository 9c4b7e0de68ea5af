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
from mmseg_ext.errors import InputError
from mmseg_ext.local_server import HEADERS, RefusedError, Work, check_installed, read_body
from mmseg_ext.review.journal import DECISIONS
from mmseg_ext.review.session import Review
from mmseg_ext.review.snap import snap_region

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

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
    import anyio
    from starlette.requests import ClientDisconnect
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    keys = {f'{split}/{stem}': (split, stem) for split, stem in review.entries}
    one_at_a_time = anyio.Semaphore(1)  # images of any size
    cuts = Work()

    def key_of(request: Request) -> Key:
        key = keys.get(request.query_params.get('key', ''))
        if key is None:
            raise RefusedError(404, 'The queue has no such mask.')
        return key

    async def run(function: Callable[..., Any], *args: Any) -> Any:
        async with one_at_a_time:
            return await anyio.to_thread.run_sync(function, *args)

    def guarded(answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                content = await answer(request)
            except RefusedError as refused:
                return JSONResponse({'error': str(refused)}, refused.status, headers=HEADERS)
            except InputError as error:
                return JSONResponse({'error': f'{error}.'}, 422, headers=HEADERS)
            except MemoryError:
                return JSONResponse({'error': 'It does not fit into the memory of this server.'}, 413, headers=HEADERS)
            except ClientDisconnect:
                return Response(status_code=400)
            if isinstance(content, bytes):
                kind = 'image/jpeg' if request.url.path == '/image' else 'application/octet-stream'
                return Response(content, media_type=kind, headers=HEADERS)
            return JSONResponse(content, headers=HEADERS)

        return endpoint

    async def state(request: Request) -> Any:
        return describe(review, commands)

    async def item(request: Request) -> Any:
        return await run(describe_item, review, key_of(request))

    async def image(request: Request) -> Any:
        return await run(lambda key: _jpeg(review.image(key)), key_of(request))

    async def mask(request: Request) -> Any:
        return await run(lambda key: review.mask(key)[0].tobytes(), key_of(request))

    async def source(request: Request) -> Any:
        return await run(lambda key: review.source(key).tobytes(), key_of(request))

    async def suggestion(request: Request) -> Any:
        found = await run(review.suggestion, key_of(request))
        if found is None:
            raise RefusedError(404, 'There is no suggestion for this mask.')
        return found.tobytes()

    async def decision(request: Request) -> Any:
        key, shape = key_of(request), await shape_of(request)
        data = await read_body(request, shape[0] * shape[1], empty=True)
        new = _as_mask(data, shape) if data else None
        query = request.query_params
        try:
            seconds = float(query.get('seconds', '0'))
        except ValueError:
            raise RefusedError(422, 'The seconds are no number.') from None
        version = request.headers.get('if-match', '').strip('"')
        done = await run(review.decide, key, query.get('kind', ''), version, new, seconds)
        _, new_version = await run(review.mask, key)
        saved = review.decision(key)
        return {
            'version': new_version,
            'decision': None if saved is None else saved.decision,
            'kind': done.decision,
            'changed': done.changed,
        }

    async def snap(request: Request) -> Any:
        key, shape = key_of(request), await shape_of(request)
        region = _as_mask(await read_body(request, shape[0] * shape[1]), shape) > 0
        picture = await run(review.image, key)
        if picture.shape[:2] != shape:
            raise RefusedError(422, 'Image and mask differ in size.')
        return (await cuts.run(snap_region, picture, region)).astype(np.uint8).tobytes()

    async def shape_of(request: Request) -> tuple[int, int]:
        found = (await run(review.source, key_of(request))).shape
        return int(found[0]), int(found[1])

    readers = {'/state': state, '/item': item, '/image': image, '/mask': mask, '/source': source,
               '/suggestion': suggestion}  # fmt: skip
    routes = [Route(path, guarded(answer)) for path, answer in readers.items()]
    routes += [Route('/decision', guarded(decision), methods=['POST']), Route('/snap', guarded(snap), methods=['POST'])]
    return local_server.build_app(host, WEB, PAGES, routes, allowed_hosts)


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
        raise RefusedError(422, f'{len(data):,} bytes came, the mask has {shape[0] * shape[1]:,} pixels.')
    return np.frombuffer(data, np.uint8).reshape(shape)


def _jpeg(pixels: np.ndarray) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format='JPEG', quality=JPEG_QUALITY, subsampling=0)
    return stream.getvalue()
