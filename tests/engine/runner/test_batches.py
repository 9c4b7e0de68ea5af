"""Batches of several sizes against the same images one by one, by a real segmentor of mmsegmentation."""

from __future__ import annotations

from typing import Any

import pytest
import torch

pytest.importorskip('mmseg')

from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_ext.engine.runner.batches import step_by_size
from mmseg_ext.models import ProbabilityTTAModel
from mmseg_ext.workflows.benchmark import roles  # noqa: F401 - registers the cheap backbone
from mmseg_ext.workflows.benchmark.workload import CHEAP_MODEL

# (height, width) of the network's input, and of the image: the third differs from the first in the latter alone.
SIZES = [((16, 24), (16, 24)), ((24, 16), (30, 20)), ((16, 24), (32, 48)), ((16, 24), (16, 24))]


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
    return {key: [one[key] for one in images] for key in ('inputs', 'data_samples')}


def views(indices: list[int]) -> dict[str, Any]:
    """A batch with test-time augmentation: by view, then by image."""
    sides = [collate([image(index, flip) for index in indices]) for flip in (False, True)]
    return {key: [side[key] for side in sides] for key in ('inputs', 'data_samples')}


@pytest.mark.parametrize('tta', [False, True], ids=['one view', 'TTA'])
@torch.no_grad()
def test_a_batch_of_several_sizes_gives_what_each_image_gives(tta: bool, model: Any) -> None:
    step = ProbabilityTTAModel(module=model).test_step if tta else model.val_step
    indices = list(range(len(SIZES)))
    batch = views(indices) if tta else collate([image(index) for index in indices])
    parts: list[int] = []

    def counted(part: dict[str, Any]) -> Any:
        parts.append(len(part['inputs'][0] if tta else part['inputs']))
        return step(part)

    found = step_by_size(batch, counted)
    assert parts == [2, 1, 1]
    assert [sample.img_path for sample in found] == [f'{index}.png' for index in indices]
    for index, sample in enumerate(found):
        (alone,) = step(views([index]) if tta else collate([image(index)]))
        assert sample.seg_logits.shape[-2:] == SIZES[index][1]
        torch.testing.assert_close(sample.seg_logits.data, alone.seg_logits.data, rtol=1e-4, atol=1e-5)


def test_images_of_one_size_are_one_step_and_losses_stay_behind() -> None:
    sizes: list[list[int]] = []

    def step(part: dict[str, Any]) -> list[Any]:
        sizes.append([int(one.sum()) for one in part['inputs']])
        return [*sizes[-1], {'loss': len(sizes)}]

    small, large = torch.ones(1, 1, 2), torch.ones(1, 2, 2)
    assert step_by_size({'inputs': [small, large, small]}, step) == [2, 4, 2, {'loss': 1}, {'loss': 2}]
    assert sizes == [[2, 2], [4]]
    assert step_by_size({'inputs': [small, small]}, step) == [2, 2, {'loss': 3}]
