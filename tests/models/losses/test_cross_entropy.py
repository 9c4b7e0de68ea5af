import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from mmseg.models import losses as mmseg_losses

from mmseg_ext.errors import InputError
from mmseg_ext.models.losses import CrossEntropyLoss

IGNORE = 255


def log_sigmoid(z: float) -> float:
    return -math.log1p(math.exp(-z))


def softmax_reference(logits, target, class_weight, normalize, pixel_weight, ignore_index):
    """Cross entropy pixel by pixel; ``target`` holds class ids (N, H, W) or distributions (N, C, H, W)."""
    logits = logits.astype(np.float64)
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        if target.ndim == 4:
            target = np.concatenate([np.where(target < 0, target, 1 - target), target], axis=1)
    images, classes, height, width = logits.shape
    total = weights = pixels = 0.0
    for n in range(images):
        for y in range(height):
            for x in range(width):
                scores = logits[n, :, y, x]
                log_sum = math.log(sum(math.exp(score) for score in scores))
                if target.ndim == 3:
                    if target[n, y, x] == ignore_index:
                        continue
                    share = [float(c == target[n, y, x]) for c in range(classes)]
                else:
                    share = target[n, :, y, x]
                    if min(share) < 0:
                        continue
                a = 1.0 if pixel_weight is None else pixel_weight[n, y, x]
                pixels += 1
                for c in range(classes):
                    w = 1.0 if class_weight is None else class_weight[c]
                    total += a * w * share[c] * (log_sum - scores[c])
                    weights += w * share[c]
    divisor = pixels if normalize == 'pixels' else weights
    return total / divisor if divisor else 0.0


def sigmoid_reference(logits, target, class_weight, normalize, ignore_index):
    """Binary cross entropy of every channel; class ids (N, H, W)."""
    images, classes, height, width = logits.shape
    total = weights = terms = 0.0
    for n in range(images):
        for c in range(classes):
            for y in range(height):
                for x in range(width):
                    if target[n, y, x] == ignore_index:
                        continue
                    z = float(logits[n, c, y, x])
                    w = 1.0 if class_weight is None else class_weight[c]
                    total -= w * log_sigmoid(z if target[n, y, x] == c else -z)
                    weights += w
                    terms += 1
    divisor = terms if normalize == 'pixels' else weights
    return total / divisor if divisor else 0.0


