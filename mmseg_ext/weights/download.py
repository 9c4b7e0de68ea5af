"""Download of one file: resumed after a cut connection, checked, and put in place atomically."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError

from mmseg_ext.errors import InputError
from mmseg_ext.files import lock_path, make_folder
from mmseg_ext.progress import track

CHUNK_BYTES = 1 << 20
TIMEOUT_S = 30.0
MAX_CUTS = 5  # connections in a row that end early without a new byte
RANGE_NOT_SATISFIABLE = 416
_RANGE = re.compile(r'bytes (\d+)-\d+/(\d+|\*)')


class DownloadError(InputError):
    """An address that cannot be reached, or a file that is not the one expected."""


def download(url: str, path: str | Path, *, num_bytes: int | None = None, checksum: str = '') -> Path:
    """Download a file to ``path``, which is complete and checked when it appears.

    What has arrived is kept next to it as ``FILE.part``, from which a later call continues. Processes that download the
    same file wait for one another where the system has file locks (not on Windows).

    Args:
        url: Address, ``http`` or ``https``.
        path: The file. Its folder is made if it is missing.
        num_bytes: Size of the file; None to take the server's word for it.
        checksum: SHA-256 of the file in hexadecimal digits, or the beginning of it; '' to check none.

    Raises:
        DownloadError: The address cannot be reached, the connection is cut again and again, or the file has another
            size or checksum; a file with another is removed.
        InputError: The folder cannot be written to.
    """
    path = Path(path)
    make_folder(path.parent)
    part = path.with_name(f'{path.name}.part')
    lock = lock_path(part.with_suffix('.lock'), os.O_RDWR | os.O_CREAT, wait=True)
    try:
        if path.is_file() and matches(path, num_bytes, checksum):  # another process was faster
            return path
        _fetch(url, part, num_bytes)
        if not matches(part, num_bytes, checksum):
            found = f'{part.stat().st_size} bytes, SHA-256 {sha256(part)[: max(len(checksum), 8)]}'
            part.unlink()
            expected = ', '.join(
                text
                for text in (f'{num_bytes} bytes' if num_bytes else '', f'SHA-256 {checksum}' if checksum else '')
                if text
            )
            raise DownloadError(url, f'is the wrong file ({found}; expected {expected})', 'check the address')
        part.replace(path)
    except (URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = error if isinstance(error, HTTPError) else getattr(error, 'reason', None) or error
        raise DownloadError(url, f'cannot be downloaded ({reason})', 'check the address and the network') from error
    except OSError as error:
        raise InputError(
            path, f'cannot be written ({error.strerror or error})', 'free up space or choose another folder'
        ) from error
    finally:
        if lock is not None:
            os.close(lock)
    return path


def matches(path: Path, num_bytes: int | None = None, checksum: str = '') -> bool:
    """Return whether a file has the size and the SHA-256 (or the beginning of it) that are given."""
    if num_bytes is not None and path.stat().st_size != num_bytes:
        return False
    return not checksum or sha256(path).startswith(checksum)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open('rb') as stream:
        return hashlib.file_digest(stream, 'sha256').hexdigest()


def _fetch(url: str, part: Path, num_bytes: int | None) -> None:
    """Fetch what is missing of a partial file; a connection that ends early is opened again where it ended."""
    cuts = 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        if num_bytes is not None and before >= num_bytes:
            return
        total = _append(url, part, before)
        after = part.stat().st_size
        if total is None or after >= total:
            return
        cuts = cuts + 1 if after <= before else 0
        if cuts == MAX_CUTS:
            raise DownloadError(
                url, f'connection cut after {after} of {total} bytes', 'try again: the download continues there'
            )


def _append(url: str, part: Path, offset: int) -> int | None:
    """Request a file from an offset on, and append what arrives; return its full size where the server states it."""
    request = urllib.request.Request(url, headers={'Range': f'bytes={offset}-'} if offset else {})
    try:
        with _network_errors():
            response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        if error.code != RANGE_NOT_SATISFIABLE or not offset:
            raise
        part.unlink()  # it has grown beyond the file: begin again
        return _append(url, part, 0)
    with response:
        match = _RANGE.fullmatch(response.headers.get('Content-Range', ''))
        continues = response.status == http.client.PARTIAL_CONTENT and match is not None and int(match[1]) == offset
        offset = offset if continues else 0  # a server without ranges sends the whole file
        length = response.headers.get('Content-Length')
        total = offset + int(length) if length is not None else None
        chunks = -(-int(length) // CHUNK_BYTES) if length is not None else None
        with part.open('r+b' if continues else 'wb') as stream, suppress(http.client.IncompleteRead, ConnectionError):
            stream.seek(offset)
            for chunk in track(_chunks(response), part.stem, chunks):
                stream.write(chunk)
    return total


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        with _network_errors():
            chunk = response.read(CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


@contextmanager
def _network_errors() -> Iterator[None]:
    """Turn errors of the operating system and of SSL that come from the network into `ConnectionError`."""
    try:
        yield
    except (URLError, TimeoutError, ConnectionError):
        raise
    except OSError as error:
        raise ConnectionError(error.strerror or error) from error
