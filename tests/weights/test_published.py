from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mmseg_ext.weights import PUBLISHED, SCHEME, published
from mmseg_ext.weights.download import matches


def references(node: Any) -> list[str]:
    """Every ``checkpoint`` of the ``init_cfg`` in a config."""
    if not isinstance(node, (dict, list, tuple)):
        return []
    values = node.values() if isinstance(node, dict) else node
    own = [node['checkpoint']] if isinstance(node, dict) and isinstance(node.get('checkpoint'), str) else []
    return own + [found for value in values for found in references(value)]


def test_every_pretrained_reference_of_the_configs_is_in_the_table(repo_root: Path) -> None:
    Config = pytest.importorskip('mmengine').Config
    found = {}
    for path in sorted((repo_root / 'configs').rglob('*.py')):
        model = Config.fromfile(path).get('model')
        if model is not None:
            found |= dict.fromkeys(references(model.to_dict()), path.name)
    assert len(found) > 10
    assert [text for text in found if not text.startswith((SCHEME, 'https://'))] == []
    assert {text: path for text, path in found.items() if published(text.removeprefix(SCHEME)) is None} == {}


def test_names_files_and_addresses_mean_one_entry() -> None:
    texts = [text for entry in PUBLISHED.values() for text in (entry.name, entry.file, entry.url) if text]
    assert len(texts) == len(set(texts))
    assert all(published(text) is not None for text in texts)
    assert published('other') is None
    assert published('') is None


def test_every_entry_can_be_got_and_says_what_it_is() -> None:
    for entry in PUBLISHED.values():
        assert entry.package or entry.url or 'mmseg-ext weights convert' in entry.how, entry.name
        assert entry.source
        assert entry.licence
        assert entry.megabytes > 1
        assert entry.top1 is None or 60 < entry.top1 < 90
        assert entry.url is None or entry.url.endswith(f'/{entry.file}')
        assert entry.sha256 is None or re.fullmatch('[0-9a-f]{64}', entry.sha256)
        assert entry.num_bytes is None or round(entry.num_bytes / 1e6, 1) == entry.megabytes
        if entry.checksum and re.search(r'-[0-9a-f]{8}\.pth$', entry.file):
            assert entry.checksum.startswith(entry.file[-12:-4])


def test_the_packages_are_those_of_the_extra(repo_root: Path) -> None:
    extras = tomllib.loads((repo_root / 'pyproject.toml').read_text())['project']['optional-dependencies']
    assert sorted(extras['weights']) == sorted(entry.package for entry in PUBLISHED.values() if entry.package)


def test_the_table_in_the_documentation_is_this_one(repo_root: Path) -> None:
    text = (repo_root / 'docs' / 'weights.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| `([\w-]+)` \| (.+) \| (.+) \| ([\d.]+) \| ([\d.–]+) \| by \w+ \|$', text, re.MULTILINE)
    assert rows == [
        (entry.name, entry.source, entry.licence, f'{entry.megabytes:.1f}', f'{entry.top1:.1f}' if entry.top1 else '–')
        for entry in PUBLISHED.values()
    ]


@pytest.mark.parametrize('name', ['mobilenet-v2', 'resnet-v2-50-c4'])
def test_the_checksums_are_those_of_the_real_files(name: str, shared_data: Path) -> None:
    entry = PUBLISHED[name]
    path = shared_data / 'weights' / entry.file
    if not path.is_file():
        pytest.skip(f'needs {path}')
    assert matches(path, entry.num_bytes, entry.checksum)
