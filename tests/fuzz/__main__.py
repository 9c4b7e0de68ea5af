"""Fuzzing of every reader: ``python -m tests.fuzz --each 1000``.

Sound files are mutated by a seed. A reader may refuse them with an `InputError`; any other exception, a read that takes
more than ``SECONDS`` or more than ``MEMORY`` bytes of new memory is a fault, and the command ends with 1. Each target
runs in a process of its own, so that a crash of a decoder is counted too.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError

sys.path.insert(0, str(Path(__file__).parent))
from mutation import mutate
from targets import TARGETS

SECONDS = 20  # CPU time of one read; the machine may be busy
MEMORY = 2 << 30
SHARED_MEMORY = Path('/dev/shm')  # where there is one, files are written there: on a disk they take most of the time
IMPORTED = (
    'torch', 'mmseg_ext.models.losses.class_weight', 'mmseg_ext.reports.compare.comparison',
    'mmseg_ext.inference.predictor', 'mmseg_ext.workflows.auto', 'mmseg_ext.workflows.review',
)  # fmt: skip  # once, before the processes of all targets are forked


class Hang(BaseException):
    """A read took too long."""


def run_target(name: str, each: int, seed: int, faults: Any, done: Any) -> None:
    """Read mutated files ``each`` times; put each fault (number, its last line of ours, the exception) into a queue."""
    target = TARGETS[name]
    root = Path(tempfile.mkdtemp(prefix='mmseg-ext-fuzz-', dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None))
    warnings.simplefilter('ignore')
    try:
        sound, folder = root / 'sound', root / 'work'
        sound.mkdir()
        target.make(sound)
        shutil.copytree(sound, folder)  # some files name others by their paths
        target.read(folder)
        files = sorted(
            p.relative_to(sound)
            for pattern in target.patterns
            for p in sound.rglob('*')
            if p.is_file() and p.relative_to(sound).match(pattern)
        )
        size = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.RLIM_INFINITY))
        signal.signal(signal.SIGVTALRM, _hang)
        for number in range(each):
            rng = random.Random(f'{name}/{seed}/{number}')
            shutil.rmtree(folder)
            shutil.copytree(sound, folder)
            file = rng.choice(files)
            (folder / file).write_bytes(mutate((sound / file).read_bytes(), file.name, rng))
            done.value = number
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
            try:
                target.read(folder)
            except InputError as error:
                if len(str(error)) > 20_000 or '\n' in str(error):
                    faults.put((number, str(file), f'message of {len(str(error)):,} characters: {str(error)[:100]!r}'))
            except (Exception, Hang) as error:
                faults.put((number, str(file), _describe(error)))
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        done.value = each
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _hang(*_: Any) -> None:
    raise Hang(f'more than {SECONDS} s')


def _describe(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if 'mmseg_ext/' in frame.filename]
    frame = (ours or frames)[-1]
    return f'{Path(frame.filename).name}:{frame.lineno} {type(error).__name__}: {str(error)[:160]}'


def main() -> int:
    """Parse, fuzz, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--each', type=int, default=1000, help='mutations of each target (default: 1000)')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--targets', help='some targets, separated by commas (default: all)')
    args = parser.parse_args()
    context = multiprocessing.get_context('fork')
    total = 0
    for module in IMPORTED if args.targets is None else ():
        importlib.import_module(module)
    for name in args.targets.split(',') if args.targets else TARGETS:
        faults, done, began = context.Queue(), context.Value('q', -1), time.monotonic()
        process = context.Process(target=run_target, args=(name, args.each, args.seed, faults, done))
        process.start()
        found: list[tuple[int, str, str]] = []
        while process.is_alive() or not faults.empty():
            try:
                found.append(faults.get(timeout=0.2))
            except Exception:
                continue
        process.join()
        if process.exitcode:
            found.append((done.value, '?', f'the process ended with {process.exitcode}'))
        total += len(found)
        print(f'{name}: {args.each} mutations, {len(found)} faults, {time.monotonic() - began:.0f} s', flush=True)
        kinds = Counter(text for _, _, text in found)
        for text, count in kinds.most_common(12):
            number, file, _ = next(fault for fault in found if fault[2] == text)
            print(f'  {count} × {text}  ({file}, number {number})', flush=True)
    print(json.dumps({'seed': args.seed, 'each': args.each, 'faults': total}))
    return int(total > 0)


if __name__ == '__main__':
    sys.exit(main())
