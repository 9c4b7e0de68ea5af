"""Real heads of every kind, narrow, with and without a block."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_ext.models.attention import CBAM, SE

CHANNELS = (8, 12, 16, 20)
COMMON: dict[str, Any] = {
    'channels': 32,
    'num_classes': 3,
    'dropout_ratio': 0.1,
    'norm_cfg': {'type': 'BN'},
    'loss_decode': {'type': 'mmseg_ext.CrossEntropyLoss'},
}
ALL: dict[str, Any] = {'in_channels': list(CHANNELS), 'in_index': [0, 1, 2, 3]}
ASPP: dict[str, Any] = {'in_channels': 20, 'dilations': (1, 2), 'c1_in_channels': 8, 'c1_channels': 4}
OCR: dict[str, Any] = {'in_channels': 20, 'ocr_channels': 8}
HEADS: dict[str, dict[str, Any]] = {
    'FCNHead': {'in_channels': 20, 'num_convs': 1},
    'DepthwiseSeparableASPPHead': ASPP,
    'SegformerHead': ALL,
    'FPNHead': {**ALL, 'feature_strides': [4, 8, 16, 32]},
    'mmseg_ext.SemanticFPNHead': {**ALL, 'feature_strides': [4, 8, 16, 32]},
    'mmseg_ext.SkipASPPHead': {'in_channels': list(CHANNELS), 'skip_channels': [4, 4, 4], 'dilations': (1, 2)},
    'mmseg_ext.HamHead': {**ALL, 'ham_channels': 32, 'norm_cfg': {'type': 'GN', 'num_groups': 4}},
    'OCRHead': OCR,
}
CBAM_BLOCK = {'type': 'mmseg_ext.CBAM', 'reduction': 4}
every_head = pytest.mark.parametrize('name', HEADS)


@pytest.fixture(autouse=True)
def _scope_and_seed() -> None:
    init_default_scope('mmseg')
    torch.manual_seed(0)


def config(name: str, attention: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    head = {'type': name, **COMMON, **HEADS[name], **changes}
    if attention is None:
        return head
    return head | {'type': 'mmseg_ext.AttentionHead', 'head_type': name, 'attention': attention}


def inputs(name: str = '', batch: int = 2) -> tuple[Any, ...]:
    """Feature maps of an image of 61×75, finest first; a cascaded head gets the scores of the one before too."""
    sizes = [(16, 19), (8, 10), (4, 5), (2, 3)]
    maps = [torch.randn(batch, channels, *size) for channels, size in zip(CHANNELS, sizes, strict=True)]
    return (maps, torch.randn(batch, 3, 2, 3)) if name == 'OCRHead' else (maps,)


def samples(batch: int) -> list[SegDataSample]:
    masks = torch.randint(0, 3, (batch, 1, 61, 75))
    metainfo = {'img_shape': (61, 75), 'ori_shape': (61, 75), 'pad_shape': (61, 75)}
    return [SegDataSample(gt_sem_seg=PixelData(data=mask), metainfo=metainfo) for mask in masks]


@every_head
def test_it_is_the_head_with_the_block_before_the_last_convolution(name: str) -> None:
    plain, head = MODELS.build(config(name)).eval(), MODELS.build(config(name, CBAM_BLOCK)).eval()
    assert isinstance(head, type(plain))
    for attribute in ('num_classes', 'out_channels', 'align_corners', 'threshold', 'in_index', 'channels'):
        assert getattr(head, attribute) == getattr(plain, attribute)
    missing, unexpected = head.load_state_dict(plain.state_dict(), strict=False)
    assert unexpected == []
    assert {key.partition('.')[0] for key in missing} == {'attention'}
    seen: list[Tensor] = []
    plain.conv_seg.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    arguments = inputs(name)
    with torch.no_grad():
        without = plain(*arguments)
        expected = plain.conv_seg(head.attention(seen[0]))
        torch.testing.assert_close(head(*arguments), expected)
    assert (without - expected).abs().max() > 1e-4


@every_head
def test_loss_gradients_prediction_and_weights(name: str) -> None:
    head = MODELS.build(config(name, CBAM_BLOCK))
    head.init_weights()
    assert 0.005 < head.conv_seg.weight.detach().std() < 0.02
    arguments = inputs(name)
    head.loss(*arguments, samples(2), {})['loss_ce'].backward()
    for parameter_name, parameter in head.named_parameters():
        assert parameter.grad is not None, parameter_name
    assert any(parameter.grad.abs().sum() > 0 for parameter in head.attention.parameters())
    head.eval()
    other = MODELS.build(config(name, CBAM_BLOCK)).eval()
    other.load_state_dict(head.state_dict())
    metas = [sample.metainfo for sample in samples(2)]
    with torch.no_grad():
        logits = head.predict(*arguments, metas, {})
        assert logits.shape == (2, 3, 61, 75)
        torch.testing.assert_close(other.predict(*arguments, metas, {}), logits)


def test_the_block_comes_before_dropout() -> None:
    """After it, the block would weigh channels by means of which a part is struck out."""
    head = MODELS.build(config('FCNHead', CBAM_BLOCK, dropout_ratio=0.5)).train()
    seen: list[Tensor] = []
    head.attention.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    head.dropout.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    features = torch.rand(1, 32, 4, 4) + 1
    head.cls_seg(features)
    assert seen[0] is features
    torch.testing.assert_close(seen[1], head.attention(features))


def test_a_copy_has_its_own_block() -> None:
    """As an average of weights makes one."""
    head = MODELS.build(config('SegformerHead', CBAM_BLOCK)).eval()
    arguments = inputs()
    with torch.no_grad():
        before = head(*arguments)
        twin = copy.deepcopy(head)
        for parameter in twin.attention.parameters():
            nn.init.ones_(parameter)
        torch.testing.assert_close(head(*arguments), before)
        assert (twin(*arguments) - before).abs().max() > 1e-4


def test_it_can_be_pickled_into_another_process() -> None:
    head = MODELS.build(config('SegformerHead', CBAM_BLOCK)).eval()
    code = 'import pickle, sys; sys.stdout.buffer.write(pickle.dumps(pickle.load(sys.stdin.buffer)))'
    done = subprocess.run([sys.executable, '-c', code], input=pickle.dumps(head), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    twin = pickle.loads(done.stdout)
    assert type(twin) is type(head)
    arguments = inputs()
    with torch.no_grad():
        torch.testing.assert_close(twin(*arguments), head(*arguments))


def test_the_block_takes_the_channels_of_the_last_convolution() -> None:
    head = MODELS.build(config('FCNHead', {'type': 'mmseg_ext.SE'}, channels=48))
    assert isinstance(head.attention, SE)
    assert head.attention.excitation[0].weight.shape == (3, 48, 1, 1)


def test_a_head_without_a_last_convolution_is_refused() -> None:
    with pytest.raises(ValueError, match='SegmenterMaskTransformerHead has no last convolution `conv_seg`'):
        MODELS.build(
            dict(
                type='mmseg_ext.AttentionHead', head_type='SegmenterMaskTransformerHead', attention=CBAM_BLOCK,
                in_channels=8, channels=8, num_classes=3, num_layers=1, num_heads=1, embed_dims=8,
            )
        )  # fmt: skip


def backbone() -> dict[str, Any]:
    return {'type': 'MobileNetV2', 'widen_factor': 0.25, 'out_indices': (1, 2, 4, 6)}  # 8, 8, 24, 80 channels


def segmentor(**parts: Any) -> Any:
    preprocessor = {'type': 'SegDataPreProcessor', 'mean': [0] * 3, 'std': [1] * 3, 'size_divisor': 32}
    return MODELS.build(
        dict(
            data_preprocessor=preprocessor,
            backbone=backbone(),
            train_cfg={},
            test_cfg=ConfigDict(mode='whole'),
            **parts,
        )
    )


def step(model: Any) -> list[str]:
    """The losses of one backward pass over two images, after which every parameter has a gradient."""
    losses = model.loss(torch.randn(2, 3, 61, 75), samples(2))
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    return [key for key in losses if 'loss' in key]


def test_a_cascade_and_an_auxiliary_head() -> None:
    model = segmentor(
        type='CascadeEncoderDecoder',
        num_stages=2,
        decode_head=[config('FCNHead', CBAM_BLOCK, in_channels=80), config('OCRHead', CBAM_BLOCK, in_channels=80)],
        auxiliary_head=config('FCNHead', {'type': 'mmseg_ext.SE'}, in_channels=24, in_index=2),
    )
    model.init_weights()
    assert [type(head.attention) for head in model.decode_head] == [CBAM, CBAM]
    assert isinstance(model.auxiliary_head, BaseDecodeHead)
    assert (model.num_classes, model.out_channels, model.align_corners) == (3, 3, False)
    assert step(model) == ['decode_0.loss_ce', 'decode_1.loss_ce', 'aux.loss_ce']
    result = model.eval().predict(torch.randn(2, 3, 61, 75), samples(2))
    assert result[0].seg_logits.data.shape == (3, 61, 75)


def test_attention_on_the_incoming_maps() -> None:
    widths = [8, 8, 24, 80]
    neck = {
        'type': 'mmseg_ext.AttentionNeck',
        'in_channels': widths,
        'attention': {**CBAM_BLOCK, 'type': 'mmseg_ext.SE'},
    }
    model = segmentor(type='EncoderDecoder', neck=neck, decode_head=config('SegformerHead', in_channels=widths))
    assert step(model) == ['decode.loss_ce']
    maps = [torch.randn(1, width, 4, 5) for width in widths]
    for weighed, block, feature_map in zip(model.neck(maps), model.neck.blocks, maps, strict=True):
        torch.testing.assert_close(weighed, block(feature_map))
    fpn = {'type': 'FPN', 'in_channels': widths, 'out_channels': 6, 'num_outs': 4}
    model = segmentor(
        type='EncoderDecoder',
        neck={**neck, 'neck': fpn},
        decode_head=config('mmseg_ext.SemanticFPNHead', in_channels=[6] * 4),
    )
    assert step(model) == ['decode.loss_ce']
    torch.testing.assert_close(
        model.neck(maps),
        model.neck.neck([block(feature_map) for block, feature_map in zip(model.neck.blocks, maps, strict=True)]),
    )


def test_it_is_exported_to_onnx(tmp_path: Any) -> None:
    ort = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    from mmseg_ext.inference.export_onnx import _quiet

    head = MODELS.build(config('FCNHead', CBAM_BLOCK, in_channels=8, in_index=0)).eval()

    class Exported(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = head

        def forward(self, x: Tensor) -> Tensor:
            return self.head([x])

    free = torch.export.Dim.DYNAMIC
    path = tmp_path / 'head.onnx'
    with _quiet():
        torch.onnx.export(
            Exported(), (torch.randn(2, 8, 12, 9),), str(path), input_names=['x'], dynamo=True,
            dynamic_shapes=({0: free, 2: free, 3: free},),
        )  # fmt: skip
    x = torch.randn(1, 8, 7, 5)
    (result,) = ort.InferenceSession(str(path)).run(None, {'x': x.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(result), head([x]))
