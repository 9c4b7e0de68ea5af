import json
import math

import pytest
import torch
import torch.nn.functional as F
from mmseg.models import losses as mmseg_losses

from mmseg_ext.errors import InputError
from mmseg_ext.models.losses import CrossEntropyLoss

IGNORE = 255


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
