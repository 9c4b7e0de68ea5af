"""A batch of files written as a whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmseg_ext.errors import InputError
from mmseg_ext.files import make_folder


def refuse_existing(paths: Iterable[Path], overwrite: bool) -> None:
    """Refuse to replace files unless that was asked for.

    Raises:
        InputError: One of the files exists.
    """
    if not overwrite:
        for path in paths:
            if path.exists():
                raise InputError(f'{path}: exists; give --overwrite to replace it, or another --out')


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder whose files are moved to ``folder`` when the block ends without an exception.

    Otherwise ``folder`` stays as it was (unless the moving itself fails halfway). The
    moved files replace those of the same name.
    """
    new = not folder.exists()
    make_folder(folder)
    try:
        stage = Path(tempfile.mkdtemp(prefix='.part-', dir=folder))
    except OSError as error:
        raise InputError(f'{folder}: cannot be written to ({error.strerror}); choose another folder') from error
    done = False
    try:
        yield stage
        for path in sorted(path for path in stage.rglob('*') if path.is_file()):
            target = folder / path.relative_to(stage)
            make_folder(target.parent)
            path.replace(target)
        done = True
    except OSError as error:
        problem = error.strerror or error
        raise InputError(f'{folder}: cannot be written to ({problem}); choose another folder') from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if new and not done:
            with suppress(OSError):
                folder.rmdir()
