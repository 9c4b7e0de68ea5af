"""DINOv2 Vision Transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_ext.errors import InputError
from mmseg_ext.registry import MODELS

ARCHITECTURES = {
    'small': dict(embed_dims=384, depth=12, num_heads=6),
    'base': dict(embed_dims=768, depth=12, num_heads=12),
    'large': dict(embed_dims=1024, depth=24, num_heads=16),
}
NO_REGISTERS_GRID_OFFSET = 0.1  # patches; added to the grid when the models without registers were trained


class PatchEmbed(nn.Module):
    """One token per patch: a convolution whose stride is its kernel size."""

    def __init__(self, in_channels: int, dims: int, patch_size: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, dims, patch_size, stride=patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to tokens (N, H/patch · W/patch, dims) in row-major order."""
        return self.proj(x).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Multi-head self-attention; the rows of ``qkv`` are queries, keys, values, in this order."""

    def __init__(self, dims: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dims, 3 * dims)
        self.proj = nn.Linear(dims, dims)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (N, L, dims) to the same shape."""
        queries, keys, values = self.qkv(x).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4).unbind()
        return self.proj(F.scaled_dot_product_attention(queries, keys, values).transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Two linear layers with GELU between them; the hidden layer is four times as wide."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dims, 4 * dims)
        self.fc2 = nn.Linear(4 * dims, dims)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (N, L, dims) to the same shape."""
        return self.fc2(F.gelu(self.fc1(x)))


class LayerScale(nn.Module):
    """One learned factor per channel (Touvron et al., CaiT, arXiv 2103.17239)."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dims))

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of tokens (N, L, dims)."""
        return x * self.gamma


class Block(nn.Module):
    """Pre-norm transformer block with LayerScale: attention, then MLP, each with a residual connection."""

    def __init__(self, dims: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dims, eps=1e-6)
        self.attn = Attention(dims, num_heads)
        self.ls1 = LayerScale(dims)
        self.norm2 = nn.LayerNorm(dims, eps=1e-6)
        self.mlp = MLP(dims)
        self.ls2 = LayerScale(dims)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (N, L, dims) to the same shape."""
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


@MODELS.register_module()
class DINOv2(BaseModule):
    """DINOv2 Vision Transformer (Oquab et al., arXiv 2304.07193), with registers (Darcet et al., arXiv 2309.16588).

    The keys are those of the published files: ``dinov2_vits14_reg4_pretrain.pth`` and the others load unchanged.

    Images of any size are accepted: if a side is not a multiple of the patch size, the image is enlarged (bilinear) to
    the next multiple. With padding instead, the feature map would cover more than the image, and logits that mmseg
    stretches over the image would be off by up to a patch at its right and lower border.

    Shape:
        (N, in_channels, H, W) → one map (N, embed_dims, ⌈H/patch⌉, ⌈W/patch⌉) per entry of ``out_indices``.

    Args:
        arch: ``'small'``, ``'base'`` or ``'large'``; or a mapping with ``embed_dims``, ``depth`` and ``num_heads``.
        patch_size: Side of a patch in pixels.
        img_size: Side in pixels of the images that the position embedding was trained on, not of the input.
        num_registers: Number of register tokens: 4 for the ``_reg4`` files, 0 for the others.
        out_indices: Blocks whose output is returned, −1 for the last. Blocks after the last of them are not built.
        final_norm: Whether the final norm is applied to each output, as in DINOv2's own evaluations.
        in_channels: Channels of the input.
        frozen: Train nothing: no gradients, and always evaluation mode.
        init_cfg: mmengine's initialization, e.g. ``dict(type='Pretrained', checkpoint='weights://FILE')``.

    Raises:
        InputError: Loaded weights have other registers or another grid.
        ValueError: An argument is out of range.

    >>> net = DINOv2({'embed_dims': 8, 'depth': 2, 'num_heads': 2}, out_indices=(0, 1))
    >>> [tuple(out.shape) for out in net(torch.zeros(1, 3, 28, 50))]
    [(1, 8, 2, 4), (1, 8, 2, 4)]
    """

    def __init__(
        self,
        arch: str | Mapping[str, int] = 'small',
        patch_size: int = 14,
        img_size: int = 518,
        num_registers: int = 4,
        out_indices: Sequence[int] = (-4, -3, -2, -1),
        final_norm: bool = True,
        in_channels: int = 3,
        frozen: bool = False,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg or [dict(type='TruncNormal', layer='Linear', std=0.02)])
        if isinstance(arch, str) and arch not in ARCHITECTURES:
            raise ValueError(f'DINOv2: arch must be one of {list(ARCHITECTURES)} or a mapping, got {arch!r}')
        sizes = ARCHITECTURES[arch] if isinstance(arch, str) else arch
        dims, depth = sizes['embed_dims'], sizes['depth']
        if not out_indices or any(not -depth <= index < depth for index in out_indices):
            raise ValueError(f'DINOv2: out_indices={tuple(out_indices)} must lie in {-depth}…{depth - 1}')
        self.patch_size = patch_size
        self.grid = img_size // patch_size
        self.out_indices = tuple(index % depth for index in out_indices)
        self.frozen = frozen

        self.cls_token = nn.Parameter(torch.zeros(1, 1, dims))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.grid**2, dims))
        self.register_tokens = nn.Parameter(torch.zeros(1, num_registers, dims)) if num_registers else None
        self.register_buffer('mask_token', torch.zeros(1, dims))  # in the published files; used only in pretraining
        self.patch_embed = PatchEmbed(in_channels, dims, patch_size)
        self.blocks = nn.ModuleList(Block(dims, sizes['num_heads']) for _ in range(1 + max(self.out_indices)))
        self.norm = nn.LayerNorm(dims, eps=1e-6) if final_norm else nn.Identity()
        for token in (self.cls_token, self.pos_embed, self.register_tokens):
            if token is not None:
                nn.init.trunc_normal_(token, std=0.02)
        self.register_load_state_dict_pre_hook(_check_tokens)
        if frozen:
            self.requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images (N, in_channels, H, W) to one map (N, embed_dims, ⌈H/patch⌉, ⌈W/patch⌉) per output block."""
        height, width = ((side + self.patch_size - 1) // self.patch_size for side in x.shape[2:])
        x = F.interpolate(x, (height * self.patch_size, width * self.patch_size), mode='bilinear')
        x = self.patch_embed(x) + self.position_embedding(height, width)
        front = [self.cls_token + self.pos_embed[:, :1]]
        if self.register_tokens is not None:
            front.append(self.register_tokens)  # without position embedding
        tokens = torch.cat([*(token.expand(len(x), -1, -1) for token in front), x], 1)
        num_front = tokens.shape[1] - x.shape[1]
        maps = {}
        for index, block in enumerate(self.blocks):
            tokens = block(tokens)
            if index in self.out_indices:
                patches = self.norm(tokens[:, num_front:])
                maps[index] = patches.transpose(1, 2).unflatten(2, (height, width))
        return tuple(maps[index] for index in self.out_indices)

    def position_embedding(self, height: int, width: int) -> Tensor:
        """Resize (bicubic) the patches' position embedding to a grid: (1, height · width, embed_dims).

        As published: networks with registers use antialiasing; those without do not, and use a grid that is larger by a
        tenth of a patch.
        """
        antialias = self.register_tokens is not None
        table = self.pos_embed[0, 1:].unflatten(0, (self.grid, self.grid))
        sides = torch.tensor([height, width], dtype=table.dtype, device=table.device)
        steps = self.grid / (sides if antialias else sides + NO_REGISTERS_GRID_OFFSET)
        # Not an `if`: the exported ONNX graph would keep only one of its branches.
        steps = torch.where((sides == self.grid).all(), torch.ones_like(steps), steps)
        rows = cubic_weights(self.grid, height, steps[0], antialias)
        columns = cubic_weights(self.grid, width, steps[1], antialias)
        resized = columns @ (rows @ table.flatten(1)).unflatten(1, (self.grid, -1))
        return resized.flatten(0, 1)[None]

    def train(self, mode: bool = True) -> DINOv2:
        """Set the mode; a frozen network stays in evaluation mode."""
        super().train(mode and not self.frozen)
        return self


def _check_tokens(module: nn.Module, state: Mapping[str, Any], prefix: str, *_: Any) -> None:
    """Refuse weights with other registers or another grid, which would otherwise keep their random values."""
    if f'{prefix}pos_embed' not in state:
        return
    for name, argument in (('register_tokens', '`num_registers:`'), ('pos_embed', '`img_size:` or `patch_size:`')):
        token, value = getattr(module, name), state.get(f'{prefix}{name}')
        own, other = (None if tensor is None else tuple(tensor.shape) for tensor in (token, value))
        if own != other:
            raise InputError('DINOv2', f'{name} has shape {other} in the weights and {own} here', f'correct {argument}')


def cubic_weights(source: int, target: int, step: Tensor, antialias: bool) -> Tensor:
    """Return the matrix (target, source) that resizes an axis as torch's bicubic interpolation does.

    `torch.nn.functional.interpolate` takes either a size or a scale factor, and with a factor the size is a constant in
    the exported ONNX graph.

    Args:
        source: Length of the axis before resizing, at least 2.
        target: Length after it.
        step: Distance between two output values, in units of input values; a scalar.
        antialias: Whether the kernel widens if the step is above 1, and is cut at the border. Otherwise the value at
            the border continues beyond it. The kernel is from Keys (1981), a = −0.5, without antialiasing −0.75.
    """
    outside = 0 if antialias else 2
    positions = torch.arange(-outside, source + outside, dtype=step.dtype, device=step.device) + 0.5
    centres = (torch.arange(target, dtype=step.dtype, device=step.device) + 0.5) * step
    distances = (centres[:, None] - positions).abs()
    if antialias:
        weights = _kernel(distances / step.clamp(min=1), -0.5)
        return weights / weights.sum(1, keepdim=True)
    first, inner, last = _kernel(distances, -0.75).split([outside + 1, source - 2, outside + 1], 1)
    return torch.cat([first.sum(1, keepdim=True), inner, last.sum(1, keepdim=True)], 1)


def _kernel(x: Tensor, a: float) -> Tensor:
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return torch.where(x < 1, near, torch.where(x < 2, far, 0))
