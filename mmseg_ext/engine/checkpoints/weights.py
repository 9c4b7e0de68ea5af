"""Loaders for the weights that a config starts from, by the scheme of their address.

`mmseg_ext.weights` finds ``weights://NAME`` in the folder ``$MMSEG_EXT_WEIGHTS``, in an installed package, or by
download. A URL is looked up in that folder too, under its last part, before it is downloaded. So a machine without
network, or another file with the same keys, needs no change of the config.
`mmseg_ext.engine.mmengine_internals.strict_loading` hands the loaders to mmengine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmengine.runner.checkpoint import load_from_http

from mmseg_ext.runs.checkpoint_file import load_checkpoint_file
from mmseg_ext.weights import SCHEME, VARIABLE, local_file, published, resolve
from mmseg_ext.weights.download import DownloadError


def load_from_local(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load a path.

    Raises:
        InputError: The file is missing, damaged, or needs code to be read.
    """
    return load_checkpoint_file(filename, map_location)


def load_from_weights(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load ``weights://NAME``, without its classifier if the table names that part.

    Raises:
        InputError: `mmseg_ext.weights.resolve` does not find it, or it cannot be read.
    """
    state = load_checkpoint_file(resolve(filename), map_location)
    entry = published(filename.removeprefix(SCHEME))
    for key in [key for key in state if entry is not None and key.partition('.')[0] in entry.classifier]:
        del state[key]  # mmengine would warn about each at every start
    return state


def load_from_url(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load a URL from ``$MMSEG_EXT_WEIGHTS`` if the file is there, else by download.

    An address in the table of `mmseg_ext.weights` is checked and kept in its cache, any other in torch's cache.

    Raises:
        InputError: It is not there and cannot be downloaded, or cannot be read.
    """
    if published(filename) is not None:
        return load_checkpoint_file(resolve(filename), map_location)
    name = filename.rsplit('/', 1)[-1]
    path = local_file(name)
    if path is not None:
        return load_checkpoint_file(path, map_location)
    try:
        checkpoint: dict[str, Any] = load_from_http(filename, map_location)  # strict as long as this loader is in use
    except DownloadError as error:
        raise DownloadError(
            error.subject,
            error.problem,
            f'{error.remedy}, or put the file, named {name}, in a folder and set {VARIABLE} to it',
        ) from error
    return checkpoint


# mmengine prints their names without ``load_from_``.
LOADERS: dict[str, Callable[..., dict[str, Any]]] = {
    '': load_from_local,
    SCHEME: load_from_weights,
    'http://': load_from_url,
    'https://': load_from_url,
}
