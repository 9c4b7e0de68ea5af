"""The exporter on the smallest network of a family whose shapes a tracer gets wrong, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmseg_ext.data.classes import Classes
from mmseg_ext.errors import InputError
from mmseg_ext.inference.network import ModelInfo

torch = pytest.importorskip('torch')
pytest.importorskip('mmseg')
pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

INFO = ModelInfo(
    Classes(('a', 'b', 'c'), ((0, 0, 0), (1, 2, 3), (4, 5, 6))), (1.0, 2.0, 3.0), (4.0, 5.0, 6.0), size=(64.0, 64.0)
)
HEAD = dict(channels=4, num_classes=3, norm_cfg=dict(type='BN'), dropout_ratio=0)
# Its attention reshapes by height and width, which a tracer would fix.
SEGFORMER = dict(
    type='EncoderDecoder',
    test_cfg=dict(mode='whole'),
    backbone=dict(
        type='MixVisionTransformer', embed_dims=4, num_stages=1, num_layers=[1], num_heads=[1], patch_sizes=[7],
        strides=[4], sr_ratios=[8], out_indices=(0,),
    ),
    decode_head=dict(
        type='SegformerHead', in_channels=[4], in_index=[0], channels=4, num_classes=3, norm_cfg=dict(type='BN'),
        loss_decode=dict(type='mmseg_ext.CrossEntropyLoss'),
    ),
)  # fmt: skip


class Fake:
    """Gives each pixel its scores by its first channel."""

    def __init__(self, scores: dict[float, list[float]], info: ModelInfo = INFO) -> None:
        self.scores, self.info, self.shapes = scores, info, []

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        self.shapes.append(inputs.shape)
        result = np.zeros((len(inputs), 3, *inputs.shape[2:]), np.float32)
        for value, scores in self.scores.items():
            result = np.where(np.isclose(inputs[:, :1], value), np.array(scores)[:, None, None], result)
        return result.astype(np.float32)


def test_every_size_and_batch_gives_what_torch_gives(tmp_path: Path) -> None:
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    from mmseg_ext.inference.export_onnx import write_onnx
    from mmseg_ext.inference.onnx_network import OnnxNetwork
    from mmseg_ext.inference.torch_network import TorchNetwork

    init_default_scope('mmseg')
    torch.manual_seed(0)
    network = TorchNetwork.__new__(TorchNetwork)
    network.model = MODELS.build(SEGFORMER).eval()
    network.info, network.device, network._dtype = INFO, 'cpu', None
    path = tmp_path / 'model.onnx'
    write_onnx(network, path)
    exported = OnnxNetwork(path)
    assert exported.info == INFO
    assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()  # no traces of the machine it was made on
    for shape in ((1, 3, 32, 64), (3, 3, 64, 32), (2, 3, 96, 96)):
        inputs = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        with torch.no_grad():
            expected = network.model.decode_head(network.model.backbone(torch.from_numpy(inputs)))
            expected = torch.nn.functional.interpolate(expected, shape[2:], mode='bilinear').numpy()
        assert expected.std() > 1e-3
        np.testing.assert_allclose(exported.logits(inputs), expected, atol=1e-5)


def test_the_agreement_is_counted_over_all_pixels() -> None:
    from mmseg_ext.inference.export_onnx import compare

    info = replace(INFO, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    one = Fake({0: [3, 1, 0], 9: [0, 1, 0]}, info)
    other = Fake({0: [3, 2.5, 0], 9: [1.25, 1, 0]}, info)  # differs everywhere; another class where the value is 9
    zero, nine = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 9, np.uint8)
    agreement = compare(one, other, [zero, zero, nine])
    assert (agreement.images, agreement.largest) == (3, 1.5)
    assert agreement.equal == pytest.approx(2 / 3)
    one.shapes.clear()
    assert compare(one, one, [zero] * 6).equal == 1
    assert one.shapes[::2] == [(1, 3, 64, 64)] * 2 + [(4, 3, 192, 256)]  # the last four together, in another shape
    binary = replace(info, threshold=0.5)
    low, high = (type('Binary', (), {'info': binary, 'logits': lambda s, x, v=v: x[:, :1] * 0 + v})() for v in (-1, 1))
    assert compare(low, high, [zero]).equal == 0
    assert compare(high, high, [zero]).equal == 1


def test_a_model_that_disagrees_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmseg_ext.inference import export_onnx

    monkeypatch.setattr(export_onnx, 'TorchNetwork', lambda *args, **options: Fake({0: [1, 0, 0]}))
    monkeypatch.setattr(export_onnx, 'OnnxNetwork', lambda *args: Fake({0: [0, 1, 0]}))
    monkeypatch.setattr(export_onnx, 'write_onnx', lambda network, path: path.write_text('model'))
    black = np.full((64, 64, 3), [1, 0, 0], np.uint8)  # becomes 0 in the first channel
    with pytest.raises(InputError, match=r'only 0\.000% of the pixels.*was not written') as caught:
        export_onnx.export_onnx('config.py', 'a.pth', tmp_path / 'model.onnx', [black])
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from mmseg_ext.inference.export_int8 import quantise
    from mmseg_ext.inference.export_onnx import write_onnx

    for name in ('onnx', 'onnxscript'):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r'pip install -e "\.\[export\]"'):
        write_onnx(Fake({}), tmp_path / 'a.onnx')  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r'pip install -e "\.\[export\]"'):
        quantise(tmp_path / 'a.onnx', tmp_path / 'b.onnx', [])


def test_what_is_read_from_a_config() -> None:
    from mmengine.config import Config

    from mmseg_ext.inference.torch_network import describe_model

    resize = [dict(type='Resize', scale=(2048, 512), keep_ratio=True)]
    views = [dict(type='mmcv.Resize', scale=(size, size), keep_ratio=True) for size in (256, 320)]
    flips = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)]
    content: dict[str, Any] = dict(
        model=dict(
            data_preprocessor=dict(mean=[1, 2, 3], std=[4, 5, 6], bgr_to_rgb=True),
            test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(341, 341)),
        ),
        test_dataloader=dict(dataset=dict(pipeline=[dict(type='LoadImageFromFile'), *resize])),
        tta_pipeline=[dict(type='TestTimeAug', transforms=[views, flips])],
    )
    model = type('Model', (), {'out_channels': 3})()
    found = describe_model(Config(content), INFO.classes, model)
    assert found == ModelInfo(
        INFO.classes, (1, 2, 3), (4, 5, 6), 'rgb', (2048, 512), ((256, 256), (320, 320)), True, 'slide', 512, 341
    )
    content = dict(
        model=dict(test_cfg=dict(mode='whole')), test_pipeline=[dict(type='Resize', scale=300, keep_ratio=True)]
    )
    model = type('Binary', (), {'out_channels': 1, 'decode_head': type('Head', (), {'threshold': 0.3})()})()
    found = describe_model(Config(content), INFO.classes, model)
    assert (found.mean, found.std, found.channels, found.size) == ((0, 0, 0), (1, 1, 1), 'bgr', (300, 300))
    assert (found.tta_sizes, found.tta_flip, found.mode, found.tile, found.threshold) == ((), False, 'whole', 300, 0.3)
    assert json.loads(found.to_json())['threshold'] == 0.3
