"""On the CPU here; what runs on a GPU is the same code."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.confusion import confusion_matrix

torch = pytest.importorskip('torch')
from mmseg_ext.evaluation.confusion_torch import batch_confusion  # noqa: E402

DEVICES = ['cpu', pytest.param('cuda', marks=pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU'))]


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize(('num_classes', 'ignore_index'), [(1, 255), (3, 255), (3, 0), (20, 255)])
def test_equal_to_the_numpy_counts_for_images_of_different_sizes(
    device: str, num_classes: int, ignore_index: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(1, 5, 7), (4, 3), (1, 6, 6)]
    predictions = [torch.randint(0, num_classes, shape, generator=generator) for shape in shapes]
    truths = [torch.randint(0, num_classes, shape, generator=generator) for shape in shapes]
    for truth in truths:
        truth[..., :2, :] = ignore_index
    counts = batch_confusion([p.to(device) for p in predictions], truths, num_classes, ignore_index)
    pairs = zip(predictions, truths, strict=True)
    expected = [confusion_matrix(p.numpy(), t.numpy(), num_classes, ignore_index) for p, t in pairs]
    np.testing.assert_array_equal(counts, expected)
    assert counts.dtype == np.int64


def test_the_inputs_stay_as_they_are() -> None:
    truth, prediction = torch.tensor([[0, 1, 255]]), torch.tensor([[1, 1, 0]])
    batch_confusion([prediction, prediction], [truth, truth], 2)
    assert truth.tolist() == [[0, 1, 255]]
    assert prediction.tolist() == [[1, 1, 0]]


@pytest.mark.parametrize('stray', [3, -1, 254, 1000])
def test_a_stray_truth_names_its_mask(stray: int) -> None:
    good, bad = torch.tensor([[0, 1]]), torch.tensor([[0, stray]])
    with pytest.raises(InputError, match=rf'^b\.png: mask holds {stray}, but classes are 0 to 2'):
        batch_confusion([good, good], [good, bad], 3, names=['a.png', 'b.png'])


@pytest.mark.parametrize('stray', [3, -1])
def test_a_stray_prediction_names_its_image(stray: int) -> None:
    good, bad = torch.tensor([[0, 1]]), torch.tensor([[0, stray]])
    with pytest.raises(ValueError, match=rf'^b\.png: predicted class {stray}'):
        batch_confusion([good, bad], [good, good], 3, names=['a.png', 'b.png'])


def test_sizes_must_match() -> None:
    with pytest.raises(InputError, match=r'^a\.png: mask is 3×2, its prediction 2×3'):
        batch_confusion([torch.zeros(1, 3, 2)], [torch.zeros(1, 2, 3)], 3, names=['a.png'])
