from __future__ import annotations

import io

from rich.console import Console

from mmseg_ext.eda.table import Table


def test_a_table_in_its_three_forms() -> None:
    table = Table('A | title', {'name': None, 'share': 1}, [['a|b', 12.345678], ['c', None]], 'A note.')
    assert table.csv() == 'name,share\na|b,12.346\nc,\n'
    assert table.markdown().splitlines() == [
        '**A | title**', '', '| name | share |', '| --- | ---: |', '| a\\|b | 12.3 |', '| c | – |', '', 'A note.',
    ]  # fmt: skip
    assert table.rich().row_count == 2


def test_numbers_are_compared_with_those_of_another_report() -> None:
    cells = [['train', 'cat', 1.249], ['val', 'cat', 9.0], ['train', 'dog', None]]
    table = Table('T', {'split': None, 'class': None, 'mean': 2}, cells)
    reference = {'cat': {'mean': '1.2'}, 'dog': {'mean': '3.00'}}
    assert table.compared_with('B', reference, split='train').rows == [
        ['cat', 'mean', '1.2', '1.2', 'yes'],
        ['dog', 'mean', '3.00', '–', 'no'],
    ]
    reference['cat']['mean'] = '1.24'
    assert table.compared_with('B', reference, split='train').rows[0] == ['cat', 'mean', '1.24', '1.25', 'no']
    assert table.compared_with('B', {'bird': {'mean': '1'}}).rows == [['bird', 'mean', '1', '–', 'no']]
    assert table.compared_with('B', {'val': {'mean': '9'}}, key='split').rows == [['val', 'mean', '9', '9', 'yes']]


def test_a_table_without_rows_says_so() -> None:
    table = Table('Worst', {'name': None, 'p': 3}, [], 'How to read it.')
    assert table.markdown().splitlines() == ['**Worst**: none', '', 'How to read it.']
    console = Console(width=40, file=io.StringIO())
    console.print(table.rich())
    assert console.file.getvalue().split() == ['Worst', 'none', 'How', 'to', 'read', 'it.']


def test_no_cell_of_a_csv_is_a_formula() -> None:
    table = Table('t', {'=class': None, 'value': 1}, [['=cmd', -1.25], ['@a', 2.0], ['cat', None]])
    assert table.csv() == "'=class,value\n'=cmd,-1.25\n'@a,2.0\ncat,\n"
