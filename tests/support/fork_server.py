"""Runs tools in forks of one process that has imported what they import: most of what a short run of a tool costs.

Each line of standard input is a job: ``{"argv": [script, …], "env": {…}, "cwd": …, "stdout": …, "stderr": …}``. The
exit code is printed when it is done (minus the signal's number for one that was killed). An empty line ends it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import sys
import traceback
from contextlib import suppress
from typing import Any

import PIL.Image
from unformatted_configs import leave_configs_unformatted

import mmseg_ext

IMPORTED_BY_FUNCTIONS = (
    'cv2', 'matplotlib.pyplot', 'mmseg.apis', 'mmseg.engine', 'onnxruntime', 'plotly.graph_objects', 'pyarrow.dataset',
    'rich.live', 'rich.table', 'setuptools', 'sklearn.metrics', 'sklearn.model_selection', 'torch.utils.cpp_extension',
)  # fmt: skip


def warm_up() -> None:
    """Have done what is done once a process, and keep the garbage collector from copying all of it into each fork."""
    modules = [module.name for module in pkgutil.walk_packages(mmseg_ext.__path__, 'mmseg_ext.')]
    for name in (*modules, *IMPORTED_BY_FUNCTIONS):
        with suppress(ImportError):  # an extra that is not installed, which a test then skips itself for
            importlib.import_module(name)
    leave_configs_unformatted()
    PIL.Image.init()
    with suppress(ImportError):
        import torch
        from mmseg.visualization import SegLocalVisualizer

        SegLocalVisualizer()
        torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
    gc.collect()
    gc.freeze()


def run(job: dict[str, Any]) -> int:
    """Run the script as ``python SCRIPT …`` would, and return its exit code."""
    for number, path in enumerate((os.devnull, job['stdout'], job['stderr'])):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(path, flags, 0o644), number)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=stream.isatty())  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(job['env'])
    os.chdir(job['cwd'])
    sys.argv = job['argv']
    sys.path[0] = os.path.dirname(job['argv'][0])
    try:
        runpy.run_path(job['argv'][0], run_name='__main__')
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def leave(code: int) -> None:
    """End without taking apart the imported modules, which takes longer than most runs."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == '__main__':
    warm_up()
    while line := sys.stdin.readline().strip():
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            leave(run(json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    leave(0)
