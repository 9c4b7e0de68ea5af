from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from mmengine.runner import CheckpointLoader
from payload import Payload
from torch import nn

from mmseg_ext.engine.mmengine_internals import strict_loading
from mmseg_ext.errors import InputError
from mmseg_ext.weights import local_file

STATE = OrderedDict(weight=torch.full((1, 1), 3.0), bias=torch.full((1,), 4.0))
URL = 'https://example.invalid/models/net.pth'


class Linear(BaseModule):
    def __init__(self, **init: Any) -> None:
        super().__init__({'type': 'Pretrained', **init})
        self.weight = nn.Parameter(torch.zeros(1, 1))
        self.bias = nn.Parameter(torch.zeros(1))


@pytest.fixture(autouse=True)
def _strict() -> Iterator[None]:
    with strict_loading():
        yield


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``$MMSEG_EXT_WEIGHTS``, with one file."""
    monkeypatch.setenv('MMSEG_EXT_WEIGHTS', str(tmp_path))
    torch.save(STATE, tmp_path / 'net.pth')
    return tmp_path


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise URLError('Name or service not known')

    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr('urllib.request.urlopen', fail)


def refused(name: str) -> str:
    with pytest.raises(InputError) as caught:
        CheckpointLoader.load_checkpoint(name)
    assert '\n' not in str(caught.value)
    return str(caught.value)


class TestScheme:
    def test_a_file_of_the_folder(self, folder: Path) -> None:
        loaded = CheckpointLoader.load_checkpoint('weights://net.pth', 'cpu')
        assert loaded.keys() == STATE.keys()
        assert all(torch.equal(loaded[key], STATE[key]) for key in STATE)

    def test_in_a_home_folder(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv('HOME', str(folder))
        monkeypatch.setenv('MMSEG_EXT_WEIGHTS', '~')
        assert local_file('net.pth') == folder / 'net.pth'

    def test_a_folder_of_that_name_is_no_file(self, folder: Path) -> None:
        (folder / 'other.pth').mkdir()
        assert 'does not hold it' in refused('weights://other.pth')

    def test_a_file_with_code_is_refused_and_the_code_not_run(self, folder: Path) -> None:
        torch.save({'state_dict': STATE, 'meta': Payload(folder / 'trace')}, folder / 'foreign.pth')
        text = refused('weights://foreign.pth')
        assert text.startswith(f'{folder / "foreign.pth"}: holds pickled objects, which could run code')
        with pytest.raises(InputError, match='could run code'):
            Linear(checkpoint='weights://foreign.pth').init_weights()
        assert not (folder / 'trace').exists()


class TestUrl:
    @pytest.mark.parametrize('url', [URL, 'http://example.invalid/net.pth'])
    def test_a_file_of_that_name_spares_the_download(self, url: str, folder: Path, no_network: None) -> None:
        assert CheckpointLoader.load_checkpoint(url)['bias'].item() == 4

    def test_without_network_the_message_says_where_to_put_the_file(
        self, no_network: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv('MMSEG_EXT_WEIGHTS', raising=False)
        text = refused(URL)
        assert text.startswith(f'{URL}: cannot be downloaded (Name or service not known)')
        assert 'put the file, named net.pth, in a folder and set MMSEG_EXT_WEIGHTS to it' in text


class TestTable:
    ADDRESS = 'https://download.pytorch.org/models/vgg16-397923af.pth'

    def test_an_address_of_the_table_is_kept_in_our_cache(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv('MMSEG_EXT_WEIGHTS', raising=False)
        asked = []

        def download(url: str, path: Path, **expected: Any) -> Path:
            asked.append((url, expected))
            path.parent.mkdir(parents=True)
            torch.save(STATE, path)
            return path

        monkeypatch.setattr('mmseg_ext.weights.resolver.download', download)
        assert CheckpointLoader.load_checkpoint(self.ADDRESS)['bias'].item() == 4
        assert asked == [(self.ADDRESS, {'num_bytes': None, 'checksum': '397923af'})]


class TestPretrained:
    def test_values_are_loaded(self, folder: Path) -> None:
        net = Linear(checkpoint='weights://net.pth')
        net.init_weights()
        assert (net.weight.item(), net.bias.item()) == (3, 4)

    def test_parts_may_miss_on_either_side(self, folder: Path) -> None:
        torch.save({'state_dict': {'bias': STATE['bias'], 'fc.weight': torch.ones(2)}}, folder / 'part.pth')
        net = Linear(checkpoint='weights://part.pth')
        net.init_weights()
        assert (net.weight.item(), net.bias.item()) == (0, 4)

    @pytest.mark.parametrize(
        'state',
        [
            {'other.weight': torch.ones(1, 1)},
            {'backbone.bias': torch.ones(1)},
            {'weight': torch.ones(5, 5)},
            {'weight': 1},
            {},
        ],
        ids=['names', 'prefix', 'shapes', 'no tensor', 'empty'],
    )
    def test_a_file_with_nothing_in_common_is_refused(self, state: dict[str, Any], folder: Path) -> None:
        torch.save({'state_dict': state}, folder / 'other.pth')
        net = Linear(checkpoint='weights://other.pth')
        with pytest.raises(InputError) as caught:
            net.init_weights()
        text = str(caught.value)
        assert '\n' not in text
        assert text.startswith('weights://other.pth: holds weights of another network')
        for part in (*list(state), 'Linear', 'weight, bias', '`prefix:`'):
            assert part in text

    def test_a_prefix_is_followed(self, folder: Path) -> None:
        torch.save({'state_dict': {f'backbone.{key}': value for key, value in STATE.items()}}, folder / 'whole.pth')
        net = Linear(checkpoint='weights://whole.pth', prefix='backbone')
        net.init_weights()
        assert (net.weight.item(), net.bias.item()) == (3, 4)
        with pytest.raises(InputError, match=r'weights://whole.pth: neck.* correct `prefix:`'):
            Linear(checkpoint='weights://whole.pth', prefix='neck').init_weights()

    def test_later_loading_is_free_again(self, folder: Path) -> None:
        """The check belongs to the initialisation; what a runner loads afterwards is checked by the runner."""
        net = Linear(checkpoint='weights://net.pth')
        net.init_weights()
        assert not net._load_state_dict_pre_hooks
        assert net.load_state_dict({}, strict=False).missing_keys == ['weight', 'bias']

    def test_a_backbone_of_mmseg_is_checked_too(self, folder: Path) -> None:
        from mmseg.registry import MODELS

        init = {'type': 'Pretrained', 'checkpoint': URL}
        config = {'type': 'ResNetV1c', 'depth': 18, 'stem_channels': 8, 'base_channels': 8, 'init_cfg': init}
        with DefaultScope.overwrite_default_scope('mmseg'):
            net = MODELS.build(config)
            with pytest.raises(InputError, match=r'another network.*ResNetV1c'):
                net.init_weights()


def test_the_classifier_of_published_weights_is_left_out_and_nothing_else(folder: Path) -> None:
    keys = ('_conv_stem.weight', '_fc.bias', '_bn0.weight', '_bn1.weight', '_conv_head.weight', 'foreign.weight')
    torch.save({key: torch.zeros(1) for key in keys}, folder / 'efficientnet-lite2-9656183e.pth')
    state = CheckpointLoader.load_checkpoint('weights://efficientnet-lite2', logger='silent')
    assert list(state) == ['_conv_stem.weight', '_bn0.weight', 'foreign.weight']
