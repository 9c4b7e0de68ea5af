"""Where the weights that a config starts from are found.

``weights://FILE`` names a file in the folder ``$MMSEG_EXT_WEIGHTS``. A URL is looked up there too, under its last part,
before it is downloaded: so a machine without network, or another file of the same keys, needs no change of the config.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mmengine.runner.checkpoint import CheckpointLoader, load_from_http

from mmseg_ext.errors import InputError
from mmseg_ext.runs.checkpoint_file import DownloadError

VARIABLE = 'MMSEG_EXT_WEIGHTS'
SCHEME = 'weights://'


def local_file(name: str) -> Path | None:
    """The file of that name in ``$MMSEG_EXT_WEIGHTS``, if the variable is set and the file is there."""
    folder = os.environ.get(VARIABLE)
    path = Path(folder).expanduser() / name if folder else None
    return path if path is not None and path.is_file() else None


@CheckpointLoader.register_scheme(prefixes=SCHEME, force=True)
def load_from_weights_folder(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load ``weights://FILE``.

    Raises:
        InputError: The variable is not set, or the file is not there.
    """
    name = filename.removeprefix(SCHEME)
    path = local_file(name)
    if path is None:
        folder = os.environ.get(VARIABLE)
        place = f'folder {folder} (${VARIABLE}) does not hold it' if folder else f'${VARIABLE} is not set'
        raise InputError(
            f'{name}: pretrained weights not found, {place}; put the file in a folder and set {VARIABLE} to it'
        )
    return CheckpointLoader.load_checkpoint(str(path), map_location)


@CheckpointLoader.register_scheme(prefixes=('http://', 'https://'), force=True)
def load_from_url(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load a URL: from ``$MMSEG_EXT_WEIGHTS`` where the file is there, else by download.

    Raises:
        InputError: It is not there and cannot be downloaded.
    """
    name = filename.rsplit('/', 1)[-1]
    path = local_file(name)
    if path is not None:
        return CheckpointLoader.load_checkpoint(str(path), map_location)
    try:
        return load_from_http(filename, map_location)
    except DownloadError as error:
        raise InputError(f'{error}, or put the file, named {name}, in a folder and set {VARIABLE} to it') from error
