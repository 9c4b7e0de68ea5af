"""Seeded mutations of files: bytes, tokens of text, values of JSON, chunks of PNG, members of ZIP."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import zipfile
import zlib
from typing import Any

ODD_NUMBERS = (0, 1, -1, 2, 7, 127, 255, 256, 65535, 2**31 - 1, 2**32 - 1, 2**63, 10**400)
ODD_VALUES: tuple[Any, ...] = (
    *ODD_NUMBERS, 0.5, -1.5, 1e308, float('nan'), float('inf'), None, True, False, '', ' ', 'x', '8', '\0', '\x1b[2J',
    '../../../etc/passwd', 'é' * 300, '\u202e', '=1+1', [], {}, [[]], [None], {'': None}, [1, 2, 3],
    [[1, 2], [3, 4]], [['a', 'b']], {'a': {'b': 1}},
)  # fmt: skip
ODD_TEXTS = (
    'nan', 'inf', '-1', '1e999', '9' * 400, '9' * 5000, '', '[' * 20_000, '{' * 3000, '"', '\\ud800', '\0', '\x1b[2J',
    '&a [*a]', '*a', '!!python/object:x.y', '2020-99-99', ': ', '- ', '#', '\n', '\r', '\u2028', 'é',
    '<!DOCTYPE x>', '&#0;', 'true', '~',
)  # fmt: skip
TOKEN = re.compile(rb'[\w.+-]+|"[^"]*"|[^\w\s]')


def mutate(data: bytes, name: str, rng: random.Random) -> bytes:
    """Change a file in one to three places; its name tells the kind."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        kinds = [mutate_bytes]
        if name.endswith(('.json', '.jsonl', '.txt', '.yaml', '.toml', '.xml', '.csv', '.py')):
            kinds += [mutate_tokens] * 3
        if name.endswith(('.json', '.jsonl')):
            kinds += [mutate_json] * 8
        if name.endswith('.png'):
            kinds += [mutate_png] * 3
        if name.endswith(('.pth', '.zip', '.npz')):
            kinds += [mutate_zip] * 2
        data = rng.choice(kinds)(data, rng)
    return data


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, delete, repeat, insert or cut."""
    out = bytearray(data)
    at, length = rng.randrange(len(out) + 1), rng.choice((1, 2, 4, 8, 64, 4096))
    kind = rng.randrange(8)
    if kind == 0 and out:
        for _ in range(rng.choice((1, 2, 8))):
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        out[at : at + length] = rng.randbytes(min(length, len(out) - at))
    elif kind == 2:
        out[at : at + length] = rng.choice((b'\0', b'\xff')) * min(length, len(out) - at)
    elif kind == 3:
        del out[at : at + length]
    elif kind == 4:
        out[at:at] = out[at : at + length]
    elif kind == 5:
        out[at:at] = rng.randbytes(length)
    elif kind == 6:
        del out[at:]
    else:
        number = rng.choice((0, 1, 255, 65535, 2**16, 2**31 - 1, 2**31, 2**32 - 1))
        out[at : at + 4] = number.to_bytes(4, rng.choice(('little', 'big')))
    return bytes(out)


def mutate_tokens(data: bytes, rng: random.Random) -> bytes:
    """Replace, delete or repeat a token or a line of text."""
    tokens = list(TOKEN.finditer(data))
    if not tokens:
        return mutate_bytes(data, rng)
    token = rng.choice(tokens)
    kind = rng.randrange(5)
    if kind == 0:
        lines = data.split(b'\n')
        line = rng.randrange(len(lines))
        lines[line : line + 1] = rng.choice(([], [lines[line]] * 2, [rng.choice(ODD_TEXTS).encode()]))
        return b'\n'.join(lines)
    texts = {1: b'', 2: token[0] * 2}
    text = texts.get(kind, rng.choice(ODD_TEXTS).encode())
    return data[: token.start()] + text + data[token.end() :]


def mutate_json(data: bytes, rng: random.Random) -> bytes:
    """Replace, delete, wrap or repeat a value, in one of the lines where there are several documents."""
    lines = [data]
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        lines = data.split(b'\n')
    which = rng.randrange(len(lines))
    try:
        content = json.loads(lines[which])
    except (ValueError, RecursionError):
        return mutate_bytes(data, rng)
    places = list(_places(content))
    if not places:
        return json.dumps(rng.choice(ODD_VALUES)).encode()
    parent, key = rng.choice(places)
    kind = rng.randrange(8)
    if kind == 0:
        del parent[key]
    elif kind == 1:
        parent[key] = [parent[key]]
    elif kind == 2 and isinstance(parent, list):
        parent.insert(key, parent[key])
    elif kind == 3:
        other, place = rng.choice(places)
        parent[key] = json.loads(json.dumps(other[place])) if place in other or isinstance(other, list) else None
    else:
        parent[key] = rng.choice(ODD_VALUES)
    lines[which] = json.dumps(content).encode()
    return b'\n'.join(lines)


def _places(content: Any) -> Any:
    if isinstance(content, dict | list):
        for key in list(content) if isinstance(content, dict) else range(len(content)):
            yield content, key
            yield from _places(content[key])


def mutate_png(data: bytes, rng: random.Random) -> bytes:
    """Change the content or the kind of a chunk and correct its checksum, so that decoders go on."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack('>I', data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if not chunks:
        return mutate_bytes(data, rng)
    which = rng.randrange(len(chunks))
    kind, content = chunks[which]
    if rng.random() < 0.7:
        if kind == b'IDAT' and rng.random() < 0.5:
            try:
                content = zlib.compress(mutate_bytes(zlib.decompress(content), rng))
            except zlib.error:
                content = mutate_bytes(content, rng)
        else:
            content = mutate_bytes(content, rng)
        chunks[which] = kind, content
    else:
        chunks[which : which + 1] = rng.choice(([], [chunks[which]] * 2, [(b'eXIf', content), (kind, content)]))
    out = data[:8]
    for kind, content in chunks:
        out += struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))
    return out


def mutate_zip(data: bytes, rng: random.Random) -> bytes:
    """Change, remove or rename a member and correct its checksum."""
    stream = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, 'w') as new:
            names = old.namelist()
            chosen = rng.choice(names)
            kind = rng.randrange(4)
            for name in names:
                content = old.read(name)
                if name == chosen and kind == 0:
                    continue
                if name == chosen:
                    content = mutate_bytes(content, rng)
                new.writestr(name + 'x' if name == chosen and kind == 1 else name, content)
    except (zipfile.BadZipFile, ValueError, IndexError, OSError, zlib.error, NotImplementedError):
        return mutate_bytes(data, rng)
    return stream.getvalue()
