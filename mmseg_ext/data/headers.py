"""Sizes and palettes of JPEG and PNG files from their first bytes, without a decoder.

This is twenty to thirty times faster than decoding, so a whole data set can be checked before a training.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 4096
MAX_SEGMENTS = 200  # of a JPEG, before its size
PNG_START = b'\x89PNG\r\n\x1a\n'
JPEG_START = b'\xff\xd8\xff'
SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
GREY, PALETTE = 0, 3  # kinds of colour of a PNG


@dataclass(frozen=True, slots=True)
class StoredHeader:
    """Content of the first bytes of a file, which its pixels may contradict.

    Attributes:
        height: Rows as stored, before any rotation by EXIF data.
        width: Columns as stored.
        has_exif: Whether a JPEG has EXIF data.
        holds_indices: Whether it is a PNG of one channel of at most 8 bits, like a mask.
        palette: Colours of a PNG, three bytes each; empty if it has none.
    """

    height: int
    width: int
    has_exif: bool = False
    holds_indices: bool = False
    palette: bytes = b''


def read_stored_header(path: str | Path) -> StoredHeader | None:
    """Read the first bytes of a JPEG or PNG.

    Returns:
        None if they do not suffice: the file is missing, damaged, animated, of another format, or has other data in
        front.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, 'O_BINARY', 0))
        try:
            head = os.read(descriptor, HEAD_BYTES)
            if head.startswith(PNG_START):
                return _png(head)
            return _jpeg(head, descriptor) if head.startswith(JPEG_START) else None
        finally:
            os.close(descriptor)
    except OSError:
        return None


def _png(head: bytes) -> StoredHeader | None:
    if head[12:16] != b'IHDR' or len(head) < 33:
        return None
    width, height = int.from_bytes(head[16:20], 'big'), int.from_bytes(head[20:24], 'big')
    bits, colour = head[24], head[25]
    palette, start = b'', 33
    while start + 8 <= len(head):
        length, kind = int.from_bytes(head[start : start + 4], 'big'), head[start + 4 : start + 8]
        if kind == b'IDAT':
            if not width or not height or (colour in (GREY, PALETTE) and bool(palette) != (colour == PALETTE)):
                return None
            is_index = colour == PALETTE or (colour == GREY and bits <= 8)
            return StoredHeader(height, width, holds_indices=is_index, palette=palette if is_index else b'')
        if kind == b'acTL':
            return None
        if kind == b'PLTE':
            palette = head[start + 8 : start + 8 + length]
            if len(palette) < length:
                return None
        start += 12 + length
    return None


def _jpeg(head: bytes, descriptor: int) -> StoredHeader | None:
    """Walk over the segments to the one with the size; those beyond the head are read one by one."""
    start, has_exif = 2, False
    for _ in range(MAX_SEGMENTS):
        segment = head[start : start + 10]
        if len(segment) < 10:
            os.lseek(descriptor, start, os.SEEK_SET)
            segment = os.read(descriptor, 10)
        if len(segment) < 10 or segment[0] != 0xFF:
            return None
        marker = segment[1]
        if marker == 0xFF:  # a fill byte
            start += 1
            continue
        if marker in SIZE_MARKERS:
            height, width = int.from_bytes(segment[5:7], 'big'), int.from_bytes(segment[7:9], 'big')
            return StoredHeader(height, width, has_exif) if height and width else None
        has_exif |= marker == 0xE1 and segment[4:8] == b'Exif'
        start += 2 + int.from_bytes(segment[2:4], 'big')
    return None
