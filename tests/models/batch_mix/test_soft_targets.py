from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip('mmseg')

import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import nn

from mmseg_ext.errors import InputError
from mmseg_ext.models.batch_mix.soft_targets import SoftTargets, find_losses, soft_target_problem, to_ids, to_soft

Sample = Callable[..., Any]

CE = dict(type='mmseg_ext.CrossEntropyLoss', class_weight=[0.2, 1.0, 1.5])
BOTH = [CE, dict(type='mmseg_ext.DiceLoss')]
FOUR = dict(in_channels=[8] * 4, in_index=[0, 1, 2, 3])
FCN = dict(type='FCNHead', in_channels=8, in_index=3, channels=8, num_convs=1, num_classes=3, loss_decode=BOTH)
KERNEL_UPDATE = dict(
    type='KernelUpdateHead',
    num_classes=3,
    num_heads=2,
    num_mask_fcs=1,
    feedforward_channels=8,
    in_channels=8,
    out_channels=8,
    feat_transform_cfg=dict(conv_cfg=dict(type='Conv2d'), act_cfg=None),
    kernel_updator_cfg=dict(type='KernelUpdator', in_channels=8, feat_channels=8, out_channels=8),
)
KNET = dict(num_stages=1, kernel_generate_head=FCN, kernel_update_head=[KERNEL_UPDATE])
EXTENT = (32, 48)
SIZES = [(8, 12), (4, 6), (4, 6), (4, 6)]

HEADS: dict[str, dict[str, Any]] = {
    'ANNHead': dict(project_channels=4, in_channels=[8, 8], in_index=[2, 3]),
    'APCHead': {},
    'ASPPHead': dict(dilations=(1, 2)),
    'DAHead': dict(pam_channels=4),
    'DDRHead': dict(in_channels=8, in_index=None),
    'DMHead': dict(filter_sizes=(1, 3)),
    'DNLHead': {},
    'DPTHead': dict(
        embed_dims=8, post_process_channels=[8, 8, 8, 8], patch_size=8, input_transform='multiple_select', **FOUR
    ),
    'DepthwiseSeparableASPPHead': dict(dilations=(1, 2), c1_in_channels=8, c1_channels=4),
    'DepthwiseSeparableFCNHead': dict(num_convs=1),
    'EMAHead': dict(ema_channels=8, num_bases=4, num_stages=1),
    'EncHead': dict(num_codes=4, in_channels=[8, 8], in_index=[2, 3]),
    'FCNHead': dict(num_convs=1),
    'FPNHead': dict(feature_strides=[4, 8, 8, 8], **FOUR),
    'GCHead': {},
    'ISAHead': dict(isa_channels=4, down_factor=(2, 2)),
    'IterativeDecodeHead': KNET,
    'LRASPPHead': dict(
        branch_channels=(4, 4), in_channels=[8, 8, 8], in_index=[0, 2, 3], input_transform='multiple_select'
    ),
    'LightHamHead': dict(ham_channels=8, ham_kwargs=dict(MD_R=4), norm_cfg=dict(type='GN', num_groups=4), **FOUR),
    'NLHead': {},
    'OCRHead': dict(ocr_channels=4),
    'PIDHead': dict(
        in_channels=8,
        in_index=None,
        loss_decode=[CE, CE, dict(type='BoundaryLoss', loss_weight=20.0), CE],
    ),
    'PSPHead': dict(pool_scales=(1, 2)),
    'PointHead': dict(num_fcs=1, norm_cfg=None, in_channels=[8], in_index=[0], coarse_pred_each_layer=True),
    'SETRMLAHead': dict(mla_channels=4, up_scale=2, in_channels=[8, 8], in_index=[2, 3]),
    'SETRUPHead': dict(num_convs=1, up_scale=2),
    'STDCHead': dict(
        num_classes=2,
        out_channels=1,
        boundary_threshold=0.1,
        num_convs=1,
        loss_decode=dict(type='mmseg_ext.CrossEntropyLoss'),
    ),
    'SegformerHead': FOUR,
    'SegmenterMaskTransformerHead': dict(
        num_layers=1, num_heads=2, embed_dims=8, dropout_ratio=0.0, norm_cfg=dict(type='LN')
    ),
    'UPerHead': dict(pool_scales=(1, 2), **FOUR),
}
NOT_HERE = {
    'CCHead': 'needs compiled ops',
    'PSAHead': 'needs compiled ops',
    'SideAdapterCLIPHead': 'needs mmdet',
    'VPDDepthHead': 'predicts depth',
}


