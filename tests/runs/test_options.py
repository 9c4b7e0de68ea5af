from __future__ import annotations

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.runs.options import parse_options


@pytest.mark.parametrize(
    ('pair', 'key', 'value'),
    [
        ('a.b=3', 'a.b', 3),
        ('lr=1e-4', 'lr', 1e-4),
        ('scale=(0.5, 2)', 'scale', (0.5, 2)),
        ('names=["a"]', 'names', ['a']),
        ('amp=true', 'amp', True),
        ('seed=None', 'seed', None),
        ('root=data/pets', 'root', 'data/pets'),
        ('text=a=b', 'text', 'a=b'),
        ('empty=', 'empty', ''),
        ('a={[1]:2}', 'a', '{[1]:2}'),  # no literal: a list is no key
        ('a=' + 9999 * '-' + '1', 'a', 9999 * '-' + '1'),
    ],
)
def test_an_option_is_a_literal_or_else_text(pair: str, key: str, value: object) -> None:
    options = parse_options([pair])
    assert options == {key: value}
    assert type(options[key]) is type(value)


@pytest.mark.parametrize('pair', ['lr', '=3', ''])
def test_an_option_without_key_or_value_is_one_line(pair: str) -> None:
    with pytest.raises(InputError, match='KEY=VALUE'):
        parse_options([pair])
