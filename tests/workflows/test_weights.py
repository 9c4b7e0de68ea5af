from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from payload import Payload

from mmseg_ext.errors import InputError
from mmseg_ext.weights import PUBLISHED
from mmseg_ext.workflows import weights
from mmseg_ext.workflows.weights import convert_weights, get_weights, list_weights


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``$MMSEG_EXT_WEIGHTS``, empty, and an empty cache."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('MMSEG_EXT_WEIGHTS', str(tmp_path / 'folder'))
    (tmp_path / 'folder').mkdir()
    return tmp_path / 'folder'


def write_onnx(path: Path, tensors: dict[str, Any], operators: list[str]) -> Path:
    onnx = pytest.importorskip('onnx')
    nodes = [onnx.helper.make_node(operator, ['x'], ['y']) for operator in operators]
    initializers = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()]
    graph = onnx.helper.make_graph(nodes, 'graph', [], [], initializers)
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    return path


def test_the_list_says_where_each_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / PUBLISHED['vgg16'].file).write_bytes(b'')
    rows = {row.weights.name: row for row in list_weights()}
    assert list(rows) == list(PUBLISHED)
    assert (rows['vgg16'].where, rows['vgg16'].path) == ('folder', folder / PUBLISHED['vgg16'].file)
    assert (rows['vgg11'].where, rows['vgg11'].path) == ('by download', None)
    assert rows['mobilenet-v2'].where == 'by conversion'
    assert rows['efficientnet-lite2'].where in ('by pip', 'package')

    def find(name: str) -> None:
        raise InputError(name, 'holds another file')

    monkeypatch.setattr(weights, 'find', find)
    assert {row.where for row in list_weights()} == {'wrong package'}


def test_getting_checks_all_names_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / PUBLISHED['vgg16'].file).write_bytes(b'')
    assert list(get_weights(['vgg16', 'vgg16-397923af.pth'])) == [folder / PUBLISHED['vgg16'].file] * 2
    monkeypatch.setattr(weights, 'resolve', lambda name: pytest.fail('nothing may be downloaded'))
    with pytest.raises(InputError, match=r'vgg17: no such weights; choose from efficientnet-lite0'):
        list(get_weights(['vgg16', 'vgg17']))


def test_a_file_is_converted_and_can_be_loaded(tmp_path: Path) -> None:
    state = {'conv1.weight': torch.rand(2, 3, 7, 7), 'fc.bias': torch.zeros(1)}
    torch.save(state, tmp_path / 'theirs.pth')
    out = tmp_path / 'new' / 'ours.pth'
    converted = convert_weights(tmp_path / 'theirs.pth', 'resnet', out)
    assert converted.dropped == ('fc.bias',)
    loaded = torch.load(out, weights_only=True)
    assert list(loaded) == ['conv1.weight']
    assert torch.equal(loaded['conv1.weight'], state['conv1.weight'])
    with pytest.raises(InputError, match=r'ours.pth: exists; replace it with `overwrite=True`'):
        convert_weights(tmp_path / 'theirs.pth', 'resnet', out)
    convert_weights(tmp_path / 'theirs.pth', 'resnet', out, overwrite=True)
    with pytest.raises(InputError, match='`backbone=resnet50`: must be one of convnext'):
        convert_weights(tmp_path / 'theirs.pth', 'resnet50', tmp_path / 'other.pth')


def test_an_onnx_file_is_read_by_the_names_of_its_weights(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3, 1, 1)
    source = write_onnx(tmp_path / 'net.onnx', {'conv1.weight': values}, ['Conv', 'BatchNormalization'])
    converted = convert_weights(source, 'resnet', tmp_path / 'ours.pth')
    np.testing.assert_array_equal(converted.state['conv1.weight'].numpy(), values)


def test_folded_norms_are_refused_where_the_backbone_has_norms(tmp_path: Path) -> None:
    source = write_onnx(tmp_path / 'net.onnx', {'features.0.weight': np.zeros(2, np.float32)}, ['Conv', 'Conv'])
    with pytest.raises(InputError, match=r'net.onnx: has its batch norms folded .*mobilenetv2-10 and -12'):
        convert_weights(source, 'mobilenet-v2', tmp_path / 'ours.pth')
    assert not (tmp_path / 'ours.pth').exists()
    convert_weights(source, 'vgg', tmp_path / 'ours.pth')


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({'conv1.weight': torch.zeros(1), 'x': Payload(tmp_path / 'trace')}, tmp_path / 'net.pth')
    with pytest.raises(InputError, match='could run code'):
        convert_weights(tmp_path / 'net.pth', 'resnet', tmp_path / 'ours.pth')
    assert not (tmp_path / 'trace').exists()
    assert not (tmp_path / 'ours.pth').exists()


@pytest.mark.parametrize(('name', 'message'), [('net.onnx', 'not an ONNX file'), ('net.pth', 'damaged')])
def test_a_damaged_file_is_one_line(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b'\xff' * 100)
    with pytest.raises(InputError, match=message) as caught:
        convert_weights(tmp_path / name, 'resnet', tmp_path / 'ours.pth')
    assert '\n' not in str(caught.value)
    with pytest.raises(InputError, match='no such'):
        convert_weights(tmp_path / f'other-{name}', 'resnet', tmp_path / 'ours.pth')
