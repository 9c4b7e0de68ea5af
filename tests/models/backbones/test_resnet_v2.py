from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_ext.engine import strict_loading
from mmseg_ext.models.backbones.resnet_v2 import ResNetV2
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file

WEIGHTS = 'resnet50_v2_c4_imagenet_fp16.pth'
SMALL: dict[str, Any] = {'depth': (1, 2, 2), 'num_stages': 3, 'base_width': 4, 'out_indices': (0, 1, 2)}


def small(**changes: Any) -> ResNetV2:
    """A narrow net whose norms have statistics, scales and shifts of their own."""
    torch.manual_seed(0)
    net = ResNetV2(**{**SMALL, **changes})
    for name, value in net.state_dict().items():
        if value.is_floating_point() and 'conv' not in name:
            value.uniform_(-0.5, 0.5) if name.endswith(('bias', 'mean')) else value.uniform_(0.5, 1.5)
    return net


def reference(state: Mapping[str, Tensor], x: Tensor, strides: list[int], dilations: list[int]) -> list[Tensor]:
    """The published network in evaluation mode from keys and values alone: each stage after the norm and ReLU."""

    def norm(x: Tensor, name: str) -> Tensor:
        stats = state[f'{name}.running_mean'], state[f'{name}.running_var']
        return F.batch_norm(x, *stats, state.get(f'{name}.weight'), state.get(f'{name}.bias'))

    x = F.conv2d(norm(x, 'stem.input_norm'), state['stem.conv.weight'], stride=2, padding=3)
    x = F.max_pool2d(norm(x, 'stem.norm').relu(), 3, 2, 1)
    before, sums = [], []
    for stage, (stage_stride, dilation) in enumerate(zip(strides, dilations, strict=True)):
        block = 0
        while (name := f'stages.{stage}.blocks.{block}') + '.conv1.weight' in state:
            stride = stage_stride if block == 0 else 1
            pre = norm(x, f'{name}.norm1').relu()
            if block == 0:
                before.append(pre)
            shortcut = x
            if f'{name}.downsample.conv.weight' in state:
                shortcut = F.conv2d(pre, state[f'{name}.downsample.conv.weight'], stride=stride)
            y = norm(F.conv2d(pre, state[f'{name}.conv1.weight']), f'{name}.norm2').relu()
            y = F.conv2d(y, state[f'{name}.conv2.weight'], stride=stride, padding=dilation, dilation=dilation)
            x = shortcut + F.conv2d(norm(y, f'{name}.norm3').relu(), state[f'{name}.conv3.weight'])
            block += 1
        sums.append(x)
    return [*before[1:], norm(x, 'norm').relu()]


@pytest.mark.parametrize(
    ('strides', 'dilations'), [((1, 2, 2), (1, 1, 1)), ((1, 2, 1), (1, 1, 2)), ((2, 1, 1), (1, 2, 4))]
)
@pytest.mark.parametrize('size', [(32, 48), (45, 33)])
def test_it_agrees_with_a_functional_implementation(
    size: tuple[int, int], strides: tuple[int, ...], dilations: tuple[int, ...]
) -> None:
    net = small(strides=strides, dilations=dilations).eval().double()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    expected = reference(net.state_dict(), x.clone(), list(strides), list(dilations))
    outputs = net(x)
    assert len(outputs) == len(expected) == 3
    for actual, desired in zip(outputs, expected, strict=True):
        assert desired.std() > 1e-3
        torch.testing.assert_close(actual, desired)


