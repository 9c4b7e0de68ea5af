from __future__ import annotations

from typing import Any

from mmseg_ext.reports.ranking_page import conclude_ranking

QUEUE = 'Correct them from the top until masks look right: queue.txt lists them in this order, labelme/ has the files.'


def row(stem: str, score: float, kind: str) -> dict[str, Any]:
    return {'stem': stem, 'agreement': score, 'kind': kind}


def test_the_conclusions() -> None:
    rows = [row('a', 0.021, 'missing part'), row('b', 0.3, 'border'), row('c', 0.5, 'border'), row('d', 1.0, 'none')]
    assert conclude_ranking(rows, 'agreement') == [
        '"a" is the most suspicious: agreement 0.02; the last of the 4 on this page has 1.00.',
        'The most frequent probable error is "border": 2 of 4 masks.',
        QUEUE,
    ]


def test_one_mask_a_tie_and_none() -> None:
    assert conclude_ranking([row('a', 1.0, 'none')], 'agreement') == [
        '"a" is the most suspicious: agreement 1.00.',
        'Confident models contradict none of them.',
        QUEUE,
    ]
    tie = conclude_ranking([row('a', 0.0, 'border'), row('b', 0.0, 'wrong class')], 'agreement')
    assert tie[1] == 'The most frequent probable errors are "border" and "wrong class": 1 of 2 masks each.'
    assert conclude_ranking([], 'agreement') == ['No masks were ranked.']
