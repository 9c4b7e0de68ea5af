from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.eda.quality.ranking import average_precision, order_quality, read_ranking
from mmseg_ext.errors import InputError


def test_a_ranking_is_read(tmp_path: Path) -> None:
    rows = [{'rank': 1, 'stem': 'b'}, {'rank': 2, 'stem': 'a'}]
    content = {'settings': {'labels': 'labels', 'split': 'train'}, 'rows': rows}
    (tmp_path / 'ranking.json').write_text(json.dumps(content))
    ranking = read_ranking(tmp_path)
    assert (ranking.labels, ranking.split, ranking.stems) == ('labels', 'train', ('b', 'a'))
    assert list(ranking.rows) == rows


@pytest.mark.parametrize('text', ['{', '[]', '{"settings": {}, "rows": []}'])
def test_other_files_are_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / 'ranking.json').write_text(text)
    with pytest.raises(InputError, match=r'ranking\.json: is not a ranking'):
        read_ranking(tmp_path)
    with pytest.raises(InputError, match='cannot be read'):
        read_ranking(tmp_path / 'nowhere')


def test_average_precision_by_hand() -> None:
    assert average_precision([True, True, False]) == 1
    assert average_precision([False, True, False, True]) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert average_precision([True, False, False, True]) == pytest.approx((1 + 2 / 4) / 2)
    assert math.isnan(average_precision([False]))


def test_measures_of_an_order() -> None:
    iou = {f'{i:02}': 0.9 for i in range(40)} | {'00': 0.1, '03': 0.7, '16': 0.2, '35': 0.79}
    measured = order_quality(sorted(iou), iou)
    assert measured['average_precision'] == pytest.approx((1 + 2 / 4 + 3 / 17 + 4 / 36) / 4, abs=1e-4)
    assert measured['wrong_in_first_30'] == 3
    assert (measured['severe_in_first_15'], measured['severe_in_first_20']) == (1, 2)


@given(st.lists(st.booleans(), min_size=1, max_size=40).filter(any))
def test_average_precision_is_the_mean_precision_at_the_places_of_what_is_sought(found: list[bool]) -> None:
    places = np.flatnonzero(found)
    assert average_precision(found) == pytest.approx((np.arange(1, len(places) + 1) / (places + 1)).mean(), rel=1e-12)