CASCADED = ('OCRHead', 'PointHead')  # they refine what another head has predicted
POINTS = dict(num_points=50, oversample_ratio=3, importance_sample_ratio=0.75)


class HeadOnly(nn.Module):
    """Segmentor that consists of a head only and takes feature maps."""

    def __init__(self, decode_head: nn.Module) -> None:
        super().__init__()
        self.decode_head = decode_head

    def forward(self, inputs: Any, data_samples: list[Any], mode: str = 'tensor') -> Any:
        name = type(self.decode_head).__name__
        previous = [torch.ones(2, 3, *SIZES[-1])] if name in CASCADED else []
        return self.decode_head.loss(inputs, *previous, data_samples, SimpleNamespace(**POINTS))


def build(name: str, **options: Any) -> HeadOnly:
    init_default_scope('mmseg')
    own = {**HEADS[name], **options}
    if name != 'IterativeDecodeHead':
        common = dict(in_channels=8, in_index=3, channels=8, num_classes=3, norm_cfg=dict(type='BN'), loss_decode=BOTH)
        own = {key: value for key, value in {**common, **own}.items() if value is not None}
    return HeadOnly(MODELS.build(dict(type=name, **own))).train()


def features(name: str) -> Any:
    generator = torch.Generator().manual_seed(0)
    shapes = [(8, *size) for size in SIZES]
    if name in ('PIDHead', 'DDRHead'):
        shapes = [(4, 4, 6), (8, 4, 6), (4, 4, 6)][: 3 if name == 'PIDHead' else 2]
    if name == 'LRASPPHead':  # it pools 49 pixels wide
        shapes = [(8, 50, 52)] * 4
    made = [torch.randn(2, *shape, generator=generator) for shape in shapes]
    return [(feature_map, torch.zeros(2, 8)) for feature_map in made] if name == 'DPTHead' else made


@pytest.fixture
def ids() -> torch.Tensor:
    """Masks (2, H, W) of rectangles, with ignored pixels."""
    made = torch.zeros(2, *EXTENT, dtype=torch.int64)
    made[0, 5:20, 10:30], made[1, 8:28, 20:44], made[1, 12:20, 2:12] = 1, 2, 1
    made[0, :3], made[1, :, 45:] = 255, 255
    return made


def soft_of(ids: torch.Tensor) -> torch.Tensor:
    return torch.stack([to_soft(image_ids, 3) for image_ids in ids])


@pytest.fixture
def samples(sample: Sample) -> Callable[[torch.Tensor], list[Any]]:
    def make(targets: torch.Tensor) -> list[Any]:
        made = [sample(torch.zeros(EXTENT), gt_edge_map=torch.arange(48).remainder(2).expand(EXTENT)) for _ in targets]
        for made_sample, target in zip(made, targets, strict=True):
            made_sample.gt_sem_seg = PixelData(data=target if target.ndim == 3 else target.unsqueeze(0))
        return made

    return make


@contextmanager
def attached(model: nn.Module, **options: Any) -> Iterator[SoftTargets]:
    soft_targets = SoftTargets(model, **options)
    try:
        yield soft_targets
    finally:
        soft_targets.remove()


def losses_of(model: nn.Module, name: str, data_samples: list[Any]) -> dict[str, torch.Tensor]:
    model = copy.deepcopy(model)  # some heads learn in the forward pass
    with attached(model), torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        losses: dict[str, torch.Tensor] = model(features(name), data_samples=data_samples, mode='loss')
    return losses


