from __future__ import annotations

import math

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.workflows.arguments import check_least


@pytest.mark.parametrize(
    ('value', 'problem'), [(math.inf, 'finite'), (math.nan, 'at least 1'), (-math.inf, 'at least')]
)
def test_what_is_no_number_is_refused(value: float, problem: str) -> None:
    with pytest.raises(InputError, match=rf'`top={value}`: must be {problem}'):
        check_least(1, top=value)


def test_whole_numbers_of_any_size_pass() -> None:
    check_least(1, top=10**400)