@pytest.mark.parametrize('size', [(64, 64), (61, 35), (1, 1)])
def test_shapes_and_strides_also_of_odd_sizes(size: tuple[int, int]) -> None:
    net = ResNetV2((1, 1, 1, 1), base_width=4).eval()
    maps = net(torch.rand(2, 3, *size))
    for index, out in enumerate(maps):
        stride = 4 * 2**index
        assert out.shape == (2, 16 * 2**index, *(-(-side // stride) for side in size))


def test_the_stages_asked_for_are_returned_finest_first() -> None:
    net, x = small().eval(), torch.rand(1, 3, 32, 32)
    everything = net(x)
    for indices in [(0,), (2,), (0, 2)]:
        chosen = small(out_indices=indices).eval()(x)
        assert len(chosen) == len(indices)
        for index, out in zip(indices, chosen, strict=True):
            torch.testing.assert_close(out, everything[index])


def test_the_keys_are_those_the_docstring_names() -> None:
    norm = ['running_mean', 'running_var', 'num_batches_tracked']
    affine = ['weight', 'bias', *norm]
    expected = {f'stem.input_norm.{part}' for part in norm} | {'stem.conv.weight'}
    expected |= {f'{name}.{part}' for name in ('stem.norm', 'norm') for part in affine}
    for stage, count in enumerate((1, 2, 2)):
        expected.add(f'stages.{stage}.blocks.0.downsample.conv.weight')
        for block in range(count):
            name = f'stages.{stage}.blocks.{block}'
            expected |= {f'{name}.conv{k}.weight' for k in (1, 2, 3)}
            expected |= {f'{name}.norm{k}.{part}' for k in (1, 2, 3) for part in affine}
    assert set(small().state_dict()) == expected


@pytest.mark.parametrize(('depth', 'published'), [(50, 25_595_060), (101, 44_639_412), (152, 60_329_140)])
def test_sizes_are_those_of_the_published_networks(depth: int, published: int) -> None:
    """MXNet's model zoo counts a classifier, the running statistics, and a fixed scale and shift of the input."""
    with torch.device('meta'):
        net = ResNetV2(depth)
    own = sum(value.numel() for name, value in net.state_dict().items() if 'num_batches_tracked' not in name)
    assert own + 2 * 3 + (2048 + 1) * 1000 == published


@pytest.mark.parametrize(('depth', 'blocks'), [(50, [3, 4, 6, 3]), (101, [3, 4, 23, 3]), ((2, 1, 1, 3), [2, 1, 1, 3])])
def test_blocks_of_a_depth(depth: Any, blocks: list[int]) -> None:
    with torch.device('meta'):
        assert [len(stage.blocks) for stage in ResNetV2(depth).stages] == blocks
        assert [len(stage.blocks) for stage in ResNetV2(depth, num_stages=2, out_indices=(1,)).stages] == blocks[:2]


@pytest.mark.parametrize('frozen', [-1, 0, 1, 3])
def test_frozen_parts_stay_through_a_training_step(frozen: int) -> None:
    net = small(frozen_stages=frozen).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1)
    for _ in range(2):
        sum(out.square().mean() for out in net(torch.rand(4, 3, 32, 32))).backward()
        optimizer.step()
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    fixed = [] if frozen < 0 else ['stem.', *(f'stages.{index}.' for index in range(frozen))]
    assert changed == {name for name in before if not name.startswith(tuple(fixed))}
    assert ('stem.norm.running_mean' in changed) == (frozen < 0)
    assert ('stages.0.blocks.0.conv1.weight' in changed) == (frozen < 1)


def test_a_frozen_net_can_be_evaluated_and_trained_again() -> None:
    net = small(frozen_stages=1).eval().train()
    assert not net.stem.norm.training
    assert not net.stages[0].training
    assert net.stages[1].training
    assert net.norm.training


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        ({'depth': 34}, 'depth must be one of'),
        ({'num_stages': 4}, 'num_stages=4'),
        ({'num_stages': 0, 'out_indices': ()}, 'num_stages=0'),
        ({'strides': (1, 2)}, 'num_stages=3'),
        ({'out_indices': (0, 3)}, r'out_indices=\(0, 3\) must lie in 0…2'),
        ({'out_indices': (-1,)}, r'out_indices=\(-1,\)'),
        ({'frozen_stages': 4}, 'frozen_stages=4'),
        ({'frozen_stages': -2}, 'frozen_stages=-2'),
    ],
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResNetV2(**{**SMALL, **wrong})


def test_without_a_file_convolutions_are_initialised_for_relu() -> None:
    net = ResNetV2((1,), num_stages=1, base_width=64, out_indices=(0,))
    net.init_weights()
    weight = net.stages[0].blocks[0].conv2.weight
    assert weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)  # mmengine's default: fan out


def test_the_real_file_fits_key_by_key(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shared_data / 'weights' / WEIGHTS
    if not path.is_file():
        pytest.skip(f'needs {path}')
    monkeypatch.setenv('MMSEG_EXT_WEIGHTS', str(path.parent))
    file = load_checkpoint_file(path)
    init = {'type': 'Pretrained', 'checkpoint': f'weights://{WEIGHTS}'}
    net = ResNetV2(50, num_stages=3, out_indices=(0, 1, 2), init_cfg=init)
    with strict_loading():
        net.init_weights()
    state = {name: value for name, value in net.state_dict().items() if 'num_batches_tracked' not in name}
    assert set(state) == {name for name in file if 'num_batches_tracked' not in name}
    assert {value.dtype for value in state.values()} == {torch.float32}
    assert torch.float16 in {value.dtype for value in file.values()}
    for name, value in state.items():
        assert torch.equal(value, file[name].float()), name
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for actual, desired in zip(net.eval()(x), reference(state, x, [1, 2, 2], [1, 1, 1]), strict=True):
            torch.testing.assert_close(actual, desired, rtol=1e-3, atol=1e-4)
