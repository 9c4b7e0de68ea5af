from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip('mmseg')

MODEL = """
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor'),
    backbone=dict(type='mmseg_ext.VGG', depth=11, outputs=('conv1',), base_channels=4),
    decode_head=dict(
        type='FCNHead', in_channels=4, channels=4, num_convs=0, concat_input=False, num_classes=3, dropout_ratio=0,
        loss_decode=dict(type='mmseg_ext.CrossEntropyLoss'),
    ),
)
"""


def test_the_smallest_model_first(fast_tool: Callable, tmp_path: Path) -> None:
    (tmp_path / 'small.py').write_text(MODEL)
    (tmp_path / 'wide.py').write_text(MODEL.replace('base_channels=4', 'base_channels=400').replace('=4,', '=400,'))
    done = fast_tool('model_sizes', tmp_path / 'wide.py', tmp_path / 'small.py', '--size', 32, '--markdown')
    assert (done.returncode, done.stderr) == (0, '')
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in done.stdout.split('\n') if '|' in line]
    assert rows[0] == ['model', 'parameters (M)', 'GFLOPs']
    assert [row[0] for row in rows[2:]] == ['small', 'wide']
    assert rows[2][1:] == ['0.00013', '0.00012']  # (3 · 9 + 1) · 4 + (4 + 1) · 3 parameters
    # One convolution of 3×3 from 3 to 400 channels, one of 1×1 to 3, at each of 32×32 pixels.
    weights = 400 * 27 + 400 * 3
    assert rows[3][1:] == [f'{(weights + 403) / 1e6:.2g}', f'{weights * 32 * 32 / 1e9:.2g}']


def test_wrong_use(fast_tool: Callable, tmp_path: Path, one_line: Callable) -> None:
    (tmp_path / 'data.py').write_text('data = dict()\n')
    (tmp_path / 'unet.py').write_text(MODEL.replace("Processor')", "Processor', test_cfg=dict(size_divisor=16))"))
    (tmp_path / 'typo.py').write_text(MODEL.replace('depth=11', 'depth=12'))
    one_line(fast_tool('model_sizes', tmp_path / 'data.py'), 'data.py', 'has no model')
    one_line(fast_tool('model_sizes', tmp_path / 'nowhere.py'), 'nowhere.py', 'not found')
    one_line(fast_tool('model_sizes', tmp_path / 'unet.py', '--size', 40), 'unet.py', '16', '--size')
    one_line(fast_tool('model_sizes', tmp_path / 'typo.py'), 'VGG', 'depth', '12')
    one_line(fast_tool('model_sizes', tmp_path / 'unet.py', '--size', 0), '--size: 0: must be')
