from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_ext.engine import strict_loading
from mmseg_ext.errors import InputError
from mmseg_ext.models.backbones.vgg import VGG

# Key number and channels (in, out) of each convolution, as torchvision's files have them.
VGG11 = {
    0: (3, 64), 3: (64, 128), 6: (128, 256), 8: (256, 256), 11: (256, 512), 13: (512, 512), 16: (512, 512),
    18: (512, 512),
}  # fmt: skip
VGG16 = {
    0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256),
    17: (256, 512), 19: (512, 512), 21: (512, 512), 24: (512, 512), 26: (512, 512), 28: (512, 512),
}  # fmt: skip
VGG16_BN = {
    0: (3, 64), 3: (64, 64), 7: (64, 128), 10: (128, 128), 14: (128, 256), 17: (256, 256), 20: (256, 256),
    24: (256, 512), 27: (512, 512), 30: (512, 512), 34: (512, 512), 37: (512, 512), 40: (512, 512),
}  # fmt: skip
LAYOUTS = [(11, False, VGG11), (16, False, VGG16), (16, True, VGG16_BN)]
ALL = tuple(f'{kind}{stage}' for stage in range(1, 6) for kind in ('conv', 'pool', 'indices'))


def published_shapes(layout: Mapping[int, tuple[int, int]], batch_norm: bool) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for number, (source, target) in layout.items():
        shapes[f'features.{number}.weight'] = (target, source, 3, 3)
        shapes[f'features.{number}.bias'] = (target,)
        if batch_norm:
            for name in ('weight', 'bias', 'running_mean', 'running_var'):
                shapes[f'features.{number + 1}.{name}'] = (target,)
            shapes[f'features.{number + 1}.num_batches_tracked'] = ()
    return shapes


def small(depth: int = 11, **changes: Any) -> VGG:
    torch.manual_seed(0)
    return VGG(depth, base_channels=4, **changes)


@pytest.mark.parametrize(('depth', 'batch_norm', 'layout'), LAYOUTS)
def test_keys_and_shapes_are_torchvisions(depth: int, batch_norm: bool, layout: dict[int, tuple[int, int]]) -> None:
    with torch.device('meta'):
        state = VGG(depth, batch_norm).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == published_shapes(layout, batch_norm)


@pytest.mark.parametrize(
    ('depth', 'batch_norm', 'published'),
    # torchvision's counts for 1000 classes, less the classifier: 25088·4096 + 4096·4096 + 4096·1000 and their biases.
    [(11, 0, 132_863_336), (13, 0, 133_047_848), (16, 0, 138_357_544), (19, 0, 143_667_240), (16, 1, 138_365_992)],
)
def test_it_has_the_published_number_of_parameters(depth: int, batch_norm: int, published: int) -> None:
    classifier = 25088 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000
    with torch.device('meta'):
        count = sum(parameter.numel() for parameter in VGG(depth, bool(batch_norm)).parameters())
    assert count == published - classifier
    assert depth != 16 or batch_norm or count == 14_714_688


@pytest.mark.parametrize(('depth', 'batch_norm', 'layout'), LAYOUTS)
def test_a_file_of_torchvision_loads_unchanged(
    depth: int, batch_norm: bool, layout: dict[int, tuple[int, int]], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    narrow = {number: tuple(side if side == 3 else side // 16 for side in pair) for number, pair in layout.items()}
    state = {name: torch.rand(shape) for name, shape in published_shapes(narrow, batch_norm).items()}  # type: ignore[arg-type]
    counts = {name: value.long() for name, value in state.items() if value.ndim == 0}
    classifier = {'classifier.0.weight': torch.rand(4, 49 * 32), 'classifier.0.bias': torch.rand(4)}
    torch.save({**state, **counts, **classifier}, tmp_path / 'vgg.pth')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'vgg.pth'))
    net = VGG(depth, batch_norm, base_channels=4, init_cfg=init)
    net.init_weights()
    loaded = net.state_dict()
    assert loaded.keys() == state.keys()
    for name, value in {**state, **counts}.items():
        torch.testing.assert_close(loaded[name], value, rtol=0, atol=0)


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save({'conv1.weight': torch.rand(4, 3, 7, 7)}, tmp_path / 'resnet.pth')
    net = small(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'resnet.pth')))
    with pytest.raises(InputError, match='weights of another network'), strict_loading():
        net.init_weights()


