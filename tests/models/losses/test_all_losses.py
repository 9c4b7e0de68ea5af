"""Properties that every loss must have."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('mmseg')

import torch.nn.functional as F  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from loss_references import (  # noqa: E402
    IGNORE,
    boundary_weights,
    hard_pixels,
    lovasz,
    overlap,
    pixel_loss,
    probabilities,
    region_loss,
)
from mmengine.registry import DefaultScope  # noqa: E402
from mmseg.registry import MODELS  # noqa: E402

from mmseg_ext.models import losses  # noqa: E402
from mmseg_ext.models.losses.pixel_loss import PixelLoss  # noqa: E402
from mmseg_ext.models.losses.region_loss import RegionLoss  # noqa: E402

Reference = Callable[..., float]


@dataclass(frozen=True)
class Case:
    """A loss with options, its reference, and its limits for a confident wrong and a confident right prediction."""

    name: str
    reference: Reference
    worst: float
    options: dict[str, Any] = field(default_factory=dict)
    soft: bool = True
    perfect: float = 0.0

    @property
    def id(self) -> str:
        return '-'.join([self.name, *(f'{key}={value}' for key, value in self.options.items())])

    def build(self, **further: Any) -> torch.nn.Module:
        return getattr(losses, self.name)(**self.options, **further)

    @property
    def by_pixel(self) -> bool:
        return issubclass(getattr(losses, self.name), PixelLoss)


def of_pixels(cost: Callable[[float], float], **options: Any) -> Reference:
    return lambda logits, target, **further: pixel_loss(cost, logits, target, **options, **further)


def of_regions(class_loss: Callable, use_sigmoid: bool = False, **options: Any) -> Reference:
    def reference(logits, target, **further):
        return region_loss(class_loss, probabilities(logits, use_sigmoid), target, **options, **further)

    return reference


def of_hinges(logits, target, *, per='image', absent='count', **further):
    # An error needs the sign of the target: both outcomes are given, as one complex number each.
    hinges = np.maximum(0, 1 - logits) + 1j * np.maximum(0, 1 + logits)
    return region_loss(
        lambda s, t, a: lovasz(np.where(t == 1, s.real, s.imag), t, a),
        hinges,
        target,
        per=per,
        absent=absent,
        **further,
    )


def of_hard_pixels(thresh: float | None, min_kept: float) -> Reference:
    def reference(logits, target, **further):
        keep = hard_pixels(logits, target, thresh, min_kept)
        return pixel_loss(cross_entropy, logits, target, keep=keep, **further)

    return reference


def of_boundaries(w0: float, sigma: float, band: int, **options: Any) -> Reference:
    def reference(logits, target, pixel_weight=None, **further):
        own = boundary_weights(target, w0, sigma, band)
        weight = own if pixel_weight is None else own * pixel_weight
        return pixel_loss(cross_entropy, logits, target, pixel_weight=weight, **options, **further)

    return reference


def cross_entropy(p: float) -> float:
    return -math.log(p)


def focal(gamma: float) -> Callable[[float], float]:
    return lambda p: -((1 - p) ** gamma) * math.log(p)


def generalized(q: float) -> Callable[[float], float]:
    return lambda p: (1 - p**q) / q


def dice(smooth: float) -> Callable[[float, float, float], float]:
    return lambda tp, fp, fn: (2 * tp + smooth) / (2 * tp + fp + fn + smooth)


def tversky(alpha: float, beta: float, smooth: float) -> Callable[[float, float, float], float]:
    return lambda tp, fp, fn: (tp + smooth) / (tp + alpha * fp + beta * fn + smooth)


def lovasz_of_probabilities(p: np.ndarray, t: np.ndarray, a: np.ndarray) -> float:
    return lovasz(np.abs(t - p), t, a)


CONFIDENT = 30.0  # logit of the limits; with softmax and two or three classes, ln p of a wrong class is -CONFIDENT
LOG_WORST = math.log(5)  # smooth=1, see `test_limits`
CASES = [
    Case('CrossEntropyLoss', of_pixels(cross_entropy), CONFIDENT),
    Case('CrossEntropyLoss', of_pixels(cross_entropy, use_sigmoid=True), CONFIDENT, {'use_sigmoid': True}),
    Case('CrossEntropyLoss', of_pixels(cross_entropy, normalize='pixels'), CONFIDENT, {'normalize': 'pixels'}),
    Case(
        'CrossEntropyLoss',
        of_pixels(cross_entropy, label_smoothing=0.2),
        CONFIDENT * 0.9,
        {'label_smoothing': 0.2},
        perfect=CONFIDENT * 0.1,
    ),
    Case(
        'CrossEntropyLoss',
        of_pixels(cross_entropy, label_smoothing=0.2, use_sigmoid=True),
        CONFIDENT * 0.9,
        {'label_smoothing': 0.2, 'use_sigmoid': True},
        perfect=CONFIDENT * 0.1,
    ),
    Case('FocalLoss', of_pixels(focal(2)), CONFIDENT),
    Case('FocalLoss', of_pixels(focal(0.5), use_sigmoid=True), CONFIDENT, {'gamma': 0.5, 'use_sigmoid': True}),
    Case('GeneralizedCrossEntropyLoss', of_pixels(generalized(0.7)), 1 / 0.7),
    Case('GeneralizedCrossEntropyLoss', of_pixels(generalized(1), use_sigmoid=True), 1, {'q': 1, 'use_sigmoid': True}),
    Case('OHEMCrossEntropyLoss', of_hard_pixels(0.7, 1 / 16), CONFIDENT),
    Case('OHEMCrossEntropyLoss', of_hard_pixels(None, 0.4), CONFIDENT, {'thresh': None, 'min_kept': 0.4}),
    Case('BoundaryCrossEntropyLoss', of_boundaries(10, 5, 1), 11 * CONFIDENT, soft=False),
    Case(
        'BoundaryCrossEntropyLoss',
        of_boundaries(3, 0, 2, use_sigmoid=True),
        4 * CONFIDENT,
        {'w0': 3, 'sigma': 0, 'band': 2, 'use_sigmoid': True},
        soft=False,
    ),
    Case('DiceLoss', of_regions(overlap(dice(1), log=False)), 4 / 5),
    Case(
        'DiceLoss',
        of_regions(overlap(dice(1), log=True), use_sigmoid=True),
        LOG_WORST,
        {'log': True, 'use_sigmoid': True},
    ),
    Case(
        'DiceLoss',
        of_regions(overlap(dice(1), log=False), per='image', absent='count'),
        4 / 5,
        {'per': 'image', 'absent': 'count'},
    ),
    Case('JaccardLoss', of_regions(overlap(tversky(1, 1, 1), log=False)), 4 / 5),
    Case(
        'JaccardLoss',
        of_regions(overlap(tversky(1, 1, 1), log=True), per='image'),
        LOG_WORST,
        {'log': True, 'per': 'image'},
    ),
    Case('TverskyLoss', of_regions(overlap(tversky(0.3, 0.7, 1), log=False)), 2 / 3),
    Case(
        'TverskyLoss',
        of_regions(overlap(tversky(0.6, 0.4, 0.1), log=False, gamma=4 / 3), absent='count', use_sigmoid=True),
        (2 / 2.1) ** 0.75,
        {'alpha': 0.6, 'beta': 0.4, 'gamma': 4 / 3, 'smooth': 0.1, 'absent': 'count', 'use_sigmoid': True},
    ),
    Case('LovaszSoftmaxLoss', of_regions(lovasz_of_probabilities), 1, soft=False),
    Case(
        'LovaszSoftmaxLoss',
        of_regions(lovasz_of_probabilities, per='image', absent='count', use_sigmoid=True),
        1,
        {'per': 'image', 'absent': 'count', 'use_sigmoid': True},
        soft=False,
    ),
    Case('LovaszHingeLoss', of_hinges, 1 + CONFIDENT, soft=False),
    Case(
        'LovaszHingeLoss',
        lambda *args, **further: of_hinges(*args, per='batch', absent='skip', **further),
        1 + CONFIDENT,
        {'per': 'batch', 'absent': 'skip'},
        soft=False,
    ),
]
every_case = pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
channels_1_and_3 = pytest.mark.parametrize('channels', [1, 3])


def batch(channels: int, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and class ids with ignored pixels, the same each time; every class is there."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, channels, 4, 5, generator=generator, dtype=torch.float64).to(dtype)
    target = torch.randint(max(channels, 2), (2, 4, 5), generator=generator)
    target[0, :2, :2] = IGNORE
    return logits, target


def one_hot(target: torch.Tensor, channels: int) -> torch.Tensor:
    """Class ids as soft targets."""
    ids = torch.where(target == IGNORE, 0, target)
    soft = F.one_hot(ids, max(channels, 2)).movedim(-1, 1).float()[:, -channels:]
    return torch.where(target.unsqueeze(1) == IGNORE, -1, soft)


@st.composite
def inputs(draw, soft: bool) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pixels, channels = (shape[0], *shape[2:]), shape[1]
    ignored = rng.random(pixels) < draw(st.sampled_from([0.0, 0.3, 1.0]))
    if soft and draw(st.booleans()):
        mixed = np.moveaxis(rng.dirichlet(np.ones(max(channels, 2)), size=pixels), -1, 1)[:, :channels]
        target = np.where(ignored[:, None], -1.0, mixed)
    else:
        target = np.where(ignored, IGNORE, rng.integers(max(channels, 2), size=pixels))
    weight = rng.uniform(0.1, 2, size=pixels) * (rng.random(pixels) < 0.9) if draw(st.booleans()) else None
    return rng.normal(scale=2, size=shape), target, {'pixel_weight': weight, 'with_class_weight': draw(st.booleans())}


@every_case
@settings(max_examples=25)
@given(st.data())
def test_against_numpy(case: Case, data: st.DataObject) -> None:
    logits, target, options = data.draw(inputs(case.soft))
    weight, channels = options['pixel_weight'], logits.shape[1]
    class_weight = [0.5, 2.0, 1.0, 3.0][: max(channels, 2) if case.by_pixel else channels]
    class_weight = class_weight if options['with_class_weight'] else None
    got = case.build(class_weight=class_weight, loss_weight=0.5)(
        torch.from_numpy(logits),
        torch.from_numpy(target),
        weight=None if weight is None else torch.from_numpy(weight),
        ignore_index=IGNORE,
    )
    expected = case.reference(logits, target, pixel_weight=weight, class_weight=class_weight)
    tolerance = 1e-6 if case.name == 'BoundaryCrossEntropyLoss' else 1e-9  # its pixel weights are float32
    assert got.item() == pytest.approx(0.5 * expected, rel=tolerance, abs=1e-12)


@every_case
@channels_1_and_3
def test_gradient(case: Case, channels: int) -> None:
    logits, target = batch(channels, torch.float64)
    logits = logits[:, :, :3, :3].contiguous().requires_grad_()
    target, loss = target[:, :3, :3], case.build()
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits)
    if case.soft:
        mixed = one_hot(target, channels) * 0.8 + 0.1  # ignored pixels stay negative
        assert torch.autograd.gradcheck(lambda z: loss(z, mixed), logits)


@every_case
@channels_1_and_3
def test_limits(case: Case, channels: int) -> None:
    # Classes 0 and 1 in two pixels each; of three channels the third is absent. All pixels touch a boundary, all are
    # as hard, and an overlap loss has for each class: no true positives, two false ones of either kind.
    target = torch.tensor([[[0, 1], [0, 1]]])
    loss = case.build(**({} if case.by_pixel or channels == 1 else {'classes': [0, 1]}))
    right = one_hot(target, 3)[:, :2] if channels == 3 else one_hot(target, 1)
    by_softmax = channels == 3 and not case.options.get('use_sigmoid')
    logits = (2 * right - 1) * (CONFIDENT / 2 if by_softmax else CONFIDENT)
    if case.name == 'LovaszHingeLoss':
        logits = (2 * right - 1) * CONFIDENT
    if channels == 3 and not case.by_pixel:  # an absent class that nobody predicts
        logits = torch.cat([logits, torch.full_like(logits[:, :1], -1000.0)], 1)
    assert loss(logits, target).item() == pytest.approx(case.perfect, abs=1e-5)
    wrong = torch.cat([-logits[:, :2], logits[:, 2:]], 1)
    assert loss(wrong, target).item() == (pytest.approx(case.worst, rel=1e-5))


@every_case
@channels_1_and_3
def test_ignored_pixels_have_no_influence(case: Case, channels: int) -> None:
    logits, target = batch(channels)
    logits.requires_grad_()
    loss = case.build()
    value = loss(logits, target)
    (gradient,) = torch.autograd.grad(value, logits)
    ignored = (target == IGNORE).unsqueeze(1).expand_as(logits)
    assert gradient[ignored].count_nonzero() == 0
    assert gradient[~ignored].count_nonzero() > 0
    assert gradient.isfinite().all()
    assert loss(torch.where(ignored, -1e4, logits), target).item() == value.item()
    assert loss(logits, torch.where(target == IGNORE, -7, target), ignore_index=-7).item() == value.item()


@every_case
@channels_1_and_3
@pytest.mark.parametrize('images', [0, 2])
def test_nothing_to_count_is_zero_with_graph(case: Case, channels: int, images: int) -> None:
    logits = torch.randn(images, channels, 2, 2, requires_grad=True)
    loss = case.build()(logits, torch.full((images, 2, 2), IGNORE))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


@pytest.mark.parametrize(
    'case', [case for case in CASES if case.by_pixel and not case.options], ids=lambda case: case.id
)
@channels_1_and_3
def test_smoothed_labels_of_weight_0_are_nothing_to_count(case: Case, channels: int) -> None:
    logits = torch.randn(2, channels, 4, 5, requires_grad=True)
    class_weight = [0.0, 1.0, 1.0][: max(channels, 2)]
    loss = case.build(class_weight=class_weight, label_smoothing=0.1)(logits, torch.zeros(2, 4, 5, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


@every_case
@channels_1_and_3
def test_soft_targets(case: Case, channels: int) -> None:
    logits, target = batch(channels)
    loss = case.build()
    if case.soft:
        torch.testing.assert_close(loss(logits, one_hot(target, channels)), loss(logits, target))
    else:
        with pytest.raises(ValueError, match='soft targets'):
            loss(logits, one_hot(target, channels))


@every_case
@channels_1_and_3
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(case: Case, channels: int, dtype: torch.dtype) -> None:
    logits, target = batch(channels, dtype)
    logits.requires_grad_()
    loss = case.build()
    with torch.autocast('cpu', torch.bfloat16):
        value = loss(logits, target)
    value.backward()
    assert value.dtype == torch.float32
    assert value.item() == loss(logits.detach().float(), target).item()
    assert logits.grad.dtype == dtype
    assert logits.grad.isfinite().all()


@every_case
@channels_1_and_3
@pytest.mark.parametrize('sign', [-1, 1])
def test_extreme_logits_stay_finite(case: Case, channels: int, sign: int) -> None:
    _, target = batch(channels)
    right = 2 * one_hot(target, channels).clamp(min=0) - 1
    logits = (sign * 1e4 * right).requires_grad_()
    value = case.build()(logits, target)
    value.backward()
    assert value.isfinite()
    assert logits.grad.isfinite().all()


@every_case
@channels_1_and_3
def test_equal_class_weights_are_none(case: Case, channels: int) -> None:
    logits, target = batch(channels)
    number = max(channels, 2) if case.by_pixel else channels
    scale = 1.0 if case.options.get('normalize') == 'pixels' else 3.0  # elsewhere the scale cancels
    torch.testing.assert_close(case.build(class_weight=[scale] * number)(logits, target), case.build()(logits, target))
    with pytest.raises(ValueError, match='class_weight holds'):
        case.build(class_weight=[1.0] * (number + 1))(logits, target)


@every_case
@channels_1_and_3
def test_a_flip_of_all_and_the_memory_format_change_nothing(case: Case, channels: int) -> None:
    logits, target = batch(channels)
    loss = case.build()
    value = loss(logits, target)
    torch.testing.assert_close(loss(logits.flip(3), target.flip(2)), value)
    torch.testing.assert_close(loss(logits.mT, target.mT), value)
    torch.testing.assert_close(loss(logits.contiguous(memory_format=torch.channels_last), target), value)


@every_case
@channels_1_and_3
def test_no_value_is_asked_of_the_device(case: Case, channels: int) -> None:
    # Tensors of the device `meta` have no values: whatever would wait for a GPU, or mix it with the CPU, fails.
    logits = torch.randn(2, channels, 4, 5, dtype=torch.bfloat16, device='meta', requires_grad=True)
    loss = case.build(class_weight=[1.0, 2.0, 3.0][: max(channels, 2) if case.by_pixel else channels])
    loss(logits, torch.zeros(2, 4, 5, dtype=torch.long, device='meta')).backward()
    assert logits.grad.shape == logits.shape


@every_case
def test_bad_targets_and_options(case: Case) -> None:
    logits, target = batch(3)
    with pytest.raises(ValueError, match='class id 7'):
        case.build()(logits, torch.full_like(target, 7))
    with pytest.raises(ValueError, match='class ids of shape'):
        case.build()(logits, target.unsqueeze(1))
    with pytest.raises(ValueError, match='pixel weights of shape'):
        case.build()(logits, target, weight=torch.ones(2, 3, 3))
    with pytest.raises(ValueError, match='must start with'):
        case.build(loss_name='mine')
    with pytest.raises(TypeError, match='unknown'):
        case.build(unknown=1)


@every_case
def test_built_by_name_as_in_a_config(case: Case) -> None:
    with DefaultScope.overwrite_default_scope('mmseg'):
        loss = MODELS.build({'type': f'mmseg_ext.{case.name}', **case.options})
    assert type(loss) is getattr(losses, case.name)
    assert loss.loss_name.startswith('loss_')
    assert not loss.state_dict()


def test_every_loss_has_a_case_and_a_name_of_its_own() -> None:
    exported = {name: getattr(losses, name) for name in losses.__all__}
    public = {
        name for name, one in exported.items() if isinstance(one, type) and issubclass(one, (PixelLoss, RegionLoss))
    }
    assert {case.name for case in CASES} == public
    assert len({getattr(losses, name)().loss_name for name in public}) == len(public)


def test_the_config_lines_of_the_docs_build(repo_root: Path) -> None:
    text = (repo_root / 'docs' / 'losses.md').read_text(encoding='utf-8')
    lines = re.findall(r"dict\(type='mmseg_ext\.\w+'[^`\n]*?\)(?=[`,\]\n])", text)
    configs = [eval(line, {'dict': dict}) for line in lines]
    logits, target = batch(3)
    for config in configs:
        assert MODELS.build(config)(logits, target).isfinite()
    assert {config['type'].removeprefix('mmseg_ext.') for config in configs} == {case.name for case in CASES}
