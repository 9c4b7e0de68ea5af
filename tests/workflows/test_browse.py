from __future__ import annotations

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.workflows.browse import keep_only

LOADING = [{'type': 'mmseg_ext.LoadImage'}, {'type': 'mmseg_ext.LoadMask'}]
NESTED = {
    'type': 'ConcatDataset',
    'datasets': [
        {'type': 'A', 'pipeline': [*LOADING, {'type': 'RandomFlip', 'prob': 0.5}, {'type': 'PackSegInputs'}]},
        {
            'type': 'MultiImageMixDataset',
            'dataset': {'type': 'B', 'pipeline': LOADING},
            'pipeline': [{'type': 'mmseg_ext.Mosaic'}, {'type': 'RandomFlip'}, {'type': 'PackSegInputs'}],
        },
    ],
}


def types(only: list[str]) -> list[list[str]]:
    first, second = keep_only(NESTED, only)['datasets']
    return [[step['type'] for step in nested['pipeline']] for nested in (first, second['dataset'], second)]


def test_loading_and_packing_stay_and_what_is_named() -> None:
    loading = ['mmseg_ext.LoadImage', 'mmseg_ext.LoadMask']
    assert types([]) == [[*loading, 'PackSegInputs'], loading, ['PackSegInputs']]
    assert types(['Mosaic']) == [[*loading, 'PackSegInputs'], loading, ['mmseg_ext.Mosaic', 'PackSegInputs']]
    assert types(['mmseg_ext.Mosaic', 'RandomFlip'])[2] == ['mmseg_ext.Mosaic', 'RandomFlip', 'PackSegInputs']
    assert len(NESTED['datasets'][0]['pipeline']) == 4  # type: ignore[index]


def test_a_name_that_is_no_transform_of_the_pipeline_is_refused() -> None:
    with pytest.raises(InputError, match=r'`only=RandomElastic`: not in the pipeline, which has Mosaic, RandomFlip'):
        keep_only(NESTED, ['RandomElastic', 'Mosaic'])
