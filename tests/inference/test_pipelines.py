from __future__ import annotations

from typing import Any

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.inference.pipelines import size_of_test, views_of_tta

LOAD = [{'type': 'mmseg_ext.LoadImage'}, {'type': 'LoadMask'}]
PACK = {'type': 'mmseg.PackSegInputs'}
AS_IS, MIRRORED = ({'type': 'RandomFlip', 'prob': prob} for prob in (0.0, 1.0))


def resize(side: float, **options: Any) -> dict[str, Any]:
    return {'type': 'Resize', 'scale': (side, side), 'keep_ratio': True, **options}


def shrink(factor: float) -> dict[str, Any]:
    return {'type': 'Resize', 'scale_factor': factor, 'keep_ratio': True}


@pytest.mark.parametrize(
    ('steps', 'size'),
    [
        ([], None),
        ([LOAD[0], PACK], None),
        ([*LOAD, {'type': 'mmcv.Resize', 'scale': (64, 128), 'keep_ratio': True}, PACK], (128, 64)),
        ([{'type': 'Resize', 'scale': 300, 'keep_ratio': True}], (300, 300)),
    ],
)
def test_the_size_of_a_test(steps: list[dict[str, Any]], size: Any) -> None:
    assert size_of_test({'test_pipeline': steps}) == size
    loader = {'dataset': {'pipeline': steps}}
    assert size_of_test({'test_dataloader': loader, 'val_dataloader': {'dataset': {'pipeline': [{}]}}}) == size
    assert size_of_test({'val_dataloader': loader}) == size


@pytest.mark.parametrize(
    'step',
    [
        {'type': 'Resize', 'scale': (64, 64)},  # mmcv's default stretches
        {'type': 'mmcv.Resize', 'scale': (64, 64), 'keep_ratio': False},
        shrink(0.5),
        {'type': 'mmseg.ResizeShortestEdge', 'scale': 64, 'max_size': 128},
        {'type': 'CLAHE'},
        {'type': 'RGB2Gray'},
        {'type': 'CenterCrop', 'crop_size': 64},
        {'type': 'Pad', 'size': (64, 64)},
        {'type': 'Normalize', 'mean': [1, 2, 3], 'std': [4, 5, 6]},
        MIRRORED,
    ],
)
def test_a_test_with_other_steps_is_refused(step: dict[str, Any]) -> None:
    with pytest.raises(
        InputError, match=rf'^config: {step["type"].rpartition(".")[2]} of the test: is done neither by'
    ):
        size_of_test({'test_pipeline': [*LOAD, resize(128), step, PACK]})


@pytest.mark.parametrize(
    ('choices', 'sizes', 'flip'),
    [
        ([[resize(256), resize(320)], [AS_IS, MIRRORED], LOAD[1:], [PACK]], ((256, 256), (320, 320)), True),
        ([[resize(256), resize(320)], [AS_IS], LOAD[1:], [PACK]], ((256, 256), (320, 320)), False),
        ([[resize(256), resize(320)], [PACK]], ((256, 256), (320, 320)), False),
        ([[resize(256)], [MIRRORED, {**AS_IS, 'direction': 'vertical'}]], ((256, 256),), True),
        ([[AS_IS, MIRRORED]], (None,), True),
        ([[shrink(0.5), shrink(1), shrink(1.5)], [AS_IS]], ((64, 32), (128, 64), (192, 96)), False),
        ([[resize(256)], [shrink(0.5), shrink(1)]], ((128, 128), (256, 256)), False),
    ],
)
def test_the_views_of_tta(choices: list[list[dict[str, Any]]], sizes: Any, flip: bool) -> None:
    config = {'tta_pipeline': [*LOAD[:1], {'type': 'mmcv.TestTimeAug', 'transforms': choices}]}
    assert views_of_tta(config, (128, 64)) == (sizes, flip)


@pytest.mark.parametrize(
    'choices',
    [
        [[resize(256)], [AS_IS]],  # one view
        [[resize(256), resize(320)], [AS_IS, {**MIRRORED, 'direction': 'vertical'}]],
        [
            [resize(256), resize(320)],
            [AS_IS, {**MIRRORED, 'prob': [0.5, 0.5], 'direction': ['horizontal', 'diagonal']}],
        ],
        [[resize(256), resize(320)], [AS_IS, {**MIRRORED, 'prob': 0.5}]],
        [[resize(256), resize(320)], [MIRRORED]],
        [[resize(256), resize(320)], [{'type': 'CLAHE'}]],
        [[resize(256), resize(320, keep_ratio=False)]],
        [[resize(256), MIRRORED]],
        [[shrink(0.5), shrink(1.5)]],
        [[resize(256), resize(320)], []],
    ],
)
def test_tta_with_other_views_is_none(choices: list[list[dict[str, Any]]]) -> None:
    assert views_of_tta({'tta_pipeline': [*LOAD, {'type': 'TestTimeAug', 'transforms': choices}]}, None) == ((), False)
    assert views_of_tta({}, None) == ((), False)
