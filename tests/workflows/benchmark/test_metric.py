from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('mmseg')

from mmseg_ext.workflows.benchmark.metric import _interleaved, make_samples  # noqa: E402


def test_both_metrics_see_the_same_samples_in_turn() -> None:
    calls: list[tuple[str, int]] = []

    class Spy:
        def __init__(self, name: str) -> None:
            self.name, self.results, self.dataset_meta = name, [], None

        def process(self, batch: Any, samples: list) -> None:
            calls.append((self.name, id(samples)))

    samples = make_samples(3, 32, 3, ignored=True)
    _interleaved([Spy('ours'), Spy('theirs')], samples, {}, 2)  # type: ignore[list-item]
    assert calls == [('ours', id(samples)), ('theirs', id(samples))] * 3


def test_the_samples_have_mmsegs_form() -> None:
    for ignored in (False, True):
        for sample in make_samples(4, 48, 3, ignored):
            truth, prediction = sample['gt_sem_seg']['data'], sample['pred_sem_seg']['data']
            assert truth.shape == prediction.shape == (1, 48, 48)
            assert truth.dtype == prediction.dtype == torch.int64
            assert set(prediction.unique().tolist()) in ({0, 1}, {0, 2})
            assert bool((truth == 255).any()) is ignored
            assert bool((truth[truth != 255] != prediction[truth != 255]).any())
