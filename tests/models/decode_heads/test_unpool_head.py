from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from head_training import assert_the_loss_falls
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from mmseg_ext.models.backbones.vgg import VGG
from mmseg_ext.models.decode_heads.unpool_head import UnpoolHead, max_unpool

OUTPUTS = ('conv1', 'indices1', 'indices2', 'indices3', 'indices4', 'indices5', 'pool5')
WIDTHS = (4, 8, 16, 32, 32)
PLAIN: dict[str, Any] = {'in_channels': (1,), 'num_convs': (2,), 'num_classes': 1, 'out_channels': 1, 'threshold': 0.5}


def pair(transposed: bool = False, **changes: Any) -> tuple[VGG, UnpoolHead]:
    torch.manual_seed(0)
    backbone = VGG(16, batch_norm=True, base_channels=4, outputs=OUTPUTS)
    head = UnpoolHead(WIDTHS, transposed=transposed, num_classes=3, **changes)
    backbone.init_weights()
    head.init_weights()
    return backbone, head


def test_transposed_convolution_by_hand() -> None:
    """The image 1111/1001/0110/0000 with the plus-shaped kernel, stride 1, padding 0: each 1 lays down one plus."""
    image = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 0, 0]]).float()
    plus = torch.tensor([[0, 1, 0], [1, 1, 1], [0, 1, 0]]).float()
    expected = torch.tensor(
        [
            [0, 1, 1, 1, 1, 0],
            [1, 3, 3, 3, 3, 1],
            [1, 2, 3, 3, 2, 1],
            [0, 2, 2, 2, 2, 0],
            [0, 0, 1, 1, 0, 0],
            [0, 0, 0, 0, 0, 0],
        ]
    ).float()
    torch.testing.assert_close(F.conv_transpose2d(image[None, None], plus[None, None])[0, 0], expected)
    head = UnpoolHead(**PLAIN, transposed=True, norm_cfg=None)
    conv = head.stages[0][0].conv  # the layer that the decoder is made of keeps the size: its inner 4×4
    assert isinstance(conv, nn.ConvTranspose2d)
    with torch.no_grad():
        conv.weight.copy_(plus[None, None])
        conv.bias.zero_()
    torch.testing.assert_close(conv(image[None, None])[0, 0], expected[1:-1, 1:-1])


def test_unpooling_by_hand() -> None:
    image = torch.tensor([[1, 5, 2, 0, 9], [3, 4, 8, 1, 9], [0, 7, 6, 6, 9]]).float()
    pooled, indices = F.max_pool2d(image[None, None], 2, return_indices=True)
    assert pooled[0, 0].tolist() == [[5, 8]]
    assert indices[0, 0].tolist() == [[1, 7]]
    expected = [[0, 5, 0, 0, 0], [0, 0, 8, 0, 0], [0, 0, 0, 0, 0]]
    assert max_unpool(pooled, indices, (3, 5))[0, 0].tolist() == expected


@given(
    size=st.tuples(st.integers(2, 9), st.integers(2, 9)), batch=st.integers(1, 3), channels=st.integers(1, 3),
    channels_last=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_unpooling_is_torchs_with_the_same_gradient(
    size: tuple[int, int], batch: int, channels: int, channels_last: bool, seed: int
) -> None:
    x = torch.randn(batch, channels, *size, generator=torch.Generator().manual_seed(seed))
    x = x.contiguous(memory_format=torch.channels_last) if channels_last else x
    pooled, indices = F.max_pool2d(x, 2, return_indices=True)
    own, torchs = pooled.clone().requires_grad_(), pooled.clone().requires_grad_()
    unpooled = max_unpool(own, indices, size)
    expected = nn.MaxUnpool2d(2)(torchs, indices, output_size=size)
    torch.testing.assert_close(unpooled, expected, rtol=0, atol=0)
    assert torch.equal(unpooled[unpooled != 0], x[unpooled != 0])  # back where it came from
    weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))
    (unpooled * weights).sum().backward()
    (expected * weights).sum().backward()
    assert own.grad is not None
    torch.testing.assert_close(own.grad, torchs.grad, rtol=0, atol=0)


@pytest.mark.parametrize('transposed', [False, True])
@pytest.mark.parametrize('size', [(64, 64), (61, 75), (35, 97)])
def test_logits_have_the_size_of_the_image(size: tuple[int, int], transposed: bool) -> None:
    backbone, head = pair(transposed)
    assert head.eval()(backbone.eval()(torch.rand(2, 3, *size))).shape == (2, 3, *size)