@st.composite
def cases(draw, fewest_channels=1):
    """Logits, class ids with ignored pixels, soft targets with the same ignored pixels, class and pixel weights."""
    shape = (
        draw(st.integers(1, 3)),
        draw(st.integers(fewest_channels, 4)),
        draw(st.integers(1, 4)),
        draw(st.integers(1, 4)),
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pixels = shape[0], *shape[2:]
    classes = max(shape[1], 2)
    logits = rng.normal(scale=3, size=shape)
    ignored = rng.random(pixels) < draw(st.sampled_from([0.0, 0.3, 1.0]))
    ids = np.where(ignored, IGNORE, rng.integers(classes, size=pixels))
    mixed = np.moveaxis(rng.dirichlet(np.ones(shape[1]), size=pixels), -1, 1)
    soft = np.where(ignored[:, None], -1.0, rng.random(shape) if shape[1] == 1 else mixed)
    return logits, ids, soft, rng.uniform(0.1, 5, size=classes), rng.uniform(0, 2, size=pixels)


@settings(max_examples=40, deadline=None)
@given(cases(), st.booleans(), st.booleans(), st.booleans(), st.sampled_from(['weights', 'pixels']))
def test_softmax_and_one_channel_against_loops(case, use_soft, with_class_weight, with_pixel_weight, normalize):
    logits, ids, soft, class_weight, pixel_weight = case
    target = soft if use_soft else ids
    class_weight = list(class_weight) if with_class_weight else None
    pixel_weight = pixel_weight if with_pixel_weight else None
    loss = CrossEntropyLoss(class_weight=class_weight, normalize=normalize, loss_weight=0.5)
    got = loss(
        torch.from_numpy(logits),
        torch.from_numpy(target),
        weight=None if pixel_weight is None else torch.from_numpy(pixel_weight),
        ignore_index=IGNORE,
    )
    expected = 0.5 * softmax_reference(logits, target, class_weight, normalize, pixel_weight, IGNORE)
    assert got.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(cases(fewest_channels=2), st.booleans(), st.sampled_from(['weights', 'pixels']))
def test_sigmoid_of_several_channels_against_loops(case, with_class_weight, normalize):
    logits, ids, _, class_weight, _ = case
    class_weight = list(class_weight) if with_class_weight else None
    loss = CrossEntropyLoss(use_sigmoid=True, class_weight=class_weight, normalize=normalize)
    got = loss(torch.from_numpy(logits), torch.from_numpy(ids), ignore_index=IGNORE)
    expected = sigmoid_reference(logits, ids, class_weight, normalize, IGNORE)
    assert got.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_two_by_two_by_hand():
    # Probabilities of the true class: 1/2, 1/4, 3/4 (class 1); the last pixel is ignored.
    logits = torch.log(torch.tensor([[[[0.5, 0.25], [0.25, 0.9]], [[0.5, 0.75], [0.75, 0.1]]]], dtype=torch.float64))
    target = torch.tensor([[[0, 0], [1, IGNORE]]])
    total = 2 * math.log(2) + 2 * math.log(4) + 3 * math.log(4 / 3)
    by_weights = CrossEntropyLoss(class_weight=[2, 3])(logits, target)
    by_pixels = CrossEntropyLoss(class_weight=[2, 3], normalize='pixels')(logits, target)
    assert by_weights.item() == pytest.approx(total / 7)
    assert by_pixels.item() == pytest.approx(total / 3)


def test_limits():
    target = torch.tensor([[[0, 1], [2, 1]]])
    right = F.one_hot(target, 3).permute(0, 3, 1, 2) * 100.0
    assert CrossEntropyLoss()(right, target).item() == pytest.approx(0, abs=1e-6)
    assert CrossEntropyLoss()(-right, target).item() == pytest.approx(100 + math.log(2), rel=1e-6)
    assert CrossEntropyLoss()(torch.zeros(1, 3, 2, 2), target).item() == pytest.approx(math.log(3))
    # Far beyond where a sigmoid in float32 rounds to 0 or 1 the loss stays linear, not infinite.
    assert CrossEntropyLoss(use_sigmoid=True)(torch.full((1, 1, 1, 1), -200.0), torch.tensor([[[1]]])).item() == 200


@pytest.mark.parametrize('class_weight', [None, [0.055, 1.0, 1.19]])
def test_agrees_with_torch(class_weight):
    torch.manual_seed(0)
    logits, target = torch.randn(2, 3, 8, 8), torch.randint(3, (2, 8, 8))
    target[0, :3] = IGNORE
    weight = None if class_weight is None else torch.tensor(class_weight)
    expected = F.cross_entropy(logits, target, weight=weight, ignore_index=IGNORE)
    torch.testing.assert_close(CrossEntropyLoss(class_weight=class_weight)(logits, target), expected)


@pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore``')
@pytest.mark.parametrize('class_weight', [None, [0.055, 1.0, 1.19]])
def test_default_agrees_with_mmseg(class_weight):
    torch.manual_seed(0)
    logits, target = torch.randn(2, 3, 8, 8), torch.randint(3, (2, 8, 8))
    theirs = mmseg_losses.CrossEntropyLoss(class_weight=class_weight, loss_weight=0.7)
    ours = CrossEntropyLoss(class_weight=class_weight, loss_weight=0.7)
    torch.testing.assert_close(ours(logits, target), theirs(logits, target, ignore_index=IGNORE))
    # mmseg with class weights also leaves ignored pixels out of the sum of weights.
    target[1, 2:5] = IGNORE
    theirs = mmseg_losses.CrossEntropyLoss(
        class_weight=class_weight, loss_weight=0.7, avg_non_ignore=class_weight is None
    )
    torch.testing.assert_close(ours(logits, target), theirs(logits, target, ignore_index=IGNORE))


@pytest.mark.parametrize('class_weight', [None, [0.055, 1.0, 1.19]])
def test_label_smoothing_agrees_with_torch(class_weight):
    torch.manual_seed(0)
    logits, target = torch.randn(2, 3, 8, 8), torch.randint(3, (2, 8, 8))
    target[0, :3] = IGNORE
    weight = None if class_weight is None else torch.tensor(class_weight)
    expected = F.cross_entropy(logits, target, weight=weight, ignore_index=IGNORE, label_smoothing=0.1)
    got = CrossEntropyLoss(class_weight=class_weight, label_smoothing=0.1)(logits, target)
    torch.testing.assert_close(got, expected)


def test_label_smoothing_is_least_at_the_smoothed_target():
    # Of three classes, 0.3 of each target is spread: 0.8, 0.1, 0.1.
    smoothed = torch.tensor([0.8, 0.1, 0.1], dtype=torch.float64).view(1, 3, 1, 1)
    logits, target = smoothed.log().requires_grad_(), torch.zeros(1, 1, 1, dtype=torch.long)
    loss = CrossEntropyLoss(label_smoothing=0.3)(logits, target)
    assert loss.item() == pytest.approx(-(0.8 * math.log(0.8) + 0.2 * math.log(0.1)))
    assert torch.autograd.grad(loss, logits)[0].abs().max() < 1e-12


def test_label_smoothing_of_one_channel_is_that_of_two():
    torch.manual_seed(0)
    logits, target = torch.randn(2, 1, 4, 4), torch.randint(2, (2, 4, 4))
    loss = CrossEntropyLoss(label_smoothing=0.2, class_weight=[1, 3])
    two = torch.cat([torch.zeros_like(logits), logits], 1)
    torch.testing.assert_close(loss(logits, target), loss(two, target))


def test_binary_agrees_with_mmseg():
    torch.manual_seed(0)
    logits, target = torch.randn(2, 1, 5, 7), torch.randint(2, (2, 5, 7))
    target[0, 0] = IGNORE
    theirs = mmseg_losses.CrossEntropyLoss(use_sigmoid=True, avg_non_ignore=True)(logits, target, ignore_index=IGNORE)
    torch.testing.assert_close(CrossEntropyLoss(use_sigmoid=True)(logits, target), theirs)


def test_ignore_index_may_be_a_class_or_none():
    torch.manual_seed(0)
    logits, target = torch.randn(1, 3, 4, 4), torch.randint(3, (1, 4, 4))
    loss = CrossEntropyLoss()
    torch.testing.assert_close(loss(logits, target, ignore_index=0), F.cross_entropy(logits, target, ignore_index=0))
    torch.testing.assert_close(loss(logits, target, ignore_index=None), F.cross_entropy(logits, target))


def test_pixel_weights_with_channel_axis():
    torch.manual_seed(0)
    logits, target, weight = torch.randn(2, 3, 4, 4), torch.randint(3, (2, 4, 4)), torch.rand(2, 4, 4)
    loss = CrossEntropyLoss()
    torch.testing.assert_close(loss(logits, target, weight=weight.unsqueeze(1)), loss(logits, target, weight=weight))
    with pytest.raises(ValueError, match='pixel weights of shape'):
        loss(logits, target, weight=weight[:, :2])


def test_class_weight_file(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / 'weights.json'
    path.write_text(json.dumps({'classes': ['background', 'cat', 'dog'], 'weights': [0.055, 1.0, 1.19]}))
    logits, target = torch.randn(1, 3, 4, 4), torch.randint(3, (1, 4, 4))
    expected = CrossEntropyLoss(class_weight=[0.055, 1.0, 1.19])(logits, target)
    assert CrossEntropyLoss(class_weight=str(path))(logits, target).item() == expected.item()
    assert not CrossEntropyLoss(class_weight=path).state_dict()


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (None, 'cannot read class weights'),
        ('{', 'cannot read class weights'),
        ('5', 'expected'),
        ('{"classes": ["a"]}', "no key 'weights'"),
        ('{"classes": ["a"], "weights": [-1]}', 'class weight -1.0'),
        ('{"classes": ["a"], "weights": ["x"]}', 'could not convert'),
        ('{"classes": ["a"], "weights": [1, 2]}', '1 classes but 2 weights'),
    ],
)
def test_bad_class_weight_file_names_the_file(tmp_path, text, message):
    path = tmp_path / 'weights.json'
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        CrossEntropyLoss(class_weight=str(path))
    assert str(path) in str(error.value)


