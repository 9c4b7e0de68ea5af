"""Config files with overrides."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from mmseg_ext.errors import InputError

pytest.importorskip('mmseg')

from mmseg_ext.runs.config import check_parts, load_config
from mmseg_ext.runs.console import quiet_console

CONFIG = """
helper = 3
model = dict(type='A', head=dict(type='B', losses=[dict(type='C'), dict(type='D', weight=1.0)]), aux=None)
train_cfg = dict(max_iters=helper)
tta_pipeline = [dict(type='E')]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / 'one.py').write_text(CONFIG)
    return tmp_path / 'one.py'


@pytest.mark.parametrize(
    ('key', 'value', 'found'),
    [
        ('train_cfg.max_iters', 7, lambda c: c.train_cfg.max_iters),
        ('model.head.losses.1.weight', 0.5, lambda c: c.model.head.losses[1].weight),
        ('model.head.losses.0.class_weight', [1, 2], lambda c: c.model.head.losses[0].class_weight),
        ('model.head.dropout', 0.1, lambda c: c.model.head.dropout),
        ('model.aux', {'type': 'F', '_delete_': True}, lambda c: {**c.model.aux, '_delete_': True}),
        ('tta_pipeline.0.type', 'G', lambda c: c.tta_pipeline[0].type),
    ],
)
def test_options_reach_their_place(path: Path, key: str, value: Any, found: Any) -> None:
    config = load_config(path, {key: value})
    assert found(config) == value
    assert config.model.type == 'A'  # what stands beside stays
    assert len(config.model.head.losses) == 2


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('modle.type', 'the config has no modle; did you mean model.type?'),
        ('modle', 'the config has no modle; did you mean model?'),
        ('model.haed.dropout', r'has no model\.haed; did you mean model\.head\.dropout\?'),
        ('model.head.lossses', r'did you mean model\.head\.losses\?'),
        ('model.head.losses.2.weight', r'has no model\.head\.losses\.2$'),
        ('model.head.losses.first', r'has no model\.head\.losses\.first$'),
        ('train_cfg.max_iters.more', r'has no train_cfg\.max_iters\.more$'),
        ('model.aux.type.more', r'has no model\.aux\.type'),
        ('entirely_new', 'the config has no entirely_new$'),
        ('helper', r'helper is a variable of the config file.*such as train_dataloader\.dataset\.data_root'),
    ],
)
def test_options_that_would_change_nothing_are_refused(path: Path, key: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_config(path, {key: 1})
    assert str(caught.value).startswith(f'`options={key}`: ')


def test_every_argument_of_the_runner_can_be_given(path: Path) -> None:
    path.write_text(CONFIG + 'randomness = dict(seed=0)\nload_from = None\nfind_unused_parameters = False\n')
    options = {'randomness.seed': 5, 'load_from': 'x.pth', 'find_unused_parameters': True}
    config = load_config(path, options)
    assert (config.randomness.seed, config.load_from, config.find_unused_parameters) == (5, 'x.pth', True)


def test_a_config_that_raises_is_named_with_its_fault(path: Path) -> None:
    path.write_text('model = 1 / 0')
    with pytest.raises(InputError, match=r'one\.py: config cannot be read \(ZeroDivisionError: division by zero\)'):
        load_config(path)
    path.write_text('model = dict(\n')
    with pytest.raises(InputError, match=r'not valid Python: .* line 1') as caught:
        load_config(path)
    assert '\n' not in str(caught.value)
    path.write_text('_base_ = "./missing.py"')
    with pytest.raises(InputError, match=r'config cannot be read \(.*missing\.py not found\); correct `_base_`'):
        load_config(path)


def test_a_missing_config_is_named_with_the_nearest_one(path: Path) -> None:
    with pytest.raises(InputError, match=rf'did you mean {path}\?'):
        load_config(path.with_name('ones.py'))
    with pytest.raises(InputError, match='see mmseg-ext configs'):
        load_config(path.parent / 'no' / 'one.py')
    with pytest.raises(InputError, match='config not found'):
        load_config(path.parent)


def test_what_a_tool_needs_is_asked_for_by_name(path: Path) -> None:
    config = load_config(path)
    check_parts(config, path, 'model', 'train_cfg')
    with pytest.raises(InputError, match=r'one\.py: has no test_dataloader, test_cfg;'):
        check_parts(config, path, 'model', 'test_dataloader', 'test_cfg')
    with pytest.raises(InputError, match=r'one\.py: train_cfg is 3, not dict'):
        check_parts(load_config(path, {'train_cfg': 3}), path, 'model', 'train_cfg')


def test_the_console_leaves_out_pages_and_the_file_keeps_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.Logger('test')
    logger.addHandler(logging.StreamHandler())
    logger.addHandler(logging.FileHandler(tmp_path / 'log'))
    for _ in range(2):
        quiet_console(logger)
    assert len(logger.handlers[0].filters) == 1
    messages = ['Config:\na = 1', 'Hooks will be executed in', 'Iter(train) [2/4]', 'paramwise_options -- a']
    for message in messages:
        logger.info(message)
    logger.warning('Config:\nis odd')
    assert capsys.readouterr().err == 'Iter(train) [2/4]\nConfig:\nis odd\n'
    assert (tmp_path / 'log').read_text() == '\n'.join([*messages, 'Config:\nis odd', ''])
