"""Many short trainings in one process: ``python -m tests.soak.starts --trainings 1000 --tracked 50``.

Each starts and stops the hooks and the workers of its loaders; some log offline to ClearML besides. The command ends
with 1 if a process, a thread, a file descriptor or a segment of shared memory is left.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

WARM_UP = 5  # trainings before the first count: what is loaded once stays


def count() -> dict[str, set[str]]:
    """What this process holds: children (by name), threads, open files, segments of shared memory."""
    gc.collect()
    children = Path(f'/proc/{os.getpid()}/task/{os.getpid()}/children').read_text().split()
    files = {f'{path.name}: {path.readlink()}' for path in Path('/proc/self/fd').iterdir() if path.is_symlink()}
    threads = {f'{thread.name} {thread.ident}' for thread in threading.enumerate()}
    segments = {path.name for path in Path('/dev/shm').glob('torch_*')}
    return {'children': set(children), 'threads': threads, 'files': files, 'shared memory': segments}


def memory() -> float:
    """Return the memory of this process in MiB."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20


def main() -> int:
    """Parse, train, compare the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--trainings', type=int, default=1000)
    parser.add_argument('--tracked', type=int, default=50, metavar='N', help='how many of them log to ClearML')
    args = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1] / 'support'))
    import toy

    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix='mmseg-ext-starts-'))
    os.environ['HOME'] = str(folder)
    before: dict[str, set[str]] = {}
    start_memory = 0.0
    every = max(1, args.trainings // max(1, args.tracked))
    tracked = 0
    for number in range(args.trainings + WARM_UP):
        if number == WARM_UP:
            before, start_memory = count(), memory()
        work_dir = folder / str(number)
        changes: dict[str, Any] = {}
        if args.tracked and number % every == 0:
            tracked += number >= WARM_UP
            backend = {'type': 'mmseg_ext.ClearMLBackend', 'mode': 'offline'}
            changes['visualizer'] = {'type': 'Visualizer', 'vis_backends': [backend], 'name': f'v{number}'}
            changes['cfg'] = {'work_dir': str(work_dir)}
        hooks = [*toy.CURVES, {'type': 'EMAHook'}, {'type': 'mmseg_ext.ClearMLHook'}]
        toy.build_runner(work_dir, epochs=1, workers=1, custom_hooks=hooks, log_level='ERROR', **changes).train()
        shutil.rmtree(work_dir, ignore_errors=True)
        if number % 50 == 0:
            print(f'{number}: {memory():.0f} MiB, {time.monotonic() - began:.0f} s', flush=True)
    after = count()
    left = {kind: sorted(after[kind] - before[kind]) for kind in after}
    print(f'{args.trainings} trainings, {tracked} of them tracked, {(time.monotonic() - began) / 60:.1f} min')
    print(f'memory: {start_memory:.0f} → {memory():.0f} MiB')
    for kind, names in left.items():
        print(f'{kind}: {len(before[kind])} → {len(after[kind])}; new: {names[:5]}')
    shutil.rmtree(folder, ignore_errors=True)
    return int(any(len(after[kind]) > len(before[kind]) for kind in after))


if __name__ == '__main__':
    sys.exit(main())
