"""The space of a search as text."""

from __future__ import annotations

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.workflows.search import Parameter, SearchSettings, parse_space


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('a.lr=1e-5:1e-3:log', Parameter('a.lr', 1e-5, 1e-3, True)),
        ('a.rate=0:0.5', Parameter('a.rate', 0, 0.5)),
        ('batch=2:8', Parameter('batch', 2, 8)),
        ('name=SGD,AdamW', Parameter('name', choices=('SGD', 'AdamW'))),
        ('n=4,8,None', Parameter('n', choices=(4, 8, None))),
        ('w=[[0.2, 1], [1, 1]]', Parameter('w', choices=([0.2, 1], [1, 1]))),
    ],
)
def test_each_form_is_read(text: str, expected: Parameter) -> None:
    assert parse_space([text]) == [expected]


def test_only_whole_numbers_at_both_ends_make_a_range_of_whole_numbers() -> None:
    whole, mixed = parse_space(['a=2:8', 'b=0:0.5'])
    assert whole.is_integer
    assert not mixed.is_integer


@pytest.mark.parametrize(
    ('texts', 'message'),
    [
        ([], 'nothing to search'),
        (['lr'], 'must be KEY='),
        (['=1:2'], 'must be KEY='),
        (['lr=1:2:linear'], 'must be KEY='),
        (['lr=1:x'], 'must be KEY='),
        (['lr=0:inf'], 'must be KEY='),
        (['lr=2:1'], 'range is empty'),
        (['lr=0:1:log'], 'must be positive'),
        (['lr=3'], 'only one value'),
        (['w=[1, 2'], 'Python list'),
        (['lr=1:2', 'lr=3:4'], 'given twice'),
    ],
)
def test_other_forms_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_space(texts)


def test_report_and_example_lie_in_the_space() -> None:
    space = tuple(parse_space(['lr=1e-4:1e-2:log', 'kind=SGD,AdamW']))
    settings = SearchSettings('c.py', space, options={'lr': 1, 'seed': 2})
    described = settings.describe()
    assert described['space'] == {'lr': {'low': 1e-4, 'high': 1e-2, 'log': True}, 'kind': ['SGD', 'AdamW']}
    assert (described['config'], described['metric']) == ('c.py', 'mDice')
    assert settings.example_options() == {'lr': 1e-4, 'kind': 'SGD', 'seed': 2}
