"""Memory of ``mmseg-ext serve``, in use and free: ``python -m tests.soak.memory --requests 2000``.

Sends the load of `tests.soak` to a page without pauses. Every 250 requests, all connections are closed, and the server
says how much of its heap is in use, and how much memory it has before and after it has returned the free part of its
heap to the system (``malloc_trim``): what grows in use is a leak, what is returned was kept by the allocator. Linux
with glibc.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / 'fuzz'))
from tests.soak.__main__ import Page, bad_files, png

EVERY = 250
SETTLING_S = 3  # for the server to notice that connections are closed
BUSY = 503  # what a page answers that is too slow for the load


class Heap(ctypes.Structure):
    """``struct mallinfo2`` of glibc."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            'arena', 'ordblks', 'smblks', 'hblks', 'hblkhd', 'usmblks', 'fsmblks', 'uordblks', 'fordblks', 'keepcost',
        )
    )  # fmt: skip


def serve(arguments: list[str]) -> None:
    """Run ``mmseg-ext``; for each line of stdin, print what its memory is."""
    from mmseg_ext.commands.main import main

    libc = ctypes.CDLL('libc.so.6')
    libc.mallinfo2.restype = Heap

    def resident() -> float:
        return int(Path('/proc/self/statm').read_text().split()[1]) * 4096 / 2**20

    def answer() -> None:
        for _ in sys.stdin:
            before = resident()
            gc.collect()
            libc.malloc_trim(0)
            heap = libc.mallinfo2()
            numbers = {'memory': before, 'trimmed': resident(), 'in use': heap.uordblks / 2**20}
            print('memory', json.dumps(numbers | {'blocks of Python': sys.getallocatedblocks()}), flush=True)

    threading.Thread(target=answer, daemon=True).start()
    main(arguments)


class MeasuredPage(Page):
    """A page whose process says what its memory is."""

    def __init__(self, *command: str | Path) -> None:
        arguments = [sys.executable, '-m', 'tests.soak.memory', '--server', *map(str, command), '--port', '0']
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.port = int(self.line('http').split('/')[2].rpartition(':')[2])

    def line(self, start: str) -> str:
        """Return the next line of stdout that begins like this."""
        assert self.process.stdout is not None
        return next(line for line in self.process.stdout if line.startswith(start))

    def memory(self) -> dict[str, float]:
        """Return its memory in MiB."""
        assert self.process.stdin is not None
        print(file=self.process.stdin, flush=True)
        return json.loads(self.line('memory').partition(' ')[2])  # type: ignore[no-any-return]


def main() -> None:
    """Parse, load, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--requests', type=int, default=2000)
    parser.add_argument('--seed', type=int, default=7)
    args = parser.parse_args()
    from targets import make_onnx

    from mmseg_ext.demo import DemoSettings, make_demo_data

    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix='mmseg-ext-memory-') as name:
        folder = Path(name)
        make_demo_data(folder / 'data', DemoSettings(train=12, val=2, test=2, size=192))
        make_onnx(folder)
        page = MeasuredPage('serve', folder / 'a.onnx')
        good = [path.read_bytes() for path in sorted((folder / 'data/img/train').iterdir())]
        good.append(png(np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), np.uint8), 'JPEG'))
        held: list[tuple[float, Any]] = []
        for number in range(args.requests + 1):
            if number % EVERY == 0:
                for _, client in held:
                    client.close()
                held = []
                time.sleep(SETTLING_S)
                print(number, *(f'{key} {value:,.1f}' for key, value in page.memory().items()), sep=', ', flush=True)
            for _, client in [pair for pair in held if pair[0] < time.monotonic()]:
                client.close()
            held = [pair for pair in held if pair[0] >= time.monotonic()]
            kind = rng.randrange(3)
            if kind == 0:
                assert page.ask('POST', '/predict', rng.choice(good))[0] in (200, BUSY)
            elif kind == 1:
                data = rng.choice(list(bad_files(rng.choice(good), rng).values()))
                assert 400 <= page.ask('POST', '/predict', data)[0] <= BUSY
            else:
                page.misuse('/predict', rng, held)
        page.process.kill()


if __name__ == '__main__':
    if sys.argv[1:2] == ['--server']:
        serve(sys.argv[2:])
    else:
        main()
