import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_references import overlap, probabilities, region_loss
from mmseg.models import losses as mmseg_losses

from mmseg_ext.models.losses import CrossEntropyLoss, DiceLoss

IGNORE = 255


@st.composite
def cases(draw):
    """Logits, class ids or soft targets with ignored pixels, pixel weights, and options that fit them."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pixels, channels = (shape[0], *shape[2:]), shape[1]
    ignored = rng.random(pixels) < draw(st.sampled_from([0.0, 0.3, 1.0]))
    if draw(st.booleans()):
        target = np.where(ignored[:, None], -1.0, rng.random(shape))
    else:
        target = np.where(ignored, IGNORE, rng.integers(max(channels, 2), size=pixels))
    options = {
        'use_sigmoid': draw(st.booleans()),
        'classes': draw(st.none() | st.lists(st.integers(0, channels - 1), min_size=1, unique=True)),
        'class_weight': draw(st.none() | st.just(rng.uniform(0.1, 3, size=channels).tolist())),
        'per': draw(st.sampled_from(['batch', 'image'])),
        'absent': draw(st.sampled_from(['skip', 'count'])),
        'smooth': draw(st.sampled_from([0.01, 1.0, 10.0])),
        'log': draw(st.booleans()),
    }
    pixel_weight = rng.uniform(0, 2, size=pixels) if draw(st.booleans()) else None
    return rng.normal(scale=3, size=shape), target, pixel_weight, options


@settings(max_examples=100, deadline=None)
@given(cases())
def test_against_loops(case):
    logits, target, pixel_weight, options = case
    got = DiceLoss(loss_weight=2.0, **options)(
        torch.from_numpy(logits),
        torch.from_numpy(target),
        weight=None if pixel_weight is None else torch.from_numpy(pixel_weight),
        ignore_index=IGNORE,
    )
    use_sigmoid, smooth, log = (options.pop(name) for name in ('use_sigmoid', 'smooth', 'log'))
    class_loss = overlap(lambda tp, fp, fn: (2 * tp + smooth) / (2 * tp + fp + fn + smooth), log)
    expected = 2 * region_loss(
        class_loss, probabilities(logits, use_sigmoid), target, pixel_weight=pixel_weight, **options
    )
    assert got.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


# One image, two classes, four pixels. Class 1 has probabilities 3/4, 1/4, 1/2 and an ignored pixel; truth 1, 0, 0.
# Overlap, predicted, true: class 0: 3/4 + 1/2 = 5/4, 3/2, 2; class 1: 3/4, 3/2, 1.
HAND_LOGITS = torch.log(torch.tensor([[[[0.25, 0.75], [0.5, 0.01]], [[0.75, 0.25], [0.5, 0.99]]]], dtype=torch.float64))
HAND_TARGET = torch.tensor([[[1, 0], [0, IGNORE]]])


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'smooth': 0}, 1 - (5 / 7 + 3 / 5) / 2),
        ({'smooth': 1}, 1 - (7 / 9 + 5 / 7) / 2),
        ({'smooth': 0, 'classes': [1]}, 1 - 3 / 5),
        ({'smooth': 0, 'class_weight': [1, 3]}, 1 - (5 / 7 + 3 * 3 / 5) / 4),
        ({'smooth': 0, 'class_weight': [1, 3], 'classes': [1]}, 1 - 3 / 5),
        ({'smooth': 1, 'log': True}, -(math.log(7 / 9) + math.log(5 / 7)) / 2),
    ],
)
def test_two_by_two_by_hand(options, expected):
    assert DiceLoss(**options)(HAND_LOGITS, HAND_TARGET).item() == pytest.approx(expected)


def test_one_channel_by_hand():
    # The same foreground probabilities through a sigmoid; only the foreground has a Dice.
    logits = HAND_LOGITS[:, 1:] - HAND_LOGITS[:, :1]
    assert DiceLoss(smooth=0)(logits, HAND_TARGET).item() == pytest.approx(1 - 3 / 5)


def test_limits():
    target = torch.tensor([[[0, 1], [2, 1]]])
    right = F.one_hot(target, 3).permute(0, 3, 1, 2) * 200.0
    wrong = F.one_hot((target + 1) % 3, 3).permute(0, 3, 1, 2) * 200.0
    for options in ({}, {'log': True}, {'per': 'image'}, {'absent': 'count'}):
        assert DiceLoss(**options)(right, target).item() == pytest.approx(0, abs=1e-6)
    assert DiceLoss(smooth=0)(wrong, target).item() == 1
    # Pixels of classes 0, 1, 2: true 1, 2, 1; predicted 1, 1, 2; no overlap.
    assert DiceLoss(smooth=1)(wrong, target).item() == pytest.approx(1 - (1 / 3 + 1 / 4 + 1 / 4) / 3)


def test_absent_class():
    # All is class 0, and half of the prediction says 1: Dice of class 0 is 2*2/(2+4), of class 1 is s/(2+s).
    target = torch.zeros(1, 2, 2, dtype=torch.long)
    logits = torch.tensor([[[[200.0, 200.0], [0, 0]], [[0, 0], [200.0, 200.0]], [[0, 0], [0, 0]]]])
    assert DiceLoss(smooth=0, absent='skip')(logits, target).item() == pytest.approx(1 - 4 / 6)
    # Class 2 is neither there nor predicted: with 'count' it is a perfect class.
    counted = DiceLoss(smooth=1, absent='count')(logits, target).item()
    assert counted == pytest.approx(1 - (5 / 7 + 1 / 3 + 1) / 3)


def test_per_image_skips_what_each_image_lacks():
    torch.manual_seed(0)
    logits = torch.randn(3, 3, 4, 4)
    target = torch.stack([torch.full((4, 4), IGNORE), torch.zeros(4, 4).long(), torch.randint(3, (4, 4))])
    loss = DiceLoss(per='image')
    single = DiceLoss(per='batch')
    expected = (single(logits[1:2], target[1:2]) + single(logits[2:], target[2:])) / 2
    torch.testing.assert_close(loss(logits, target), expected)


@pytest.mark.parametrize('use_sigmoid', [True, False])
def test_agrees_with_naive_mmseg_dice_on_one_class(use_sigmoid):
    # mmseg pools all channels into one Dice for each image; with one channel that is ours for each image.
    torch.manual_seed(0)
    logits, target = torch.randn(3, 1, 5, 6), torch.randint(2, (3, 5, 6))
    theirs = mmseg_losses.DiceLoss(naive_dice=True, eps=0.5, ignore_index=None)(logits, target.unsqueeze(1))
    ours = DiceLoss(use_sigmoid=use_sigmoid, per='image', smooth=0.5, absent='count')(logits, target)
    torch.testing.assert_close(ours, theirs)


def test_equals_dice_coefficient_on_hard_predictions():
    rng = np.random.default_rng(0)
    predicted, target = rng.integers(3, size=(2, 2, 8, 8))
    scores = [
        2 * ((predicted == c) & (target == c)).sum() / ((predicted == c).sum() + (target == c).sum()) for c in range(3)
    ]
    logits = F.one_hot(torch.from_numpy(predicted), 3).permute(0, 3, 1, 2) * 200.0
    assert DiceLoss(smooth=0)(logits, torch.from_numpy(target)).item() == pytest.approx(1 - np.mean(scores))


def test_integer_pixel_weights_repeat_pixels():
    torch.manual_seed(0)
    logits, target, times = torch.randn(1, 3, 1, 6), torch.randint(3, (1, 1, 6)), torch.tensor([0, 1, 2, 3, 1, 2])
    repeated = DiceLoss()(logits.repeat_interleave(times, 3), target.repeat_interleave(times, 2))
    torch.testing.assert_close(DiceLoss()(logits, target, weight=times.float().view(1, 1, 1, 6)), repeated)


def test_iglovikov_shvets_sum():
    # Foreground probabilities 3/4 (true) and 1/4 (false): BCE = ln(4/3), Dice = (3/2 + s) / (2 + s).
    logits = torch.tensor([[[[math.log(3), -math.log(3)]]]], dtype=torch.float64)
    target = torch.tensor([[[1, 0]]])
    total = CrossEntropyLoss(use_sigmoid=True)(logits, target) + DiceLoss(use_sigmoid=True, log=True, smooth=1e-6)(
        logits, target
    )
    assert total.item() == pytest.approx(math.log(4 / 3) - math.log(3 / 4), rel=1e-5)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'per': 'pixel'}, 'per '),
        ({'absent': 'drop'}, 'absent '),
        ({'smooth': -1}, 'smooth '),
        ({'smooth': 0, 'log': True}, 'smooth '),
        ({'smooth': 0, 'absent': 'count'}, 'smooth '),
        ({'classes': []}, 'classes '),
        ({'classes': [1, 1]}, 'classes '),
        ({'classes': [-1]}, 'classes '),
        ({'loss_name': 'dice'}, 'loss_name '),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DiceLoss(**options)


def test_options_that_do_not_fit_the_channels():
    logits, target = torch.zeros(1, 3, 1, 1), torch.zeros(1, 1, 1, dtype=torch.long)
    with pytest.raises(ValueError, match=r'classes \[3\] for logits of 3'):
        DiceLoss(classes=[3])(logits, target)
    with pytest.raises(ValueError, match='2 weights for 3'):
        DiceLoss(class_weight=[1, 2])(logits, target)
    with pytest.raises(ValueError, match='class id 7'):
        DiceLoss()(logits, target + 7)
