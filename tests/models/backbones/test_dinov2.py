from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mmseg_ext.demo.generate import DemoSettings, make_demo_data
from mmseg_ext.engine import strict_loading
from mmseg_ext.errors import InputError
from mmseg_ext.models.backbones.dinov2 import DINOv2, cubic_weights

DIMS, HEADS, PATCH, GRID = 8, 2, 14, 4
SMALL: dict[str, Any] = {
    'arch': {'embed_dims': DIMS, 'depth': 3, 'num_heads': HEADS},
    'img_size': GRID * PATCH,
    'out_indices': (0, 2),
}


def small(**changes: Any) -> DINOv2:
    """A tiny network in which every parameter has values of its own, large enough to matter."""
    torch.manual_seed(0)
    net = DINOv2(**{**SMALL, **changes})
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if 'norm' in name or 'gamma' in name else 0.3 * noise)
    return net


def published_shapes(dims: int, depth: int, registers: int) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of the published files ``dinov2_vit?14_pretrain.pth`` and ``dinov2_vit?14_reg4_pretrain.pth``."""
    shapes: dict[str, tuple[int, ...]] = {
        'cls_token': (1, 1, dims),
        'pos_embed': (1, 1370, dims),
        'mask_token': (1, dims),
        'patch_embed.proj.weight': (dims, 3, 14, 14),
        'patch_embed.proj.bias': (dims,),
        'norm.weight': (dims,),
        'norm.bias': (dims,),
    }
    if registers:
        shapes['register_tokens'] = (1, registers, dims)
    linear = {'attn.qkv': (3 * dims, dims), 'attn.proj': (dims, dims)}
    linear |= {'mlp.fc1': (4 * dims, dims), 'mlp.fc2': (dims, 4 * dims)}
    for block in range(depth):
        for name, shape in linear.items():
            shapes |= {f'blocks.{block}.{name}.weight': shape, f'blocks.{block}.{name}.bias': shape[:1]}
        names = ('norm1.weight', 'norm1.bias', 'norm2.weight', 'norm2.bias', 'ls1.gamma', 'ls2.gamma')
        shapes |= {f'blocks.{block}.{name}': (dims,) for name in names}
    return shapes


@pytest.mark.parametrize(
    ('arch', 'dims', 'depth', 'heads', 'published'),
    [('small', 384, 12, 6, 22.06), ('base', 768, 12, 12, 86.58), ('large', 1024, 24, 16, 304.37)],
)
def test_keys_shapes_and_sizes_are_the_published_ones(
    arch: str, dims: int, depth: int, heads: int, published: float
) -> None:
    for registers in (0, 4):
        with torch.device('meta'):
            net = DINOv2(arch, num_registers=registers)
        shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
        assert shapes == published_shapes(dims, depth, registers)
        parameters = sum(value.numel() for value in net.parameters())
        assert round((parameters - registers * dims) / 1e6, 2) == published
        assert {block.attn.num_heads for block in net.blocks} == {heads}


def reference(state: Mapping[str, Tensor], image: Tensor, position: Tensor) -> list[Tensor]:
    """The network by torch's own encoder layers, each map before the final norm as tokens (N, front + patches, C).

    A layer scale is a factor of the rows of the linear layer before it.
    """
    patches = F.unfold(image, PATCH, stride=PATCH).transpose(1, 2)
    tokens = patches @ state['patch_embed.proj.weight'].flatten(1).T + state['patch_embed.proj.bias'] + position
    front = [state['cls_token'] + state['pos_embed'][:, :1], state['register_tokens']]
    tokens = torch.cat([*(token.expand(len(image), -1, -1) for token in front), tokens], 1)
    outputs = []
    for index in range(3):
        layer = nn.TransformerEncoderLayer(
            DIMS, HEADS, 4 * DIMS, 0.0, 'gelu', 1e-6, batch_first=True, norm_first=True, dtype=torch.float64
        ).eval()
        part = {name.split('.', 2)[2]: value for name, value in state.items() if name.startswith(f'blocks.{index}.')}
        ls1, ls2 = part['ls1.gamma'], part['ls2.gamma']
        layer.load_state_dict(
            {
                'self_attn.in_proj_weight': part['attn.qkv.weight'],
                'self_attn.in_proj_bias': part['attn.qkv.bias'],
                'self_attn.out_proj.weight': part['attn.proj.weight'] * ls1[:, None],
                'self_attn.out_proj.bias': part['attn.proj.bias'] * ls1,
                'linear1.weight': part['mlp.fc1.weight'],
                'linear1.bias': part['mlp.fc1.bias'],
                'linear2.weight': part['mlp.fc2.weight'] * ls2[:, None],
                'linear2.bias': part['mlp.fc2.bias'] * ls2,
                **{name: part[name] for name in ('norm1.weight', 'norm1.bias', 'norm2.weight', 'norm2.bias')},
            }
        )
        tokens = layer(tokens)
        outputs.append(tokens)
    return outputs


@pytest.mark.parametrize('final_norm', [True, False])
@torch.no_grad()
def test_it_agrees_with_torchs_encoder_layers(final_norm: bool) -> None:
    net = small(final_norm=final_norm).double().eval()
    image = torch.randn(2, 3, GRID * PATCH, GRID * PATCH, dtype=torch.float64)
    state = small().double().state_dict()
    expected = reference(state, image, state['pos_embed'][:, 1:])
    maps = net(image)
    assert len(maps) == 2
    for feature_map, index in zip(maps, (0, 2), strict=True):
        tokens = expected[index][:, 5:]  # neither the class token nor the four registers
        if final_norm:
            tokens = F.layer_norm(tokens, (DIMS,), state['norm.weight'], state['norm.bias'], 1e-6)
        assert tokens.std() > 0.1
        torch.testing.assert_close(feature_map, tokens.transpose(1, 2).reshape(2, DIMS, GRID, GRID))


@torch.no_grad()
def test_each_map_is_that_of_its_block_in_the_order_asked_for() -> None:
    net, image = small(out_indices=(0, 1, 2)).eval(), torch.randn(1, 3, 42, 28)
    everything = net(image)
    for indices, expected in (((2, 0), (2, 0)), ((-1,), (2,)), ((-3, 1), (0, 1))):
        fewer = small(out_indices=indices).eval()
        fewer.load_state_dict(net.state_dict(), strict=False)
        chosen = fewer(image)
        assert len(chosen) == len(expected)
        for index, feature_map in zip(expected, chosen, strict=True):
            torch.testing.assert_close(feature_map, everything[index])
    assert len(small(out_indices=(0, -2)).blocks) == 2  # no gradient would reach the third


@pytest.mark.parametrize('registers', [0, 4])
@pytest.mark.parametrize('grid', [(37, 20), (20, 20), (3, 50), (60, 2)])
@torch.no_grad()
def test_the_position_embedding_is_resized_as_published(registers: int, grid: tuple[int, int]) -> None:
    net = DINOv2({'embed_dims': 3, 'depth': 1, 'num_heads': 1}, num_registers=registers, out_indices=(0,)).double()
    table = torch.randn_like(net.pos_embed)
    net.pos_embed.copy_(table)
    square = table[:, 1:].reshape(1, 37, 37, 3).permute(0, 3, 1, 2).contiguous()
    if registers:
        expected = F.interpolate(square, size=grid, mode='bicubic', antialias=True)
    else:
        factors = ((grid[0] + 0.1) / 37, (grid[1] + 0.1) / 37)
        expected = F.interpolate(square, scale_factor=factors, mode='bicubic')
    assert expected.shape[2:] == grid
    torch.testing.assert_close(net.position_embedding(*grid), expected.flatten(2).transpose(1, 2))
    assert torch.equal(net.position_embedding(37, 37), table[:, 1:])


@pytest.mark.parametrize('size', [(61, 75), (14, 28), (13, 43), (1, 1)])
@torch.no_grad()
def test_an_image_of_any_size_is_enlarged_to_whole_patches(size: tuple[int, int]) -> None:
    net, image = small().eval(), torch.randn(2, 3, *size)
    grid = [-(-side // PATCH) for side in size]
    larger = F.interpolate(image, [side * PATCH for side in grid], mode='bilinear')
    if size == (14, 28):
        assert torch.equal(larger, image)
    for actual, desired in zip(net(image), net(larger), strict=True):
        assert actual.shape == (2, DIMS, *grid)
        assert torch.equal(actual, desired)


@torch.no_grad()
def test_without_blocks_a_map_is_the_patches_with_their_positions() -> None:
    """Neither the class token nor a register is in it, and row and column are where they were."""
    net = small(final_norm=False).eval()
    for block in net.blocks:
        block.ls1.gamma.zero_(), block.ls2.gamma.zero_()
    image = torch.randn(1, 3, GRID * PATCH, GRID * PATCH)
    expected = net.patch_embed.proj(image) + net.pos_embed[:, 1:].transpose(1, 2).reshape(1, DIMS, GRID, GRID)
    for feature_map in net(image):
        torch.testing.assert_close(feature_map, expected)


@torch.no_grad()
def test_without_positions_shuffled_patches_give_shuffled_maps() -> None:
    net = small(img_size=3 * PATCH).double().eval()
    image = torch.randn(1, 3, 3 * PATCH, 3 * PATCH, dtype=torch.float64)
    order = torch.randperm(9)
    shuffled = F.fold(F.unfold(image, PATCH, stride=PATCH)[:, :, order], image.shape[2:], PATCH, stride=PATCH)
    assert not torch.allclose(net(shuffled)[1].flatten(2), net(image)[1].flatten(2)[:, :, order])
    net.pos_embed[:, 1:] = 0
    for actual, desired in zip(net(shuffled), net(image), strict=True):
        torch.testing.assert_close(actual.flatten(2), desired.flatten(2)[:, :, order])


@torch.no_grad()
def test_class_token_and_registers_are_attended_to() -> None:
    image = torch.randn(1, 3, 28, 28)
    for name in ('cls_token', 'register_tokens'):
        net = small().eval()
        before = net(image)
        getattr(net, name).mul_(-1)
        assert (net(image)[0] - before[0]).abs().max() > 1e-3


def test_frozen_it_keeps_evaluation_mode_and_gets_no_gradient() -> None:
    net = small(frozen=True).train()
    assert not any(module.training for module in net.modules())
    assert not any(parameter.requires_grad for parameter in net.parameters())
    assert not any(feature_map.requires_grad for feature_map in net(torch.randn(1, 3, 28, 28)))


@pytest.mark.parametrize('registers', [0, 4])
@pytest.mark.parametrize('final_norm', [True, False])
def test_otherwise_every_parameter_gets_one(registers: int, final_norm: bool) -> None:
    net = small(num_registers=registers, final_norm=final_norm, out_indices=(-2,)).train()
    assert all(module.training for module in net.modules())
    sum(feature_map.sin().sum() for feature_map in net(torch.randn(2, 3, 30, 28))).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@torch.no_grad()
def test_channels_last_and_bfloat16_give_nearly_the_same() -> None:
    net, image = small().eval(), torch.randn(2, 3, 61, 75)
    expected = net(image)
    last = net.to(memory_format=torch.channels_last)
    for actual, desired in zip(last(image.to(memory_format=torch.channels_last)), expected, strict=True):
        torch.testing.assert_close(actual, desired)
    with torch.autocast('cpu', torch.bfloat16):
        halves = net(image)
    for actual, desired in zip(halves, expected, strict=True):
        assert actual.isfinite().all()
        assert 0 < (actual - desired).abs().mean() < 0.02 * desired.std()


@pytest.mark.parametrize('registers', [0, 4])
def test_a_published_file_loads_unchanged(registers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = {name: torch.randn(shape) for name, shape in published_shapes(DIMS, 3, registers).items()}
    torch.save(file, tmp_path / 'vit.pth')
    monkeypatch.setenv('MMSEG_EXT_WEIGHTS', str(tmp_path))
    init = {'type': 'Pretrained', 'checkpoint': 'weights://vit.pth'}
    net = small(img_size=518, num_registers=registers, init_cfg=init)
    with strict_loading():
        net.init_weights()
    state = net.state_dict()
    assert set(state) == set(file)
    for name, value in file.items():
        assert torch.equal(state[name], value), name


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'num_registers': 0}, r'register_tokens has shape \(1, 4, 8\) in the weights and None here; correct `num_reg'),
        ({'num_registers': 2}, r'register_tokens has shape \(1, 4, 8\) in the weights and \(1, 2, 8\) here'),
        ({'img_size': 70}, r'pos_embed has shape \(1, 17, 8\) in the weights and \(1, 26, 8\) here; correct `img_size'),
    ],
)
def test_tokens_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        nn.Sequential(small(**changes)).load_state_dict(nn.Sequential(small()).state_dict(), strict=False)


def test_without_a_file_it_starts_small() -> None:
    net = DINOv2({'embed_dims': 64, 'depth': 1, 'num_heads': 2}, img_size=140, out_indices=(0,))
    net.init_weights()
    for value in (net.blocks[0].mlp.fc1.weight, net.blocks[0].attn.qkv.weight, net.pos_embed):
        assert value.std().item() == pytest.approx(0.02, rel=0.1)
    assert not net.blocks[0].mlp.fc1.bias.any()
    assert net.register_tokens is not None
    assert net.register_tokens.any()
    assert net.cls_token.any()


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        ({'arch': 'giant'}, r"arch must be one of \['small', 'base', 'large'\] or a mapping, got 'giant'"),
        ({'out_indices': (0, 3)}, r'out_indices=\(0, 3\) must lie in -3…2'),
        ({'out_indices': (-4,)}, r'out_indices=\(-4,\)'),
        ({'out_indices': ()}, r'out_indices=\(\)'),
    ],
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DINOv2(**{**SMALL, **wrong})


def test_exported_it_takes_any_size(tmp_path: Path) -> None:
    """Grid and position embedding follow the size in the file too, at the native one as at others.

    This is the network without registers; the one with them is exported where every model is.
    """
    pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    from mmseg_ext.data.classes import Classes
    from mmseg_ext.inference.export_onnx import write_onnx
    from mmseg_ext.inference.network import ModelInfo
    from mmseg_ext.inference.onnx_network import OnnxNetwork
    from mmseg_ext.inference.torch_network import TorchNetwork, full_size_logits

    init_default_scope('mmseg')
    model = dict(
        type='EncoderDecoder',
        test_cfg=dict(mode='whole'),
        backbone=dict(type='mmseg_ext.DINOv2', **SMALL, num_registers=0, frozen=True),
        decode_head=dict(type='mmseg_ext.LinearHead', in_channels=[DIMS, DIMS], num_classes=3),
    )
    model['backbone'].update(arch={'embed_dims': DIMS, 'depth': 1, 'num_heads': HEADS}, out_indices=(0, 0))
    network = TorchNetwork.__new__(TorchNetwork)
    network.model = MODELS.build(model).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for value in network.model.parameters():
            value.normal_(std=0.5)
    colours = ((0, 0, 0), (1, 2, 3), (4, 5, 6))
    network.info = ModelInfo(Classes(('a', 'b', 'c'), colours), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    network.device, network._dtype = 'cpu', None
    write_onnx(network, tmp_path / 'model.onnx')
    exported = OnnxNetwork(tmp_path / 'model.onnx')
    for shape in ((1, 3, 32, 64), (3, 3, 61, 75), (1, 3, 14, 14), (1, 3, GRID * PATCH, GRID * PATCH)):
        image = torch.randn(shape)
        with torch.no_grad():
            expected = full_size_logits(network.model, image)
        assert expected.std() > 0.1
        torch.testing.assert_close(torch.from_numpy(exported.logits(image.numpy())), expected, atol=1e-3, rtol=0)


def test_without_the_file_and_network_a_training_ends_with_one_line(run_tool: Any, tmp_path: Path) -> None:
    config = 'configs/pets/linear_dinov2-vits14-reg4_ce-dice-adamw-frozen-400it_pets-280x280.py'
    make_demo_data(tmp_path / 'data', DemoSettings(train=8, val=1, test=1, size=64))
    (tmp_path / 'data' / 'labels_true').rename(tmp_path / 'data' / 'labels_fixed')
    env = {'PETS_ROOT': str(tmp_path / 'data'), 'MMSEG_EXT_WEIGHTS': str(tmp_path), 'XDG_CACHE_HOME': str(tmp_path)}
    env |= {'https_proxy': 'http://127.0.0.1:9', 'no_proxy': ''}  # where nobody listens
    done = run_tool('train', config, '--work-dir', tmp_path / 'run', '--clearml', 'off', env=env)
    assert done.returncode == 2
    *_, last = done.stderr.strip().splitlines()
    assert 'dinov2_vits14_reg4_pretrain.pth: cannot be downloaded' in last
    assert 'put the file, named dinov2_vits14_reg4_pretrain.pth, in a folder and set MMSEG_EXT_WEIGHTS to it' in last
    assert 'Traceback' not in done.stderr + done.stdout


# Bicubic resizing


def scalar(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


@settings(max_examples=60)
@given(source=st.integers(2, 40), target=st.integers(1, 60), seed=st.integers(0, 99))
def test_with_antialiasing_it_is_torchs_interpolation_to_a_size(source: int, target: int, seed: int) -> None:
    values = torch.randn(source, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    square = values[None, None, :, None].expand(1, 1, source, source)  # constant along the other axis
    expected = F.interpolate(square, (target, source), mode='bicubic', antialias=True)[0, 0, :, 0]
    found = cubic_weights(source, target, scalar(source / target), antialias=True) @ values
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@settings(max_examples=60)
@given(
    source=st.integers(2, 40),
    target=st.integers(1, 60),
    extra=st.sampled_from([0.0, 0.1, 0.37, 0.9]),
    seed=st.integers(0, 99),
)
def test_without_antialiasing_it_is_torchs_interpolation_by_a_factor(
    source: int, target: int, extra: float, seed: int
) -> None:
    assume(source != target)  # torch copies then, whatever the factor
    values = torch.randn(source, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    square = values[None, None, :, None].expand(1, 1, source, source)
    factor = (target + extra) / source
    expected = F.interpolate(square, scale_factor=(factor, 1.0), mode='bicubic')[0, 0, :, 0]
    found = cubic_weights(source, len(expected), scalar(1 / factor), antialias=False) @ values
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_cubic_weights_by_hand() -> None:
    """Halfway between two values the kernel of a = −0.75 is −3/32, 19/32, 19/32, −3/32; beyond the border is its value.

    With a = −0.5 and a step of 2 the kernel at ±1/4, ±3/4, ±5/4 and ±7/4 is 111, 29, −9 and −3, in 128ths.
    """
    plain = cubic_weights(4, 2, scalar(2.0), antialias=False)
    assert (plain * 32).tolist() == [[-3 + 19, 19, -3, 0], [0, -3, 19, 19 - 3]]
    wide = cubic_weights(4, 2, scalar(2.0), antialias=True)
    expected = [[111 / 242, 111 / 242, 29 / 242, -9 / 242], [-9 / 242, 29 / 242, 111 / 242, 111 / 242]]
    torch.testing.assert_close(wide, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize('antialias', [True, False])
def test_resizing_to_the_same_size_is_exactly_the_identity(antialias: bool) -> None:
    assert torch.equal(cubic_weights(37, 37, torch.tensor(1.0), antialias), torch.eye(37))