@pytest.mark.parametrize('size', [(64, 64), (61, 75), (32, 33)])
@pytest.mark.parametrize('batch_norm', [False, True])
def test_maps_and_indices_are_those_of_a_plain_implementation(size: tuple[int, int], batch_norm: bool) -> None:
    net = small(16, batch_norm=batch_norm, outputs=ALL).eval().double()
    x = torch.rand(2, 3, *size, dtype=torch.float64)
    found = dict(zip(ALL, net(x), strict=True))
    state, layer = net.state_dict(), 0
    for stage, convs in enumerate((2, 2, 3, 3, 3), start=1):
        for _ in range(convs):
            x = F.conv2d(x, state[f'features.{layer}.weight'], state[f'features.{layer}.bias'], padding=1)
            layer += 1
            if batch_norm:
                x = x / (1 + 1e-5) ** 0.5  # fresh statistics
                layer += 1
            x = x.clamp(min=0)
            layer += 1
        layer += 1
        torch.testing.assert_close(found[f'conv{stage}'], x)
        height, width = x.shape[2] // 2, x.shape[3] // 2
        windows = x[:, :, : 2 * height, : 2 * width].unflatten(3, (width, 2)).unflatten(2, (height, 2))
        x = windows.amax(dim=(3, 5))
        torch.testing.assert_close(found[f'pool{stage}'], x)
        indices = found[f'indices{stage}']
        assert indices.shape == x.shape
        assert indices.dtype == torch.int64
        torch.testing.assert_close(found[f'conv{stage}'].flatten(2).gather(2, indices.flatten(2)), x.flatten(2))
        rows, columns = indices // found[f'conv{stage}'].shape[3], indices % found[f'conv{stage}'].shape[3]
        assert (rows // 2 == torch.arange(height)[:, None]).all()
        assert (columns // 2 == torch.arange(width)).all()


def test_what_is_asked_for_comes_in_the_order_of_asking() -> None:
    names = ('pool2', 'conv1', 'indices3')
    net, x = small(outputs=names).eval(), torch.rand(1, 3, 32, 32)
    every = dict(zip(ALL, small(outputs=ALL).eval()(x), strict=True))
    for name, value in zip(names, net(x), strict=True):
        torch.testing.assert_close(value, every[name])


def test_stages_that_nobody_asks_for_are_not_built() -> None:
    net = small(outputs=('pool2', 'conv3'))
    assert [tuple(conv.weight.shape[:2]) for conv in net.modules() if isinstance(conv, nn.Conv2d)] == [
        (4, 3), (8, 4), (16, 8), (16, 16)
    ]  # fmt: skip
    assert [value.shape[1] for value in net(torch.rand(1, 3, 32, 32))] == [8, 16]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'depth': 12}, r'depth must be one of \[11, 13, 16, 19\], got 12'),
        ({'outputs': ()}, r'outputs=\(\) must be some of conv1'),
        ({'outputs': ('pool6',)}, r"outputs=\('pool6',\) must be some of"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VGG(**arguments)


def test_random_weights_keep_the_signal_through_nineteen_layers() -> None:
    """torch's own initialisation lets it fade to a tenth, most of it biases, so that every image looks the same."""
    torch.manual_seed(0)
    net = VGG(19, base_channels=16, outputs=('conv1', 'conv5'))
    net.init_weights()
    first, last = net(torch.randn(4, 3, 64, 64))
    assert all((value == 0).all() for name, value in net.named_parameters() if name.endswith('bias'))
    assert 0.2 < (last.square().mean() / first.square().mean()).sqrt() < 10


def test_channels_last_and_bfloat16() -> None:
    net = small(13, batch_norm=True, outputs=('conv1', 'indices1', 'pool5')).eval()
    net.init_weights()
    x = torch.rand(2, 3, 61, 75)
    expected = net(x)
    net.to(memory_format=torch.channels_last)
    for actual, desired in zip(net(x.to(memory_format=torch.channels_last)), expected, strict=True):
        torch.testing.assert_close(actual, desired)
    with torch.autocast('cpu', torch.bfloat16):
        last = net(x)[2]
    assert last.dtype == torch.bfloat16
    assert (last.float() - expected[2]).norm() < 0.05 * expected[2].norm()


def reached(tensors: tuple[Tensor, ...], net: nn.Module) -> set[str]:
    sum(tensor.sum() for tensor in tensors).backward()  # type: ignore[union-attr]
    return {name for name, parameter in net.named_parameters() if parameter.grad is not None}


def test_gradients_reach_every_convolution_through_the_last_map() -> None:
    net = small(outputs=('pool5',))
    assert reached(net(torch.rand(1, 3, 32, 32)), net) == {name for name, _ in net.named_parameters()}
