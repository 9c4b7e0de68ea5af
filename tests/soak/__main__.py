"""Soak of the local pages and of a predictor: ``python -m tests.soak --minutes 90 --out soak.csv``.

``mmseg-ext serve``, ``mmseg-ext review`` and a process with a `Predictor` run under good and bad load together: images,
decisions and regions; bombs, cut and foreign files, bodies beyond the limit, foreign names, slow heads, connections
that end in the middle. Memory, file descriptors and threads of each are written down at intervals. The command ends
with 1 if a process has ended or printed anything, a good request was refused, or a count has grown.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import http.client
import io
import json
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

SETTLED_MINUTES = 5  # from there on, nothing may grow
MAX_GROWTH = 0.1  # of the memory, from the first half of the time after that to the second
NAME = 'localhost'


def png(pixels: np.ndarray, kind: str = 'PNG') -> bytes:
    """Encode an image."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def bomb(side: int) -> bytes:
    """A grey PNG of side × side zeros, deflated."""
    packer = zlib.compressobj(9)
    rows = b''.join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    out = b'\x89PNG\r\n\x1a\n'
    header = struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)
    for name, content in ((b'IHDR', header), (b'IDAT', rows), (b'IEND', b'')):
        out += struct.pack('>I', len(content)) + name + content + struct.pack('>I', zlib.crc32(name + content))
    return out


def bad_files(good: bytes, rng: random.Random) -> dict[str, bytes]:
    """Files that are refused: for each, a fresh one."""
    return {
        'empty': b'',
        'text': b'no image',
        'random': rng.randbytes(rng.randint(1, 200_000)),
        'cut': good[: rng.randrange(10, len(good))],
        'bomb of 100 megapixels': BOMB,
        'stated 60,000 × 50,000': BOMB[:16] + struct.pack('>II', 60_000, 50_000) + BOMB[24:],
    }


