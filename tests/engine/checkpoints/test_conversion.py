"""Weights of other libraries' layouts. Their networks are built here as far as their keys and their output go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmseg.models.backbones import MixVisionTransformer, MobileNetV2, ResNet, ResNetV1c
from torch import Tensor, nn

from mmseg_ext.engine.checkpoints.conversion import KINDS, convert_state
from mmseg_ext.errors import InputError
from mmseg_ext.models import VGG, DINOv2, EfficientNetLite, ResNetV2
from mmseg_ext.models.backbones.efficientnet_lite import STAGES, SamePaddingConv2d, scaled
from mmseg_ext.workflows import weights as workflow

CLASSIFIER = {'weight': torch.zeros(10, 8), 'bias': torch.zeros(10)}
IMAGE = (2, 3, 64, 96)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def random_state(net: nn.Module) -> dict[str, Tensor]:
    """The state of a net whose norms, scales and biases have been given random values."""
    for name, value in net.state_dict().items():
        if name.endswith('running_var') or (value.ndim == 1 and name.endswith('weight')) or 'gamma' in name:
            value.uniform_(0.5, 1.5)
        elif value.ndim == 1 and value.is_floating_point():
            value.uniform_(-0.5, 0.5)
    return {key: value.clone() for key, value in net.state_dict().items()}


def add_classifier(state: dict[str, Tensor], *names: str) -> dict[str, Tensor]:
    return state | {f'{name}.{key}': value for name in names for key, value in CLASSIFIER.items()}


@torch.no_grad()
def assert_same_features(net: nn.Module, converted: dict[str, Tensor], expected: Tensor, x: Tensor) -> None:
    net.load_state_dict(converted)  # strict: each key once
    net.eval()
    torch.testing.assert_close(net(x)[-1], expected, rtol=1e-4, atol=1e-4)


def test_the_command_offers_the_kinds() -> None:
    assert sorted(KINDS) == sorted(workflow.KINDS)
    assert set(KINDS) >= workflow.WITH_BATCH_NORMS


# ResNet


def test_resnet_has_the_same_keys() -> None:
    state = random_state(ResNet(18))
    theirs = {f'module.{key}': value for key, value in add_classifier(state, 'fc').items()}
    converted = convert_state({'state_dict': theirs}, 'resnet')
    assert converted.dropped == ('fc.weight', 'fc.bias')
    ResNet(18).load_state_dict(converted.state)
    assert all(torch.equal(converted.state[key], state[key]) for key in state)


def test_the_deep_stem_of_resnet_v1c() -> None:
    net = ResNetV1c(depth=18)
    state = random_state(net)
    theirs = {}
    for key, value in state.items():
        if key.startswith('stem.'):
            _, index, name = key.split('.')
            key = f'bn1.{name}' if index == '7' else f'conv1.{index}.{name}'
        theirs[key] = value
    converted = convert_state(add_classifier(theirs, 'fc'), 'resnet-v1c')
    assert converted.state.keys() == state.keys()
    assert all(torch.equal(converted.state[key], state[key]) for key in state)


def gluon_resnet_v2(net: ResNetV2) -> dict[str, Tensor]:
    """The weights of a net by Gluon's names: each stage numbers its layers in the order of their construction."""
    names = {'weight': 'gamma', 'bias': 'beta', 'running_mean': 'running_mean', 'running_var': 'running_var'}
    result: dict[str, Tensor] = {}

    def add(prefix: str, parts: list[nn.Module | None]) -> None:
        counts = {'conv': 0, 'batchnorm': 0}
        for part in parts:
            if part is None:
                continue
            kind = 'conv' if isinstance(part, nn.Conv2d) else 'batchnorm'
            for key, value in part.state_dict().items():
                if key != 'num_batches_tracked':
                    name = 'weight' if kind == 'conv' else names[key]
                    result[f'resnetv24_{prefix}{kind}{counts[kind]}_{name}'] = value
            counts[kind] += 1

    add('', [net.stem.input_norm, net.stem.conv, net.stem.norm, net.norm])
    result |= {'resnetv24_batchnorm0_gamma': torch.ones(3), 'resnetv24_batchnorm0_beta': torch.zeros(3)}
    for number, stage in enumerate(net.stages, 1):
        parts: list[nn.Module | None] = []
        for block in stage.blocks:
            parts += [block.norm1, block.conv1, block.norm2, block.conv2, block.norm3, block.conv3]
            parts += [block.downsample.conv if block.downsample is not None else None]
        add(f'stage{number}_', parts)
    return result | {'resnetv24_dense0_weight': CLASSIFIER['weight'], 'resnetv24_dense0_bias': CLASSIFIER['bias']}


