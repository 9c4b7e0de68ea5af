"""Batches made by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _seed_and_step(request: pytest.FixtureRequest) -> Iterator[None]:
    """A seed, and a message hub of the test's own, so that no iteration of another test's training counts."""
    pytest.importorskip('mmseg')
    import torch
    from mmengine.logging import MessageHub

    MessageHub.get_instance(f'batch_mix/{request.node.nodeid}')
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        yield


@pytest.fixture
def sample() -> Callable[..., Any]:
    """A sample with these maps, each (H, W) class ids, as tensor or nested lists."""
    import torch
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    def make(ids: Any, **maps: Any) -> SegDataSample:
        made = SegDataSample()
        made.gt_sem_seg = PixelData(data=torch.as_tensor(ids, dtype=torch.int64).unsqueeze(0))
        for name, values in maps.items():
            made.set_data({name: PixelData(data=torch.as_tensor(values).unsqueeze(0))})
        return made

    return make