def start(log: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a process of Python whose errors go to a file: a pipe that nobody reads would stop it."""
    with log.open('w') as stream:
        return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=stream, text=True)


class Page:
    """A local page that runs as a command, and requests to it."""

    def __init__(self, log: Path, *command: str | Path) -> None:
        self.process = start(log, '-m', 'mmseg_ext', *map(str, command), '--port', '0')
        assert self.process.stdout is not None
        line = next((line for line in self.process.stdout if line.startswith('http')), '')
        if not line:
            raise SystemExit(log.read_text())
        self.port = int(line.split('/')[2].rpartition(':')[2])

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        """Send a request and return status and body."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=120)
        try:
            connection.request(method, path, body, {key.replace('_', '-'): value for key, value in headers.items()})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def misuse(self, path: str, rng: random.Random, held: list[tuple[float, socket.socket]]) -> str:
        """Abuse the connection itself in one of several ways; return which."""
        kind = rng.choice(
            ('silent', 'slow head', 'cut body', 'reset', 'foreign name', 'foreign origin', 'huge', 'junk')
        )
        if kind == 'foreign name':
            assert self.ask('GET', '/', Host='elsewhere.example')[0] == 400
        elif kind == 'foreign origin':
            assert self.ask('POST', path, b'x', Origin='http://elsewhere.example')[0] == 403
        elif kind == 'huge':
            with contextlib.suppress(OSError):  # the server answers before it has everything, and closes
                self.ask('POST', path, (b'\xff' * 65536 for _ in range(600)))
        else:
            client = socket.create_connection(('127.0.0.1', self.port), timeout=60)
            head = f'POST {path} HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 1000\r\n'.encode()
            data = {'silent': b'', 'slow head': head, 'junk': rng.randbytes(300)}.get(kind, head + b'\r\nabc')
            with contextlib.suppress(OSError):
                client.sendall(data)
            if kind == 'reset':
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            if kind in ('silent', 'slow head', 'cut body'):
                held.append((time.monotonic() + rng.uniform(0, 90), client))
            else:
                client.close()
        return kind


def use_review(page: Page, rng: random.Random) -> str:
    """Look at a mask and decide, as the page does, or send what the page would not."""
    keys = [entry['key'] for entry in json.loads(page.ask('GET', '/state')[1])['entries']]
    key = rng.choice(keys).replace('/', '%2F')
    item = json.loads(page.ask('GET', f'/item?key={key}')[1])
    assert page.ask('GET', f'/image?key={key}')[0] == 200
    mask = page.ask('GET', f'/mask?key={key}')[1]
    assert len(mask) == item['width'] * item['height']
    kind = rng.choice(('keep', 'edit', 'skip', 'snap', 'bad'))
    if kind == 'snap':
        region = np.zeros((item['height'], item['width']), np.uint8)
        region[20:60, 20:60] = 1
        assert page.ask('POST', f'/snap?key={key}', region.tobytes())[0] == 200
    elif kind == 'bad':
        cases = ((b'x', 'edit', item['version']), (mask, 'edit', 'stale'), (b'', 'nothing', item['version']),
                 (bytes([77]) * len(mask), 'edit', item['version']))  # fmt: skip
        body, decision, version = rng.choice(cases)
        status = page.ask('POST', f'/decision?key={key}&kind={decision}', body, If_Match=f'"{version}"')[0]
        assert 400 <= status < 500, status
    else:
        body = mask[::-1] if kind == 'edit' else b''
        status, text = page.ask(
            'POST', f'/decision?key={key}&kind={kind}&seconds=1', body, If_Match=f'"{item["version"]}"'
        )
        assert status == 200, text
    return f'review: {kind}'


def predict_loop(folder: str, seed: str, pause: str) -> None:
    """Predict good and bad files in this process until it is ended."""
    from mmseg_ext.errors import InputError
    from mmseg_ext.inference.predictor import Predictor

    rng, root = random.Random(int(seed)), Path(folder)
    predictors = [Predictor(root / 'a.onnx'), Predictor(root / 'net.py', root / 'net.pth', tta=True)]
    good = [path.read_bytes() for path in sorted((root / 'data/img/train').iterdir())]
    print('http ready', flush=True)
    while True:
        predictor, data = rng.choice(predictors), rng.choice(good)
        bad = rng.choice([b'', *bad_files(data, rng).values()]) if rng.random() < 0.5 else None
        try:
            predictor.predict(data if bad is None else bad)
            assert bad is None
        except InputError:
            assert bad is not None
        time.sleep(float(pause))


def make_network(folder: Path) -> None:
    """A small network of torch with random weights, as a config and a checkpoint."""
    import torch
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    from mmseg_ext.data import DataSet
    from mmseg_ext.runs.config import load_config

    config = load_config(NETWORK)
    init_default_scope('mmseg')
    classes = DataSet(folder / 'data').classes
    meta = {'classes': classes.names, 'palette': classes.palette}
    content = {'state_dict': MODELS.build(config.model).state_dict(), 'meta': {'dataset_meta': meta}}
    config.dump(folder / 'net.py')
    torch.save(content, folder / 'net.pth')


NETWORK = 'demo/deeplabv3plus_resnet-v2-222-w32_ce-adamw-1000it_demo-192x192'
BOMB = bomb(10_000)


def measure(process: int) -> dict[str, float]:
    """Memory in MiB, file descriptors and threads of a process, and its time on a CPU in s."""
    status = dict(line.split(':', 1) for line in Path(f'/proc/{process}/status').read_text().splitlines())
    times = Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()
    return {
        'memory': int(status['VmRSS'].split()[0]) / 1024,
        'descriptors': len(os.listdir(f'/proc/{process}/fd')),
        'threads': int(status['Threads']),
        'cpu': (int(times[11]) + int(times[12])) / os.sysconf('SC_CLK_TCK'),
    }


def main() -> int:
    """Parse, start, load, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=120)
    parser.add_argument('--pause', type=float, default=0.5, metavar='S', help='mean pause between two requests')
    parser.add_argument('--every', type=float, default=15, metavar='S', help='between two measurements')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, required=True, metavar='FILE.csv')
    args = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1] / 'fuzz'))
    from targets import make_onnx

    from mmseg_ext.demo import DemoSettings, make_demo_data

    rng, done = random.Random(args.seed), Counter[str]()
    with tempfile.TemporaryDirectory(prefix='mmseg-ext-soak-') as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        make_demo_data(folder / 'data', DemoSettings(train=12, val=2, test=2, size=192))
        make_onnx(folder)
        make_network(folder)
        serve = Page(folder / 'serve.log', 'serve', folder / 'a.onnx')
        review = Page(folder / 'review.log', 'review', folder / 'data', '--to', 'labels_reviewed')
        loop = start(folder / 'predict.log', __file__, '--predict', name, str(args.seed), str(4 * args.pause))
        processes = {'serve': serve.process, 'review': review.process, 'predict': loop}
        for process in processes.values():
            stack.callback(process.kill)
        assert loop.stdout is not None
        loop.stdout.readline()
        good = [path.read_bytes() for path in sorted((folder / 'data/img/train').iterdir())]
        good.append(png(np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), np.uint8), 'JPEG'))
        held: list[tuple[float, socket.socket]] = []
        rows: list[dict[str, Any]] = []
        began = last = time.monotonic()
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with args.out.open('w', newline='') as stream:
            writer = csv.DictWriter(stream, ['minute', 'process', 'memory', 'descriptors', 'threads', 'cpu'])
            writer.writeheader()
            while (now := time.monotonic()) < began + 60 * args.minutes:
                if any(process.poll() is not None for process in processes.values()):
                    break
                if now >= last + args.every or not rows:
                    last = now
                    for key, process in processes.items():
                        row = {'minute': round((now - began) / 60, 2), 'process': key, **measure(process.pid)}
                        rows.append(row)
                        writer.writerow(row)
                    stream.flush()
                for _, client in [pair for pair in held if pair[0] < now]:
                    client.close()
                held = [pair for pair in held if pair[0] >= now]
                done[act(serve, review, good, held, rng)] += 1
                time.sleep(rng.expovariate(1 / args.pause))
        for _, client in held:
            client.close()
        time.sleep(15)  # for the connections to end
        for key, process in processes.items():
            if process.poll() is None:
                row = {'minute': round((time.monotonic() - began) / 60, 2), 'process': key, **measure(process.pid)}
                rows.append(row)
                process.terminate()
        for process in processes.values():
            process.communicate()
        printed = {name: (folder / f'{name}.log').read_text() for name in processes}
    return report(rows, done, printed)


def act(
    serve: Page, review: Page, good: list[bytes], held: list[tuple[float, socket.socket]], rng: random.Random
) -> str:
    """Do one thing, good or bad; return its name."""
    kind = rng.randrange(4)
    if kind == 0:
        status, text = serve.ask('POST', '/predict', rng.choice(good))
        assert status == 200, text
        return 'serve: image'
    if kind == 1:
        name, data = rng.choice(list(bad_files(rng.choice(good), rng).items()))
        assert 400 <= serve.ask('POST', '/predict', data)[0] < 500
        return f'serve: {name}'
    if kind == 2:
        return use_review(review, rng)
    page, path = rng.choice(((serve, '/predict'), (review, '/decision?key=train%2F0')))
    return f'{"serve" if page is serve else "review"}: {page.misuse(path, rng, held)}'


def report(rows: list[dict[str, Any]], done: Counter[str], printed: dict[str, str]) -> int:
    """Print what was done and what it cost; return the exit code."""
    for name, count in sorted(done.items()):
        print(f'{count:6} {name}')
    faults = [f'{name} printed: {text[-2000:]}' for name, text in printed.items() if 'Traceback' in text]
    for name in printed:
        own = [row for row in rows if row['process'] == name]
        settled = next((row for row in own if row['minute'] >= SETTLED_MINUTES), own[0])
        levels = [row['memory'] for row in own if row['minute'] >= SETTLED_MINUTES] or [own[-1]['memory']]
        half = len(levels) // 2
        for title, row in (('settled', settled), ('end', own[-1])):
            text = f'{row["memory"]:.0f} MiB, {row["descriptors"]} descriptors, {row["threads"]} threads'
            print(f'{name} after {row["minute"]:.0f} min ({title}): {text}, {row["cpu"]:.0f} s of CPU')
        print(
            f'{name}: most {max(row["memory"] for row in own):.0f} MiB; printed {Counter(printed[name].splitlines())}'
        )
        if half and median(levels[half:]) > median(levels[:half]) * (1 + MAX_GROWTH):
            faults.append(f'{name}: memory has grown')
        faults += [f'{name}: {kind} have grown' for kind in ('descriptors', 'threads') if own[-1][kind] > settled[kind]]
    print(*faults, sep='\n')
    return int(bool(faults))


if __name__ == '__main__':
    if sys.argv[1:2] == ['--predict']:
        predict_loop(*sys.argv[2:])
    sys.exit(main())
