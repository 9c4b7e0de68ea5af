"""Batches of several sizes against the same images one by one, by a real segmentor of mmsegmentation."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

pytest.importorskip('mmseg')

from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_ext.engine.runner import batches, loops
from mmseg_ext.engine.runner.batches import divide_batch
from mmseg_ext.models import ProbabilityTTAModel
from mmseg_ext.workflows.benchmark import roles  # noqa: F401 - registers the cheap backbone
from mmseg_ext.workflows.benchmark.workload import CHEAP_MODEL

# (height, width) of the network's input, and of the image: the third differs from the first in the latter alone.
SIZES = [((16, 24), (16, 24)), ((24, 16), (30, 20)), ((16, 24), (32, 48)), ((16, 24), (16, 24)), ((16, 24), (16, 24))]


@pytest.fixture(scope='module')
def model() -> Any:
    torch.manual_seed(0)
    init_default_scope('mmseg')
    return MODELS.build(ConfigDict(CHEAP_MODEL)).eval()


def image(index: int, flip: bool = False) -> dict[str, Any]:
    shape, original = SIZES[index]
    pixels = torch.rand(3, *shape, generator=torch.Generator().manual_seed(index)) * 255
    meta = {'ori_shape': original, 'img_shape': shape, 'pad_shape': shape, 'img_path': f'{index}.png', 'flip': flip}
    if flip:
        meta['flip_direction'] = 'horizontal'
    return {'inputs': pixels.flip(-1) if flip else pixels, 'data_samples': SegDataSample(metainfo=meta)}


def collate(images: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch as a loader of mmengine makes it."""
    return pseudo_collate(images)


def views(indices: list[int]) -> dict[str, Any]:
    """A batch with test-time augmentation: each image as it is and flipped, as ``TestTimeAug`` gives them."""
    pairs = [(image(index), image(index, flip=True)) for index in indices]
    return collate([{key: [view[key] for view in pair] for key in ('inputs', 'data_samples')} for pair in pairs])


@pytest.mark.parametrize('tta', [False, True], ids=['one view', 'TTA'])
@torch.no_grad()
def test_the_parts_of_a_batch_give_what_each_image_gives(tta: bool, model: Any) -> None:
    step = ProbabilityTTAModel(module=model).test_step if tta else model.val_step
    indices = list(range(len(SIZES)))
    batch = views(indices) if tta else collate([image(index) for index in indices])
    parts = list(divide_batch(batch))
    assert [len(part['inputs'][0] if tta else part['inputs']) for part in parts] == [1, 1, 1, 2]
    found = [sample for part in parts for sample in step(part)]
    assert [sample.img_path for sample in found] == [f'{index}.png' for index in indices]
    for index, sample in enumerate(found):
        (alone,) = step(views([index]) if tta else collate([image(index)]))
        assert sample.seg_logits.shape[-2:] == SIZES[index][1]
        torch.testing.assert_close(sample.seg_logits.data, alone.seg_logits.data, rtol=1e-4, atol=1e-5)


def test_large_images_are_parts_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The original sizes count: two of 16×24 pixels are 768."""
    batch = collate([image(index) for index in (0, 3, 0, 2, 2)])
    monkeypatch.setattr(batches, 'MAX_PIXELS', 800)
    assert [len(part['data_samples']) for part in divide_batch(batch)] == [2, 1, 1, 1]
    monkeypatch.setattr(batches, 'MAX_PIXELS', 1)
    assert [len(part['inputs']) for part in divide_batch(batch)] == [1] * 5


def test_what_is_no_list_of_images_stays_as_it_is() -> None:
    stacked = {'inputs': torch.zeros(2, 3, 4, 4), 'data_samples': None}
    assert list(divide_batch(stacked)) == [stacked]


def test_the_loops_predict_the_parts_and_let_the_logits_go(toy: ModuleType, tmp_path: Path) -> None:
    seen: list[int] = []
    runner = toy.build_runner(tmp_path)
    runner.val()
    loop = runner.val_loop
    small, large = ({'inputs': [torch.zeros(1, 2, width)]} for width in (2, 4))
    batch = {'inputs': [*small['inputs'], *small['inputs'], *large['inputs']]}

    def step(part: dict[str, Any]) -> list[Any]:
        seen.append(len(part['inputs']))
        return [*(SegDataSample(seg_logits=PixelData(data=one), pred=PixelData(data=one)) for one in part['inputs'])]

    processed: list[bool] = []
    loop.evaluator = SimpleNamespace(
        process=lambda data_samples, data_batch: processed.extend('seg_logits' in one for one in data_samples)
    )
    outputs = loops._predict(loop, batch, step, {})
    assert (seen, processed) == ([2, 1], [True] * 3)
    assert ['seg_logits' in sample for sample in outputs] == [False] * 3
    assert all('pred' in sample for sample in outputs)
