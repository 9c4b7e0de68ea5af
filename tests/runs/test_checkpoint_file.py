from __future__ import annotations

import io
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint

from mmseg_ext.engine.mmengine_internals import strict_loading
from mmseg_ext.errors import InputError
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file, load_strictly
from mmseg_ext.weights.download import DownloadError


@pytest.fixture
def strict() -> Iterator[None]:
    with strict_loading():
        yield


def test_the_payload_works_where_nothing_stops_it(foreign: tuple[Path, Path]) -> None:
    torch.load(foreign[0], weights_only=False)
    assert foreign[1].is_dir()


def test_a_pickle_with_code_is_refused_and_not_run(foreign: tuple[Path, Path]) -> None:
    path, trace = foreign
    with pytest.raises(InputError, match='pickled objects, which could run code') as caught:
        load_checkpoint_file(path)
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)
    assert not trace.exists()


def _open_loader(path: Path) -> None:
    with path.open('rb') as stream:
        mmengine_checkpoint._safe_torch_load(stream)


@pytest.mark.parametrize(
    'load',
    [
        lambda path: CheckpointLoader.load_checkpoint(str(path)),
        lambda path: mmengine_checkpoint.load_checkpoint(torch.nn.Linear(1, 1), str(path)),
        lambda path: mmengine_checkpoint._safe_torch_load(str(path), weights_only=False),
        lambda path: BaseModule(init_cfg={'type': 'Pretrained', 'checkpoint': str(path)}).init_weights(),
        _open_loader,
    ],
    ids=['loader', 'model', 'weights_only_false', 'init_cfg', 'file_object'],
)
def test_no_way_into_mmengine_runs_the_code(
    load: Callable[[Path], Any], foreign: tuple[Path, Path], strict: None
) -> None:
    path, trace = foreign
    with pytest.raises(InputError, match='could run code'):
        load(path)
    assert not trace.exists()


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web server of the temporary folder, and a cache of its own for what is downloaded."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('no_proxy', '*')
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_address[1]}'
        server.shutdown()


def test_a_downloaded_pickle_does_not_run_either(
    foreign: tuple[Path, Path], address: str, tmp_path: Path, strict: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match='could run code') as caught:
        CheckpointLoader.load_checkpoint(f'{address}/foreign.pth')
    assert address in str(caught.value)
    assert not foreign[1].exists()
    with pytest.raises(InputError, match='404'):
        CheckpointLoader.load_checkpoint(f'{address}/none.pth')
    monkeypatch.setattr(mmengine_checkpoint, 'get_torchvision_models', lambda: {'net': f'{address}/foreign.pth'})
    with pytest.raises(InputError, match='could run code'):
        CheckpointLoader.load_checkpoint('torchvision://net')
    assert not foreign[1].exists()
    torch.save({'value': 1}, tmp_path / 'good.pth')
    for _ in range(2):  # the second time from the cache
        assert CheckpointLoader.load_checkpoint(f'{address}/good.pth') == {'value': 1}
        (tmp_path / 'good.pth').unlink(missing_ok=True)


def test_a_download_is_checked_like_any_file(address: str, tmp_path: Path, strict: None) -> None:
    torch.save({'weight': torch.rand(4096)}, tmp_path / 'x.pth')
    content = bytearray((tmp_path / 'x.pth').read_bytes())
    content[8192] ^= 1
    (tmp_path / 'x.pth').write_bytes(content)
    pack(tmp_path / 'bomb.pth')
    for name, problem in [('x.pth', 'Bad CRC-32'), ('bomb.pth', 'would unpack from')]:
        kept = tmp_path / 'cache' / 'hub' / 'checkpoints' / name
        with pytest.raises(InputError, match=rf'{address}/{name}: .*{problem}.*downloaded to {kept}; remove that file'):
            CheckpointLoader.load_checkpoint(f'{address}/{name}')


def test_an_address_of_another_form_is_one_line(strict: None) -> None:
    with pytest.raises(InputError, match=r'^http://\[x/net\.pth: .*Invalid IPv6 URL'):
        CheckpointLoader.load_checkpoint('http://[x/net.pth')