def small_resnet_v2(**changes: Any) -> ResNetV2:
    return ResNetV2(**{'depth': (1, 2, 3, 2), 'base_width': 4, **changes})


def without_counts(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if 'num_batches_tracked' not in key}


def test_resnet_v2_of_the_onnx_model_zoo() -> None:
    net = small_resnet_v2()
    random_state(net)
    converted = convert_state(gluon_resnet_v2(net), 'resnet-v2')
    expected = without_counts(net.state_dict())
    assert converted.state.keys() == expected.keys()
    assert all(torch.equal(converted.state[key], expected[key]) for key in expected)


@torch.no_grad()
def test_resnet_v2_cut_at_c4_takes_the_norm_of_the_next_stage() -> None:
    net = small_resnet_v2(out_indices=(2,)).eval()
    random_state(net)
    converted = convert_state(gluon_resnet_v2(net), 'resnet-v2-c4')
    cut = small_resnet_v2(num_stages=3, out_indices=(2,)).eval()
    assert converted.state.keys() == without_counts(cut.state_dict()).keys()
    cut.load_state_dict(converted.state, strict=False)
    x = torch.randn(IMAGE)
    torch.testing.assert_close(cut(x)[0], net(x)[0])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'resnetv24_batchnorm0_gamma': torch.full((3,), 2.0)}, 'scales its input'),
        ({'resnetv24_stage1_conv0_weight': torch.zeros(4, 4, 3, 3)}, 'blocks of two convolutions'),
    ],
)
def test_other_resnets_v2_are_refused(change: dict[str, Tensor], message: str) -> None:
    with pytest.raises(InputError, match=message):
        convert_state(gluon_resnet_v2(small_resnet_v2()) | change, 'resnet-v2')


# MobileNetV2 and EfficientNet-Lite


class TorchvisionBlock(nn.Module):
    def __init__(self, channels: int, out: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = channels * expansion
        layers = [conv_norm(channels, width, 1)] if expansion > 1 else []
        layers += [conv_norm(width, width, 3, stride, width), nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)]
        self.conv = nn.Sequential(*layers)
        self.residual = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.residual else self.conv(x)


def conv_norm(channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU6())


MOBILENET = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


def torchvision_mobilenet_v2() -> nn.Module:
    layers: list[nn.Module] = [conv_norm(3, 32, 3, 2)]
    channels = 32
    for expansion, out, count, stride in MOBILENET:
        for index in range(count):
            layers.append(TorchvisionBlock(channels, out, stride if index == 0 else 1, expansion))
            channels = out
    net = nn.Module()
    net.features = nn.Sequential(*layers, conv_norm(320, 8, 1))
    return net.eval()


class TimmBlock(nn.Module):
    def __init__(self, channels: int, out: int, stride: int, expansion: int, kernel: int, conv: Callable, eps: float):
        super().__init__()
        width = channels * expansion
        self.expands = expansion > 1
        names = ['conv_pw', 'conv_dw', 'conv_pwl'] if self.expands else ['conv_dw', 'conv_pw']
        sizes = [(channels, width, 1, 1, 1)] if self.expands else []
        sizes += [(width, width, kernel, stride, width), (width, out, 1, 1, 1)]
        self.names = list(zip(names, (f'bn{index}' for index in range(1, 4)), strict=False))
        for (name, norm), size in zip(self.names, sizes, strict=True):
            setattr(self, name, conv(*size))
            setattr(self, norm, nn.BatchNorm2d(size[1], eps=eps))
        self.residual = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for index, (name, norm) in enumerate(self.names):
            out = getattr(self, norm)(getattr(self, name)(out))
            out = F.relu6(out) if index + 1 < len(self.names) else out
        return x + out if self.residual else out


