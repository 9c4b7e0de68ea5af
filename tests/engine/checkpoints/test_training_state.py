from __future__ import annotations

import random

import numpy as np
import torch
from mmengine.logging import MessageHub

from mmseg_ext.engine.checkpoints.files import save_checkpoint_file
from mmseg_ext.engine.checkpoints.training_state import (
    get_rng_state,
    message_hub_from_plain,
    message_hub_to_plain,
    set_rng_state,
)
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file


def draw() -> tuple[float, float, float, float]:
    return random.random(), np.random.rand(), np.random.randn(), torch.rand(1).item()


def test_random_numbers_go_on_where_they_were(tmp_path) -> None:
    draw()  # an odd number of normal draws: NumPy then holds a second one back
    save_checkpoint_file(get_rng_state(), tmp_path / 'x.pth')
    expected = [draw() for _ in range(3)]
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    assert draw() != expected[0]
    set_rng_state(load_checkpoint_file(tmp_path / 'x.pth'))
    assert [draw() for _ in range(3)] == expected


def test_the_message_hub_comes_back(tmp_path) -> None:
    hub = MessageHub('before')
    for value, count in [(1.0, 1), (float('nan'), 2), (4.0, 3)]:
        hub.update_scalar('train/loss', value, count)
    hub.update_scalar('train/time', 1.0, resumed=False)
    hub.update_info('best_score', np.float32(0.5))
    hub.update_info('keep_ckpt_ids', [1, 2])
    hub.update_info('function', draw)
    save_checkpoint_file(message_hub_to_plain(hub), tmp_path / 'x.pth')

    after = MessageHub('after')
    after.load_state_dict(message_hub_from_plain(load_checkpoint_file(tmp_path / 'x.pth')))
    history, counts = after.get_scalar('train/loss').data
    np.testing.assert_array_equal(history, [1, np.nan, 4])
    np.testing.assert_array_equal(counts, [1, 2, 3])
    assert dict(after.runtime_info) == {'best_score': 0.5, 'keep_ckpt_ids': [1, 2]}
    assert set(after.log_scalars) == {'train/loss'}
    after.update_scalar('train/loss', 1)  # still a buffer that takes values