@pytest.fixture(autouse=True)
def _point_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replacement of the compiled op that PointRend uses."""
    import mmseg.models.decode_heads.point_head as module

    def point_sample(values: torch.Tensor, points: torch.Tensor, **options: Any) -> torch.Tensor:
        return F.grid_sample(values, 2 * points.unsqueeze(2) - 1, **{'align_corners': False, **options}).squeeze(3)

    monkeypatch.setattr(module, 'point_sample', point_sample)


def test_every_head_of_mmseg_is_tried() -> None:
    import mmseg.models  # noqa: F401 - registers them

    known = {
        name
        for name, head in MODELS.module_dict.items()
        if inspect.isclass(head) and issubclass(head, BaseDecodeHead) and head.__module__.startswith('mmseg.')
    }
    assert known == HEADS.keys() | NOT_HERE.keys()


@pytest.mark.parametrize('name', HEADS)
def test_a_head_takes_one_hot_shares_as_the_class_ids_that_they_are(
    name: str, ids: torch.Tensor, samples: Callable[..., Any]
) -> None:
    model = build(name)
    hard = losses_of(model, name, samples(ids))
    soft = losses_of(model, name, samples(soft_of(ids)))
    assert any('acc' in key for key in hard)
    assert hard.keys() == soft.keys()
    for key in hard:
        assert torch.allclose(hard[key], soft[key], rtol=1e-5, atol=1e-6), key


@pytest.mark.parametrize('name', HEADS)
def test_a_head_learns_from_mixtures(name: str, ids: torch.Tensor, samples: Callable[..., Any]) -> None:
    model = build(name)
    mixed = torch.lerp(soft_of(ids.flip(0)), soft_of(ids), 0.7)
    mixed[(mixed < 0).any(1, keepdim=True).expand_as(mixed)] = -1
    argmax = losses_of(model, name, samples(to_ids(mixed)))
    with attached(model), torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        losses = model(features(name), data_samples=samples(mixed), mode='loss')
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert gradients
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)
    if name not in ('STDCHead', 'PointHead'):  # these learn edges and points, of the argmax
        assert any(not torch.allclose(losses[key], argmax[key]) for key in losses if 'loss' in key)
    for key in losses:
        if 'acc' in key or 'se' in key.split('_') or 'bd' in key.split('_')[-2:-1] or name in ('STDCHead', 'PointHead'):
            assert torch.allclose(losses[key], argmax[key]), key


def reference_cross_entropy(logits: np.ndarray, target: np.ndarray, weights: np.ndarray) -> float:
    """Cross entropy of shares (N, C, H, W) with class weights, in float64, by the sum of the weights that count."""
    logits, target = logits.astype(np.float64), target.astype(np.float64)
    log_probs = logits - logits.max(1, keepdims=True)
    log_probs -= np.log(np.exp(log_probs).sum(1, keepdims=True))
    weighted = np.where(target >= 0, target, 0) * weights[:, None, None]
    return float(-(weighted * log_probs).sum() / weighted.sum())


@pytest.mark.parametrize('weights', [[1.0, 1.0, 1.0], [0.2, 1.0, 1.5]])
def test_the_loss_of_a_mixture_is_the_mixture_of_losses(
    weights: list[float], ids: torch.Tensor, samples: Callable[..., Any]
) -> None:
    lam = 0.7
    ids[ids == 255] = 0
    model = build(
        'FCNHead', loss_decode=dict(type='mmseg_ext.CrossEntropyLoss', class_weight=weights), dropout_ratio=0.0
    )
    model, given = model.double(), [feature_map.double() for feature_map in features('FCNHead')]
    targets = {'a': soft_of(ids).double(), 'b': soft_of(ids.flip(0)).double()}
    targets['mixed'] = lam * targets['a'] + (1 - lam) * targets['b']
    logits = F.interpolate(model.decode_head(given), EXTENT, mode='bilinear').detach().numpy()
    got = {}
    for key, target in targets.items():
        with attached(model):
            got[key] = model(given, data_samples=samples(target), mode='loss')['loss_ce'].item()
        expected = reference_cross_entropy(logits, target.numpy(), np.array(weights))
        assert got[key] == pytest.approx(expected, rel=1e-12)
    if weights == [1.0, 1.0, 1.0]:
        assert got['mixed'] == pytest.approx(lam * got['a'] + (1 - lam) * got['b'], rel=1e-12)


def test_accuracy_by_hand(samples: Callable[..., Any], sample: Sample) -> None:
    scores = F.one_hot(torch.tensor([[[0, 1, 1, 0]]]), 3).permute(0, 3, 1, 2).float() * 9
    model = build('FCNHead', dropout_ratio=0.0)
    model.decode_head.forward = lambda inputs: scores
    # Largest shares: class 0 (right), class 2 (wrong), classes 1 and 2 alike: the first, 1 (right); ignored
    target = torch.tensor([[0.6, 0.4, 0.0], [0.3, 0.1, 0.6], [0.0, 0.5, 0.5], [-1.0, -1.0, -1.0]]).T.view(1, 3, 1, 4)
    data_sample = sample([[0, 0, 0, 0]])
    data_sample.gt_sem_seg = PixelData(data=target[0])
    with attached(model):
        losses = model(None, data_samples=[data_sample], mode='loss')
    assert losses['acc_seg'].item() == pytest.approx(200 / 3)
    assert torch.equal(data_sample.gt_sem_seg.data, target[0])  # the batch itself stays as it is


def test_pixels_that_a_head_ignores_stay_ignored(ids: torch.Tensor, samples: Callable[..., Any]) -> None:
    seen: list[torch.Tensor] = []

    class Watching(nn.Module):
        loss_name = 'loss_watching'

        def forward(self, logits: torch.Tensor, target: torch.Tensor, **kwargs: Any) -> torch.Tensor:
            seen.append(target)
            return logits.sum() * 0

    model = build('PIDHead')
    model.decode_head.loss_decode[3] = Watching()  # gets the mask where the head sees an edge, and 255 elsewhere
    nn.init.zeros_(model.decode_head.d_cls_seg.weight)
    nn.init.zeros_(model.decode_head.d_cls_seg.bias)  # no edges
    mixed = (soft_of(ids).clamp(min=0) + 1) / 4
    with attached(model):
        model(features('PIDHead'), data_samples=samples(mixed), mode='loss')
    assert (seen[-1] == -1).all()
    assert seen[-1].shape == (2, 3, *EXTENT)


def test_one_channel_is_the_share_of_class_1(samples: Callable[..., Any], ids: torch.Tensor) -> None:
    ids = ids.remainder(2) * (ids != 255)
    loss = dict(type='mmseg_ext.CrossEntropyLoss', use_sigmoid=True)
    model = build('FCNHead', num_classes=2, out_channels=1, threshold=0.5, loss_decode=loss, dropout_ratio=0.0)
    target = torch.stack([to_soft(image_ids, 2) for image_ids in ids]) * 0.5 + 0.25
    logits = F.interpolate(model.decode_head(features('FCNHead')), EXTENT, mode='bilinear')
    with attached(model):
        got = model(features('FCNHead'), data_samples=samples(target), mode='loss')['loss_ce']
    assert torch.allclose(got, F.binary_cross_entropy_with_logits(logits[:, 0], target[:, 1]))


def test_a_pixel_sampler_chooses_by_the_argmax(samples: Callable[..., Any], ids: torch.Tensor) -> None:
    model = build('FCNHead', sampler=dict(type='OHEMPixelSampler', thresh=0.3, min_kept=10))
    hard, soft = (losses_of(model, 'FCNHead', samples(target)) for target in (ids, soft_of(ids)))
    assert torch.allclose(hard['loss_ce'], soft['loss_ce'])


def test_nothing_is_left_on_the_model(samples: Callable[..., Any], ids: torch.Tensor) -> None:
    model = build('FCNHead')
    with attached(model) as soft_targets:
        model(features('FCNHead'), data_samples=samples(soft_of(ids)), mode='loss')
        assert soft_targets._soft is None
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())


def test_an_error_in_the_forward_pass_leaves_no_target_behind(samples: Callable[..., Any], ids: torch.Tensor) -> None:
    model = build('FCNHead')
    with attached(model) as soft_targets:
        with pytest.raises(IndexError):
            model([], data_samples=samples(soft_of(ids)), mode='loss')
        assert soft_targets._ids is None


# Losses that cannot


@pytest.mark.parametrize(
    ('loss', 'reason'),
    [
        (dict(type='mmseg_ext.BoundaryCrossEntropyLoss'), 'boundaries need class ids'),
        (dict(type='mmseg_ext.LovaszSoftmaxLoss'), 'a Lovász loss needs class ids'),
        (dict(type='CrossEntropyLoss'), 'ignore_index is not supported'),
        (dict(type='DiceLoss'), ''),
        (dict(type='FocalLoss'), ''),
        (dict(type='LovaszLoss', reduction='none'), ''),
    ],
)
def test_a_loss_that_cannot_is_named_in_the_first_step(
    loss: dict[str, Any], reason: str, samples: Callable[..., Any], ids: torch.Tensor
) -> None:
    model = build('FCNHead', loss_decode=[CE, loss])
    text = rf'config: decode_head\.loss_decode\.1 \({loss["type"].rpartition(".")[2]}\) cannot be trained on the soft '
    with (
        attached(model, source='MixUp'),
        pytest.raises(InputError, match=rf'{text}targets of MixUp: {reason}') as error,
    ):
        model(features('FCNHead'), data_samples=samples(ids), mode='loss')  # class ids: not mixed yet
    assert '\n' not in str(error.value)


def test_a_loss_that_counts_ignored_shares_is_found_by_its_value() -> None:
    class Counting(nn.Module):
        def forward(self, logits: torch.Tensor, target: torch.Tensor, ignore_index: int = 255) -> torch.Tensor:
            if target.is_floating_point():
                return F.cross_entropy(logits, target)
            return F.cross_entropy(logits, target, ignore_index=ignore_index)

    reason = soft_target_problem(Counting(), 3, torch.device('cpu'))
    assert reason is not None
    assert reason.startswith('for the same mask it gives 1.')


OURS = [
    'CrossEntropyLoss',
    'FocalLoss',
    'OHEMCrossEntropyLoss',
    'GeneralizedCrossEntropyLoss',
    'DiceLoss',
    'JaccardLoss',
    'TverskyLoss',
]


@pytest.mark.parametrize('name', OURS)
@pytest.mark.parametrize('channels', [1, 3])
def test_losses_of_the_package_can(name: str, channels: int) -> None:
    loss = MODELS.build(dict(type=f'mmseg_ext.{name}'))
    assert soft_target_problem(loss, channels, torch.device('cpu')) is None


def test_what_an_edge_head_needs_no_shares_for_is_not_asked_for_them(
    samples: Callable[..., Any], ids: torch.Tensor
) -> None:
    model = build('STDCHead', loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True))
    with attached(model):
        losses = model(features('STDCHead'), data_samples=samples(soft_of(ids)), mode='loss')
    assert all(math.isfinite(float(value)) for value in losses.values())


def test_losses_are_found_in_every_head() -> None:
    model = nn.ModuleDict(dict(decode_head=nn.ModuleList([build('FCNHead').decode_head, build('OCRHead').decode_head])))
    assert sorted(find_losses(model).values()) == [
        f'decode_head.{head}.loss_decode.{loss}' for head in (0, 1) for loss in (0, 1)
    ]


def test_another_ignored_id_is_refused() -> None:
    with pytest.raises(InputError, match='decode_head ignores 0, but MixUp ignores 255'):
        SoftTargets(build('FCNHead', ignore_index=0), 'MixUp')


# Shares and ids


def test_shares_and_ids_by_hand() -> None:
    ids = torch.tensor([[0, 2, 255]])
    soft = to_soft(ids, 3)
    assert soft.tolist() == [[[1, 0, -1]], [[0, 0, -1]], [[0, 1, -1]]]
    assert soft.dtype == torch.float32
    assert torch.equal(to_ids(soft), ids)
