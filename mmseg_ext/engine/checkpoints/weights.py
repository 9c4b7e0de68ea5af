"""Loaders of the weights that a config starts from, by the scheme of their address.

``weights://FILE`` names a file in the folder ``$MMSEG_EXT_WEIGHTS``. A URL is looked up there too, under its last part,
before it is downloaded: so a machine without network, or another file of the same keys, needs no change of the config.
`mmseg_ext.engine.mmengine_internals.strict_loading` hands them to mmengine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.runner.checkpoint import load_from_http

from mmseg_ext.errors import InputError
from mmseg_ext.runs.checkpoint_file import DownloadError, load_checkpoint_file

VARIABLE = 'MMSEG_EXT_WEIGHTS'
SCHEME = 'weights://'


def local_file(name: str) -> Path | None:
    """Return the file of that name in ``$MMSEG_EXT_WEIGHTS``, or None."""
    folder = os.environ.get(VARIABLE)
    path = Path(folder).expanduser() / name if folder else None
    return path if path is not None and path.is_file() else None


def load_from_local(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load a path.

    Raises:
        InputError: The file is missing, damaged, or needs code to be read.
    """
    return load_checkpoint_file(filename, map_location)


def load_from_weights_folder(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load ``weights://FILE``.

    Raises:
        InputError: The variable is not set, the file is not there, or it cannot be read.
    """
    name = filename.removeprefix(SCHEME)
    path = local_file(name)
    if path is None:
        folder = os.environ.get(VARIABLE)
        place = f'folder {folder} (${VARIABLE}) does not hold it' if folder else f'${VARIABLE} is not set'
        raise InputError(
            name, f'pretrained weights not found, {place}', f'put the file in a folder and set {VARIABLE} to it'
        )
    return load_checkpoint_file(path, map_location)


def load_from_url(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load a URL: from ``$MMSEG_EXT_WEIGHTS`` where the file is there, else by download.

    Raises:
        InputError: It is not there and cannot be downloaded, or cannot be read.
    """
    name = filename.rsplit('/', 1)[-1]
    path = local_file(name)
    if path is not None:
        return load_checkpoint_file(path, map_location)
    try:
        checkpoint: dict[str, Any] = load_from_http(filename, map_location)  # strict as long as this loader is in use
    except DownloadError as error:
        raise InputError(
            error.subject,
            error.problem,
            f'{error.remedy}, or put the file, named {name}, in a folder and set {VARIABLE} to it',
        ) from error
    return checkpoint


# mmengine prints their names without ``load_from_``.
LOADERS: dict[str, Callable[..., dict[str, Any]]] = {
    '': load_from_local,
    SCHEME: load_from_weights_folder,
    'http://': load_from_url,
    'https://': load_from_url,
}