@pytest.mark.parametrize('transposed', [False, True])
def test_the_decoder_is_the_published_one_layer_by_layer(transposed: bool) -> None:
    backbone, head = pair(transposed)
    convs = [module for module in head.stages.modules() if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))]
    assert {isinstance(conv, nn.ConvTranspose2d) for conv in convs} == {transposed}
    mirrored = [32] * 3 + [32, 32, 16] + [16, 16, 8] + [8, 4] + [4, 4]
    assert [conv.out_channels for conv in convs] == (mirrored if transposed else mirrored[:-1])
    assert head.conv_seg.kernel_size == ((1, 1) if transposed else (3, 3))

    finest, *indices, x = backbone.eval()(torch.rand(1, 3, 61, 75))
    expected, sizes = x, [(61, 75), (30, 37), (15, 18), (7, 9), (3, 4)]
    for stage, index, size in zip(head.eval().stages, reversed(indices), reversed(sizes), strict=True):
        expected = F.max_unpool2d(expected, index, 2, output_size=size)
        for layer in stage:
            expected = layer.bn(layer.conv(expected)).clamp(min=0)
    torch.testing.assert_close(head((finest, *indices, x)), head.conv_seg(expected))


def test_only_the_size_of_the_finest_map_is_used() -> None:
    backbone, head = pair()
    finest, *others = backbone(torch.rand(1, 3, 61, 75))
    head.eval()
    assert torch.equal(head((finest, *others)), head((torch.full_like(finest, float('nan')), *others)))


def test_every_level_uses_its_own_indices() -> None:
    backbone, head = pair()
    features = list(backbone.eval()(torch.rand(1, 3, 64, 64)))
    logits = head.eval()(features)
    for level in range(1, 6):
        changed = [*features]
        changed[level] = features[level].flip(1)
        assert (head(changed) - logits).abs().max() > 1e-5


def test_segnet_has_the_published_number_of_parameters() -> None:
    """29,447,047 for 7 outputs (github.com/jaeoh2/Road-Lane-Instance-Segmentation-PyTorch), a bias before each norm."""
    with torch.device('meta'):
        backbone, head = VGG(16, batch_norm=True, outputs=OUTPUTS), UnpoolHead(num_classes=7)
    count = sum(parameter.numel() for module in (backbone, head) for parameter in module.parameters())
    biases = sum(conv.out_channels for conv in head.stages.modules() if isinstance(conv, nn.Conv2d))
    assert count + biases == 29_447_047


@pytest.mark.parametrize('transposed', [False, True])
def test_the_loss_falls_and_gradients_reach_every_parameter(transposed: bool) -> None:
    assert_the_loss_falls(*pair(transposed), lr=0.03, steps=18)


@pytest.mark.parametrize('transposed', [False, True])
def test_channels_last_and_bfloat16_change_little(transposed: bool) -> None:
    backbone, head = pair(transposed)
    backbone.eval(), head.eval()
    x = torch.rand(2, 3, 61, 75)
    features = backbone(x)
    expected = head(features)
    last = torch.channels_last
    backbone.to(memory_format=last), head.to(memory_format=last)
    torch.testing.assert_close(head(backbone(x.contiguous(memory_format=last))), expected, rtol=1e-3, atol=1e-4)
    with torch.autocast('cpu', torch.bfloat16):  # the same places: rounding decides which of two near maxima wins
        logits = head((features[0], *features[1:-1], features[-1].bfloat16())).float()
    assert (logits - expected).norm() < 0.05 * expected.norm()


class PoolAndUnpool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        pooled, indices = F.max_pool2d(x, 2, return_indices=True)
        return max_unpool(pooled, indices, x.shape[2:])


def test_pooling_and_unpooling_export_to_onnx_for_sizes_of_any_parity() -> None:
    onnxruntime = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    free = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    example = (torch.rand(2, 3, 8, 12),)
    program = torch.onnx.export(PoolAndUnpool(), example, dynamo=True, dynamic_shapes=(free,), verbose=False)
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    for shape in ((2, 3, 8, 12), (1, 3, 7, 5), (3, 3, 6, 9)):
        x = torch.randn(shape)
        (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), PoolAndUnpool()(x), rtol=0, atol=0)


@pytest.mark.parametrize('num_convs', [(2, 2), (2, 2, 3, 3, 0), (1, 2, 3, 3, 3)])
def test_numbers_of_convolutions_that_do_not_fit_are_refused(num_convs: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match='UnpoolHead: num_convs='):
        UnpoolHead(WIDTHS, num_convs=num_convs, num_classes=3)


def test_backbone_and_head_keep_nothing_of_a_pass() -> None:
    """Two passes in turn, then their heads: what one pass left on a module would disturb the other."""
    backbone, head = pair()
    backbone.eval(), head.eval()
    images: list[Tensor] = [torch.rand(1, 3, 64, 64), torch.rand(1, 3, 61, 75)]
    alone = [head(backbone(image)) for image in images]
    features = [backbone(image) for image in images]
    for maps, desired in zip(features, alone, strict=True):
        torch.testing.assert_close(head(maps), desired, rtol=0, atol=0)
