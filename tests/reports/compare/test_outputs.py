from __future__ import annotations

import json
import math

import numpy as np

from mmseg_ext.evaluation.records import Records
from mmseg_ext.reports.compare.comparison import compare_runs
from mmseg_ext.reports.compare.outputs import json_document
from mmseg_ext.runs.record import Evaluation, RunRecord, Score


def test_json_is_complete_and_strict() -> None:
    counts = np.array([[[5, 1], [2, 6]], [[7, 0], [1, 8]]])
    content = Records(
        ('background', 'cat'), ['a', 'b'], ['val'] * 2, [''] * 2, [None] * 2, np.ones((2, 2), np.int64), counts
    )
    scored = Evaluation('val', False, None, Score(80.0), {}, records=content)
    runs = [
        RunRecord('x', evaluations=(scored,), hyperparameters={'lr': math.inf, 'a': 1}),
        RunRecord('y', evaluations=(scored,), hyperparameters={'lr': 0.1, 'a': 1}),
    ]
    document = json_document(compare_runs(runs))
    read = json.loads(json.dumps(document, allow_nan=False))
    assert read['hyperparameters'] == {'lr': {'x': None, 'y': 0.1}}
    (pair,) = read['pairs']
    assert (pair['first'], pair['second']['run'], pair['images']) == ({'run': 'x', 'kind': 'val'}, 'y', 2)
    assert (pair['difference'], pair['p_value']) == (0, 1)
    assert read['groups'][0]['scores']['val']['mDice'] == {'mean': 80, 'sd': None, 'count': 1}
