from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('mmseg')
from mmengine.structures import PixelData  # noqa: E402
from mmseg.models import SegTTAModel  # noqa: E402
from mmseg.structures import SegDataSample  # noqa: E402

from mmseg_ext.models.probability_tta import ProbabilityTTAModel  # noqa: E402


def views(*logits: np.ndarray, dtype: torch.dtype | None = None) -> list[SegDataSample]:
    samples = []
    for view in logits:
        sample = SegDataSample(metainfo={'img_path': 'a.jpg'})
        sample.seg_logits = PixelData(data=torch.from_numpy(view).to(dtype))
        samples.append(sample)
    return samples


def merge(kind: type, logits: list[np.ndarray], dtype: torch.dtype | None = None) -> SegDataSample:
    model = kind.__new__(kind)
    module = SimpleNamespace(out_channels=len(logits[0]), decode_head=SimpleNamespace(threshold=0.3))
    object.__setattr__(model, 'module', module)
    return kind.merge_preds(model, [views(*logits, dtype=dtype)])[0]


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(0))
    return powers / powers.sum(0)


def test_the_softmax_of_the_result_is_the_mean_of_the_views() -> None:
    rng = np.random.default_rng(0)
    logits = [rng.normal(0, 4, (3, 5, 6)) for _ in range(4)]
    logits[0][:, 0, 0], logits[1][:, 0, 0] = [-200, 0, 200], [0, -200, 200]
    merged = merge(ProbabilityTTAModel, logits)
    expected = np.mean([softmax(view) for view in logits], axis=0)
    np.testing.assert_allclose(merged.seg_logits.data.softmax(0).numpy(), expected, atol=1e-12)
    plain = merge(SegTTAModel, logits)
    assert torch.equal(merged.pred_sem_seg.data, plain.pred_sem_seg.data)
    np.testing.assert_array_equal(merged.pred_sem_seg.data.squeeze(), expected.argmax(0))


@pytest.mark.parametrize('outputs', [1, 3])
def test_half_precision_is_averaged_in_float32(outputs: int) -> None:
    logits = [view.astype(np.float32) / 64 for view in np.random.default_rng(0).integers(0, 64, (3, outputs, 5, 6))]
    exact, half = (merge(ProbabilityTTAModel, logits, dtype) for dtype in (torch.float32, torch.bfloat16))
    assert torch.equal(half.seg_logits.data, exact.seg_logits.data)
    assert torch.equal(half.pred_sem_seg.data, exact.pred_sem_seg.data)


def test_one_output_stays_a_probability() -> None:
    probabilities = [np.full((1, 2, 2), value) for value in (0.2, 0.6)]
    np.testing.assert_allclose(merge(ProbabilityTTAModel, probabilities).seg_logits.data.numpy(), 0.4)


def test_the_mask_of_one_output_is_where_the_mean_exceeds_the_threshold() -> None:
    """The means are 0.1, 0.25, 0.4 and 0.9, the threshold is 0.3; mmseg's mask would be 1 everywhere."""
    probabilities = [np.array([[[0.0, 0.2, 0.1, 0.8]]]), np.array([[[0.2, 0.3, 0.7, 1.0]]])]
    assert merge(ProbabilityTTAModel, probabilities).pred_sem_seg.data.tolist() == [[[0, 0, 1, 1]]]
    assert merge(SegTTAModel, probabilities).pred_sem_seg.data.tolist() == [[[1, 1, 1, 1]]]