@pytest.mark.parametrize('weights', [[-1, 1], [math.nan, 1], [math.inf, 1], [0, 0]])
def test_bad_class_weights(weights):
    with pytest.raises(ValueError, match='class weight'):
        CrossEntropyLoss(class_weight=weights)


def test_bad_options():
    with pytest.raises(ValueError, match='normalize'):
        CrossEntropyLoss(normalize='batch')
    with pytest.raises(ValueError, match='label_smoothing'):
        CrossEntropyLoss(label_smoothing=1)
    with pytest.raises(ValueError, match='loss_name'):
        CrossEntropyLoss(loss_name='ce')
    with pytest.raises(ValueError, match='2 weights for 3 classes'):
        CrossEntropyLoss(class_weight=[1, 2])(torch.zeros(1, 3, 1, 1), torch.zeros(1, 1, 1, dtype=torch.long))


@pytest.mark.parametrize(('channels', 'bad'), [(3, 3), (3, -1), (3, 254), (1, 2)])
def test_bad_class_id_is_named(channels, bad):
    target = torch.zeros(1, 2, 2, dtype=torch.long)
    target[0, 0, 0], target[0, 1, 1] = bad, IGNORE
    with pytest.raises(ValueError, match=rf'class id {bad} .*\(1 such pixels\)'):
        CrossEntropyLoss()(torch.zeros(1, channels, 2, 2), target)


def test_bad_targets():
    with pytest.raises(ValueError, match='class ids of shape'):
        CrossEntropyLoss()(torch.zeros(1, 3, 2, 2), torch.zeros(1, 1, 2, 2, dtype=torch.long))
    with pytest.raises(ValueError, match='soft targets of shape'):
        CrossEntropyLoss()(torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 2, 2))
    with pytest.raises(ValueError, match=r'soft target 2\.0'):
        CrossEntropyLoss()(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 2.0))
    with pytest.raises(ValueError, match='soft target nan'):
        CrossEntropyLoss()(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), math.nan))