class TimmNet(nn.Module):
    def __init__(self, stages: list[tuple[int, int, int, int, int]], conv: Callable, eps: float) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = conv(3, 32, 3, 2, 1), nn.BatchNorm2d(32, eps=eps)
        self.blocks = nn.Sequential()
        channels = 32
        for expansion, out, count, stride, kernel in stages:
            blocks = []
            for index in range(count):
                blocks.append(TimmBlock(channels, out, stride if index == 0 else 1, expansion, kernel, conv, eps))
                channels = out
            self.blocks.append(nn.Sequential(*blocks))
        self.conv_head, self.bn2 = conv(channels, 8, 1, 1, 1), nn.BatchNorm2d(8, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(F.relu6(self.bn1(self.conv_stem(x))))


def plain_conv(channels: int, out: int, kernel: int, stride: int, groups: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)


def same_conv(channels: int, out: int, kernel: int, stride: int, groups: int) -> nn.Conv2d:
    return SamePaddingConv2d(channels, out, kernel, stride, groups=groups)


def timm_mobilenet_v2() -> TimmNet:
    return TimmNet([(*stage, 3) for stage in MOBILENET], plain_conv, 1e-5).eval()


def timm_lite(variant: int) -> TimmNet:
    sizes = [scaled(stage, variant, index in (0, 6)) for index, stage in enumerate(STAGES)]
    stages = [(s.expansion, out, count, s.stride, s.kernel) for s, (out, count) in zip(STAGES, sizes, strict=True)]
    return TimmNet(stages, same_conv, 1e-3).eval()


@torch.no_grad()
def test_mobilenet_v2_of_torchvision() -> None:
    theirs = torchvision_mobilenet_v2()
    state = random_state(theirs)
    converted = convert_state(add_classifier(state, 'classifier.1'), 'mobilenet-v2')
    assert {key.rpartition('.')[0] for key in converted.dropped} == {'features.18.0', 'features.18.1', 'classifier.1'}
    x = torch.randn(IMAGE)
    assert_same_features(MobileNetV2(out_indices=(1, 6)), converted.state, theirs.features[:-1](x), x)


@torch.no_grad()
def test_mobilenet_v2_of_timm() -> None:
    theirs = timm_mobilenet_v2()
    converted = convert_state(add_classifier(random_state(theirs), 'classifier'), 'mobilenet-v2')
    x = torch.randn(IMAGE)
    assert_same_features(MobileNetV2(out_indices=(1, 6)), converted.state, theirs(x), x)


@pytest.mark.parametrize('variant', [0, 2])
@torch.no_grad()
def test_efficientnet_lite_of_timm(variant: int) -> None:
    theirs = timm_lite(variant)
    converted = convert_state(add_classifier(random_state(theirs), 'classifier'), 'efficientnet-lite')
    x = torch.randn(IMAGE)
    assert_same_features(EfficientNetLite(variant, out_indices=(6,)), converted.state, theirs(x), x)


def test_efficientnet_lite_of_the_packages_only_loses_its_head() -> None:
    state = random_state(EfficientNetLite(0))
    converted = convert_state(add_classifier(state, '_fc', '_bn1', '_conv_head'), 'efficientnet-lite')
    assert converted.state.keys() == state.keys()


def test_timms_two_networks_of_the_same_keys_are_told_apart() -> None:
    with pytest.raises(InputError, match='has kernels other than 5×5 in its third stage'):
        convert_state(timm_mobilenet_v2().state_dict(), 'efficientnet-lite')
    with pytest.raises(InputError, match='has kernels other than 3×3 in its third stage'):
        convert_state(timm_lite(0).state_dict(), 'mobilenet-v2')


def test_a_full_efficientnet_is_refused() -> None:
    state = timm_lite(0).state_dict() | {'blocks.0.0.se.conv_reduce.weight': torch.zeros(1)}
    with pytest.raises(InputError, match=r'net.pth: holds blocks.0.first.se.conv_reduce.weight, which no efficientnet'):
        convert_state(state, 'efficientnet-lite', 'net.pth')


def gluon_mobilenet_v2(expands_first: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The weights of mmseg's net, by Gluon's names and by its own."""
    state = without_counts(random_state(MobileNetV2()))
    names = {'weight': 'gamma', 'bias': 'beta'}
    blocks = [(layer, block) for layer, (*_, count, _) in enumerate(MOBILENET, 1) for block in range(count)]
    theirs = {}
    for key, value in state.items():
        *place, part, name = key.split('.')
        number = place[-1] if place[0] != 'conv1' else '0'
        index = '' if place[0] == 'conv1' else f'linearbottleneck{blocks.index((int(place[0][5:]), int(place[1])))}_'
        kind = 'conv' if part == 'conv' else 'batchnorm'
        value_name = name if part == 'conv' else names.get(name, name)
        theirs[f'mobilenetv20_features_{index}{kind}{number}_{value_name}'] = value
    if expands_first:
        theirs['mobilenetv20_features_linearbottleneck0_conv2_weight'] = torch.zeros(16, 32, 1, 1)
    return theirs | {'mobilenetv20_features_conv1_weight': torch.zeros(8, 320, 1, 1)}, state


def test_mobilenet_v2_of_gluon() -> None:
    theirs, state = gluon_mobilenet_v2(expands_first=False)
    converted = convert_state(theirs, 'mobilenet-v2')
    assert converted.state.keys() == state.keys()
    assert all(torch.equal(converted.state[key], state[key]) for key in state)
    with pytest.raises(InputError, match='expands the channels in its first block'):
        convert_state(gluon_mobilenet_v2(expands_first=True)[0], 'mobilenet-v2')


# VGG, MiT, ConvNeXt, DINOv2


def test_vgg_has_the_same_keys() -> None:
    state = random_state(VGG(11, batch_norm=True, base_channels=4))
    converted = convert_state(add_classifier(state, 'classifier.0', 'pre_logits.fc1'), 'vgg')
    assert converted.state.keys() == state.keys()


def nvidia_mit(state: dict[str, Tensor], x: Tensor, heads: list[int], ratios: list[int]) -> Tensor:
    """The forward pass of SegFormer's encoder by NVIDIA's keys: one block a stage, the last stage's output."""

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], state[f'{name}.weight'], state[f'{name}.bias'], 1e-6)

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, state[f'{name}.weight'], state[f'{name}.bias'])

    for stage, (count, ratio) in enumerate(zip(heads, ratios, strict=True), 1):
        name, block = f'patch_embed{stage}', f'block{stage}.0'
        weight = state[f'{name}.proj.weight']
        kernel, stride = weight.shape[2], 4 if stage == 1 else 2
        x = F.conv2d(x, weight, state[f'{name}.proj.bias'], stride, kernel // 2)
        batch, channels, height, width = x.shape
        x = F.layer_norm(
            x.flatten(2).transpose(1, 2), (channels,), state[f'{name}.norm.weight'], state[f'{name}.norm.bias']
        )
        source = query = norm(x, f'{block}.norm1')
        if ratio > 1:
            image = source.transpose(1, 2).reshape(batch, channels, height, width)
            image = F.conv2d(image, state[f'{block}.attn.sr.weight'], state[f'{block}.attn.sr.bias'], ratio)
            source = norm(image.flatten(2).transpose(1, 2), f'{block}.attn.norm')
        queries = linear(query, f'{block}.attn.q').unflatten(2, (count, -1)).transpose(1, 2)
        keys, values = linear(source, f'{block}.attn.kv').unflatten(2, (2, count, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(queries, keys, values).transpose(1, 2).flatten(2)
        x = x + linear(attended, f'{block}.attn.proj')
        hidden = linear(norm(x, f'{block}.norm2'), f'{block}.mlp.fc1').transpose(1, 2)
        hidden = F.conv2d(
            hidden.reshape(batch, -1, height, width), state[f'{block}.mlp.dwconv.dwconv.weight'],
            state[f'{block}.mlp.dwconv.dwconv.bias'], padding=1, groups=hidden.shape[1],
        )  # fmt: skip
        x = x + linear(F.gelu(hidden).flatten(2).transpose(1, 2), f'{block}.mlp.fc2')
        x = norm(x, f'norm{stage}').transpose(1, 2).reshape(batch, channels, height, width)
    return x


@torch.no_grad()
def test_mit_of_nvidia() -> None:
    heads, ratios, state = [1, 2, 1, 2], [8, 4, 2, 1], {}

    def add(name: str, *shape: int, out: int | None = None) -> None:
        state[f'{name}.weight'] = torch.randn(*shape) * (0.3 if len(shape) > 1 else 1)
        state[f'{name}.bias'] = torch.randn(out or shape[0])

    channels = 3
    for stage, (count, ratio) in enumerate(zip(heads, ratios, strict=True), 1):
        width, block = 8 * count, f'block{stage}.0'
        add(f'patch_embed{stage}.proj', width, channels, *[7 if stage == 1 else 3] * 2)
        for name in (f'patch_embed{stage}.norm', f'{block}.norm1', f'{block}.norm2', f'norm{stage}'):
            add(name, width)
        add(f'{block}.attn.q', width, width)
        add(f'{block}.attn.kv', 2 * width, width)
        add(f'{block}.attn.proj', width, width)
        if ratio > 1:
            add(f'{block}.attn.sr', width, width, ratio, ratio)
            add(f'{block}.attn.norm', width)
        add(f'{block}.mlp.fc1', 4 * width, width)
        add(f'{block}.mlp.dwconv.dwconv', 4 * width, 1, 3, 3)
        add(f'{block}.mlp.fc2', width, 4 * width)
        channels = width
    converted = convert_state(add_classifier(state, 'head'), 'mit')
    net = MixVisionTransformer(
        embed_dims=8, num_layers=[1] * 4, num_heads=heads, sr_ratios=ratios, patch_sizes=[7, 3, 3, 3], mlp_ratio=4,
        qkv_bias=True, out_indices=(0, 1, 2, 3), norm_cfg=dict(type='LN', eps=1e-6),
    )  # fmt: skip
    for module in net.modules():  # mmseg gives the norm behind a patch embedding the same eps as the others
        if type(module).__name__ == 'PatchEmbed':
            module.norm.eps = 1e-5
    x = torch.randn(IMAGE)
    assert_same_features(net, converted.state, nvidia_mit(state, x, heads, ratios), x)
    del state['block1.0.attn.kv.weight']
    with pytest.raises(InputError, match=r'lacks block1.0.attn.kv.weight'):
        convert_state(state, 'mit')


class ChannelNorm(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Permute(nn.Module):
    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.order)


class TorchvisionConvNeXtBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer_scale = nn.Parameter(torch.rand(channels, 1, 1))
        self.block = nn.Sequential(
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels), Permute(0, 2, 3, 1),
            nn.LayerNorm(channels, eps=1e-6), nn.Linear(channels, 4 * channels), nn.GELU(),
            nn.Linear(4 * channels, channels), Permute(0, 3, 1, 2),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer_scale * self.block(x)


def torchvision_convnext(channels: tuple[int, ...] = (4, 8, 12, 16)) -> nn.Module:
    layers: list[nn.Module] = [nn.Sequential(nn.Conv2d(3, channels[0], 4, 4), ChannelNorm(channels[0], eps=1e-6))]
    for index, width in enumerate(channels):
        if index:
            before = channels[index - 1]
            layers.append(nn.Sequential(ChannelNorm(before, eps=1e-6), nn.Conv2d(before, width, 2, 2)))
        layers.append(nn.Sequential(*(TorchvisionConvNeXtBlock(width) for _ in range(2))))
    net = nn.Module()
    net.features = nn.Sequential(*layers)
    net.classifier = nn.ModuleList([ChannelNorm(channels[-1], eps=1e-6), nn.Flatten(), nn.Linear(channels[-1], 10)])
    return net


def mmpretrain_convnext(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The forward pass of mmpretrain's ConvNeXt by its keys, up to the last stage's norm."""

    def norm(x: Tensor, name: str) -> Tensor:
        values = state[f'{name}.weight'], state[f'{name}.bias']
        return F.layer_norm(x.permute(0, 2, 3, 1), values[0].shape, *values, 1e-6).permute(0, 3, 1, 2)

    for stage in range(4):
        name = f'downsample_layers.{stage}'
        conv, norm_name = (f'{name}.0', f'{name}.1') if stage == 0 else (f'{name}.1', f'{name}.0')
        x = norm(x, norm_name) if stage else x
        x = F.conv2d(x, state[f'{conv}.weight'], state[f'{conv}.bias'], 2 if stage else 4)
        x = x if stage else norm(x, norm_name)
        for block in (f'stages.{stage}.0', f'stages.{stage}.1'):
            weight, bias = state[f'{block}.depthwise_conv.weight'], state[f'{block}.depthwise_conv.bias']
            out = norm(F.conv2d(x, weight, bias, padding=3, groups=len(weight)), f'{block}.norm').permute(0, 2, 3, 1)
            for index in (1, 2):
                name = f'{block}.pointwise_conv{index}'
                out = F.linear(out, state[f'{name}.weight'], state[f'{name}.bias'])
                out = F.gelu(out) if index == 1 else out
            x = x + (state[f'{block}.gamma'] * out).permute(0, 3, 1, 2)
    return norm(x, 'norm3')


@torch.no_grad()
def test_convnext_of_torchvision() -> None:
    theirs = torchvision_convnext()
    state = random_state(theirs)
    converted = convert_state(state, 'convnext')
    assert converted.dropped == ('classifier.2.weight', 'classifier.2.bias')
    x = torch.randn(IMAGE)
    expected = theirs.classifier[0](theirs.features(x))
    torch.testing.assert_close(mmpretrain_convnext(converted.state, x), expected, rtol=1e-4, atol=1e-4)


CONVNEXT_NAMES = {  # mmpretrain's → timm's, Meta's
    'downsample_layers.0.0.weight': ('stem.0.weight', 'downsample_layers.0.0.weight'),
    'downsample_layers.0.1.bias': ('stem.1.bias', 'downsample_layers.0.1.bias'),
    'downsample_layers.2.1.weight': ('stages.2.downsample.1.weight', 'downsample_layers.2.1.weight'),
    'stages.0.0.depthwise_conv.weight': ('stages.0.blocks.0.conv_dw.weight', 'stages.0.0.dwconv.weight'),
    'stages.2.8.norm.weight': ('stages.2.blocks.8.norm.weight', 'stages.2.8.norm.weight'),
    'stages.2.8.pointwise_conv1.weight': ('stages.2.blocks.8.mlp.fc1.weight', 'stages.2.8.pwconv1.weight'),
    'stages.2.8.pointwise_conv2.bias': ('stages.2.blocks.8.mlp.fc2.bias', 'stages.2.8.pwconv2.bias'),
    'stages.3.1.gamma': ('stages.3.blocks.1.gamma', 'stages.3.1.gamma'),
    'norm3.weight': ('head.norm.weight', 'norm.weight'),
}


@pytest.mark.parametrize('source', ['timm', 'Meta'])
def test_convnext_of_timm_and_meta(source: str) -> None:
    names = [theirs[source == 'Meta'] for theirs in CONVNEXT_NAMES.values()]
    shapes = {'fc1.weight': (4, 3, 1, 1), 'pwconv1.weight': (4, 3)}  # timm has 1×1 convolutions in some
    state = {name: torch.randn(shapes.get('.'.join(name.split('.')[-2:]), (4,))) for name in names}
    converted = convert_state(add_classifier(state, 'head.fc' if source == 'timm' else 'head'), 'convnext')
    assert converted.source == source
    assert list(converted.state) == list(CONVNEXT_NAMES)
    pairs = zip(converted.state.values(), list(state.values())[: len(CONVNEXT_NAMES)], strict=True)
    assert all(torch.equal(ours.flatten(), theirs.flatten()) for ours, theirs in pairs)
    assert converted.state['stages.2.8.pointwise_conv1.weight'].shape == (4, 3)


TINY_VIT: dict[str, Any] = dict(arch={'embed_dims': 8, 'depth': 2, 'num_heads': 2}, img_size=70, out_indices=(0, 1))


@pytest.mark.parametrize('num_registers', [0, 4])
@torch.no_grad()
def test_dinov2_of_timm_gives_the_same_features(num_registers: int) -> None:
    net = DINOv2(**TINY_VIT, num_registers=num_registers).eval()
    state = random_state(net)
    theirs = {key: value for key, value in state.items() if key not in ('mask_token', 'register_tokens')}
    if num_registers:  # timm adds the class token's position to the token
        theirs |= {
            'reg_token': state['register_tokens'],
            'cls_token': state['cls_token'] + state['pos_embed'][:, :1],
            'pos_embed': state['pos_embed'][:, 1:],
        }
    converted = convert_state(theirs, 'dinov2')
    x = torch.randn(1, 3, 56, 84)
    assert_same_features(DINOv2(**TINY_VIT, num_registers=num_registers), converted.state, net(x)[-1], x)
    assert convert_state(state, 'dinov2').state.keys() == state.keys()  # Meta's


# what does not belong


@pytest.mark.parametrize('kind', KINDS)
def test_weights_of_another_network_are_refused(kind: str) -> None:
    with pytest.raises(InputError) as caught:
        convert_state({'backbone.x.weight': torch.zeros(1)}, kind, 'net.pth')
    assert str(caught.value).startswith(f'net.pth: is not a {kind} of ')
    assert 'backbone.x.weight' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_key_that_does_not_belong_is_named() -> None:
    state = {'conv1.weight': torch.zeros(1), 'layer1.0.se.fc1.weight': torch.zeros(1)}
    with pytest.raises(InputError, match=r'holds layer1.0.se.fc1.weight, which no resnet of torchvision or timm has'):
        convert_state(state, 'resnet')