def test_an_address_without_a_server_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, strict: None) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('no_proxy', '*')
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(('127.0.0.1', 0))
        url = f'http://127.0.0.1:{taken.getsockname()[1]}/net.pth'
        with pytest.raises(DownloadError, match=r'cannot be downloaded .*refused') as caught:
            mmengine_checkpoint.load_from_http(url)
    assert url in str(caught.value)
    assert '\n' not in str(caught.value)


def test_getattr_which_mmengine_allows_is_refused(tmp_path: Path) -> None:
    class Reach:
        def __reduce__(self) -> tuple[Any, ...]:
            return getattr, (HistoryBuffer, '__init__')

    torch.save({'state_dict': {}, 'meta': Reach()}, tmp_path / 'x.pth')
    with pytest.raises(InputError, match='could run code'):
        load_checkpoint_file(tmp_path / 'x.pth')


def test_what_mmengine_itself_saves_is_read(tmp_path: Path) -> None:
    value = {'buffer': HistoryBuffer([1.0, 2.0], [1, 1]), 'array': np.arange(3, dtype=np.float32), 'one': np.int64(4)}
    torch.save(value, tmp_path / 'x.pth')
    loaded = load_checkpoint_file(tmp_path / 'x.pth')
    assert loaded['buffer'].mean() == 1.5
    np.testing.assert_array_equal(loaded['array'], value['array'])
    assert loaded['one'] == 4


@pytest.mark.parametrize('fraction', [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_named(fraction: float, tmp_path: Path) -> None:
    path = tmp_path / 'x.pth'
    torch.save({'state_dict': {'weight': torch.rand(100)}}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(InputError, match='damaged') as caught:
        load_checkpoint_file(path)
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_flipped_bit_is_noticed_wherever_it_matters(tmp_path: Path) -> None:
    """torch.load alone returns other weights for most of these files."""
    path = tmp_path / 'x.pth'
    saved = {'state_dict': {'weight': torch.rand(300)}, 'meta': {'iter': 40, 'notes': ['a', 'b']}}
    torch.save(saved, path)
    content = path.read_bytes()
    refused = 0
    for bit in np.random.default_rng(0).choice(8 * len(content), 150, replace=False):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            loaded = load_checkpoint_file(path)
        except InputError:
            refused += 1
        else:  # the bit is one of padding, or of a date
            assert torch.equal(loaded['state_dict']['weight'], saved['state_dict']['weight'])
            assert loaded['meta'] == saved['meta']
    assert refused > 50


def test_lost_blocks_are_noticed_in_an_open_file_too(tmp_path: Path) -> None:
    path = tmp_path / 'x.pth'
    torch.save({'weight': torch.rand(4096)}, path)
    with path.open('rb') as stream:
        assert load_strictly(stream)['weight'].shape == (4096,)
    content = bytearray(path.read_bytes())
    content[8192:12288] = bytes(4096)
    path.write_bytes(content)
    with pytest.raises(InputError, match='damaged'):
        load_checkpoint_file(path)
    with path.open('rb') as stream, pytest.raises(InputError, match='damaged'):
        load_strictly(stream)


def pack(path: Path) -> None:
    """Write a checkpoint of zeros, compressed."""
    content = io.BytesIO()
    torch.save({'weight': torch.zeros(1 << 20)}, content)
    with zipfile.ZipFile(content) as plain, zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as packed:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))


def test_a_checkpoint_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / 'x.pth'
    pack(path)
    with pytest.raises(InputError, match=r'would unpack from [\d,]+ to 4,\d{3},\d{3} bytes'):
        load_checkpoint_file(path)


def test_other_files_are_named(tmp_path: Path) -> None:
    (tmp_path / 'notes.pth').write_text('no checkpoint\n')
    torch.save([1, 2], tmp_path / 'list.pth')
    for name, message in [
        ('notes.pth', 'not a checkpoint'),
        ('list.pth', 'list'),
        ('none.pth', 'no such'),
        ('.', 'no such'),
    ]:
        with pytest.raises(InputError, match=message):
            load_checkpoint_file(tmp_path / name)
