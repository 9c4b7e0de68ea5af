"""Strict loading as a context, and the private names of mmengine that it and others rest on."""

from __future__ import annotations

import inspect
import json
import logging
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.hooks import CheckpointHook, EarlyStoppingHook
from mmengine.model import BaseModule
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import WEIGHT_INITIALIZERS, build_functions
from mmengine.runner import Runner, loops
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.visualization import Visualizer
from yapf.yapflib import yapf_api

from mmseg_ext.engine.checkpoints.pretrained import PretrainedInit
from mmseg_ext.engine.checkpoints.weights import LOADERS
from mmseg_ext.engine.mmengine_internals import (
    PLANE_WARNING,
    Scheduler,
    formatting_once,
    is_resumed,
    loaded_from,
    strict_loading,
)
from mmseg_ext.errors import InputError
from mmseg_ext.runs.checkpoint_file import load_strictly, load_url_strictly


def global_state() -> dict[str, Any]:
    return {
        'schemes': dict(CheckpointLoader._schemes),
        'order': list(CheckpointLoader._schemes),
        'load': mmengine_checkpoint._safe_torch_load,
        'load_url': mmengine_checkpoint.load_url,
        'pretrained': WEIGHT_INITIALIZERS.get('Pretrained'),
        'filters': list(warnings.filters),
        'raiseExceptions': logging.raiseExceptions,
    }


def is_strict() -> bool:
    state = global_state()
    ours = [
        state['load'] is load_strictly,
        state['load_url'] is load_url_strictly,
        state['pretrained'] is PretrainedInit,
        state['raiseExceptions'] is False,
        any(entry[1] is not None and entry[1].pattern == PLANE_WARNING for entry in state['filters']),
        *(state['schemes'].get(prefix) is loader for prefix, loader in LOADERS.items()),
    ]
    assert all(ours) or not any(ours), ours
    return all(ours)


class TestContext:
    @pytest.fixture(autouse=True)
    def _unchanged(self) -> Any:
        before = global_state()
        assert not is_strict()
        yield
        assert global_state() == before

    def test_it_is_left_as_it_was_entered(self) -> None:
        with strict_loading():
            assert is_strict()
        assert not is_strict()

    def test_it_is_left_after_an_exception_too(self) -> None:
        with pytest.raises(KeyError), strict_loading():
            raise KeyError

    def test_it_may_be_entered_inside_itself(self) -> None:
        with strict_loading():
            with strict_loading():
                pass
            assert is_strict()

    def test_it_decorates_functions(self) -> None:
        assert [strict_loading()(is_strict)() for _ in range(2)] == [True, True]

    def test_a_thread_that_leaves_does_not_open_it_for_another(self) -> None:
        entered, leave = threading.Event(), threading.Event()

        def other() -> None:
            with strict_loading():
                entered.set()
                leave.wait(60)

        thread = threading.Thread(target=other)
        with strict_loading():
            thread.start()
            assert entered.wait(60)
        assert is_strict()
        leave.set()
        thread.join()

    def test_what_others_register_inside_stays(self) -> None:
        with strict_loading():
            CheckpointLoader.register_scheme('other://', loader=load_strictly)
        assert CheckpointLoader._schemes.pop('other://') is load_strictly

    def test_a_function_that_mmengine_has_moved_is_an_error_and_nothing_stays_replaced(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.delattr(mmengine_checkpoint, 'load_url')
            with pytest.raises(AttributeError, match='load_url'), strict_loading():
                pass
        assert not is_strict()


# Imports what our modules import, notes the global state, imports all our modules, and prints what has changed.
IMPORT_ALL = """
import importlib, json, logging, pkgutil, sys, warnings

third_parties = json.loads(sys.argv[1])
for name in third_parties:
    try:
        importlib.import_module(name)
    except ImportError:
        pass

from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import checkpoint

def state():
    return {
        'schemes': dict(checkpoint.CheckpointLoader._schemes),
        'load': checkpoint._safe_torch_load,
        'load_url': checkpoint.load_url,
        'pretrained': WEIGHT_INITIALIZERS.get('Pretrained'),
        'filters': list(warnings.filters),
        'raiseExceptions': logging.raiseExceptions,
    }

before = state()
known = set(sys.modules)
import mmseg_ext
for module in pkgutil.walk_packages(mmseg_ext.__path__, 'mmseg_ext.'):
    if not module.name.endswith('__main__'):
        importlib.import_module(module.name)
after = state()
changed = [key for key in before if before[key] != after[key]]
new = sorted({name for name in set(sys.modules) - known if not name.startswith('mmseg_ext')})
print(json.dumps({'changed': changed, 'modules': new, 'count': sum(n.startswith('mmseg_ext.') for n in sys.modules)}))
"""


def test_importing_every_module_changes_nothing_in_mmengine(repo_root: Path) -> None:
    modules: list[str] = ['mmseg.datasets', 'mmseg.models']
    for _ in range(2):  # the first run finds the libraries, whose own filters are not ours
        done = subprocess.run(
            [sys.executable, '-c', IMPORT_ALL, json.dumps(modules)],
            env={**os.environ, 'PYTHONPATH': str(repo_root), 'OMP_NUM_THREADS': '1'},
            capture_output=True,
            text=True,
            check=True,
        )
        result = json.loads(done.stdout.splitlines()[-1])
        modules += result['modules']
    assert result['count'] > 150
    assert result['changed'] == []


@pytest.mark.parametrize(
    ('owner', 'name', 'parameters'),
    [
        (mmengine_checkpoint, '_safe_torch_load', ['file', 'map_location', 'weights_only']),
        (loops, '_update_losses', ['outputs', 'losses']),
        (loops, '_parse_losses', ['losses', 'stage']),
        (CheckpointHook, '_save_checkpoint_with_step', ['self', 'runner', 'step', 'meta']),
        (CheckpointHook, '_save_best_checkpoint', ['self', 'runner', 'metrics']),
        (CheckpointHook, '_init_rule', ['self', 'rules', 'key_indicators']),
        (OptimWrapper, '_clip_grad', ['self']),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_private_functions_are_where_they_were(owner: Any, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


@pytest.mark.parametrize(
    ('caller', 'name'),
    [
        (mmengine_checkpoint.load_from_http, 'load_url'),
        (mmengine_checkpoint.load_from_ceph, '_safe_torch_load'),
        (mmengine_checkpoint.load_from_pavi, '_safe_torch_load'),
        (mmengine_checkpoint.load_from_openmmlab, '_safe_torch_load'),
        (mmengine_checkpoint.load_from_torchvision, 'load_from_http'),
        (mmengine_checkpoint.load_from_mmcls, 'load_from_http'),
        (CheckpointHook._save_checkpoint, '_save_checkpoint_with_step'),
        (CheckpointHook.after_val_epoch, '_save_best_checkpoint'),
        (CheckpointHook.__init__, '_default_greater_keys'),
        (EarlyStoppingHook._init_rule, '_default_greater_keys'),
        (AmpOptimWrapper.step, '_clip_grad'),
        (loops.ValLoop.run_iter, '_update_losses'),
        (loops.ValLoop.run, '_parse_losses'),
        (loops.TestLoop.run_iter, '_update_losses'),
        (Runner.load_or_resume, '_has_loaded'),
        (Runner.load_or_resume, '_resume'),
        (Runner.load_or_resume, '_load_from'),
        (Runner.build_train_loop, '_train_dataloader'),
        (Runner.train, '_train_loop'),
        (Runner.train, '_val_loop'),
        (Runner.test, '_test_loop'),
        (Scheduler.step, '_global_step'),
        (Visualizer.get_backend, '_vis_backends'),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, '__qualname__', None),
)
def test_mmengine_still_goes_through_them(caller: Callable[..., Any], name: str) -> None:
    """One that is replaced or overridden but no longer called would do nothing."""
    code = inspect.unwrap(caller).__code__
    nested = [constant for constant in code.co_consts if inspect.iscode(constant)]
    assert any(name in part.co_names for part in (code, *nested))


def test_no_loader_reads_files_in_another_way() -> None:
    source = inspect.getsource(mmengine_checkpoint)
    outside = source.replace(inspect.getsource(mmengine_checkpoint._safe_torch_load), '')
    assert not re.search(r'torch\.load\(|pickle\.load|load_state_dict_from_url', outside)


def test_the_schemes_that_we_replace_are_mmengines() -> None:
    known = {'', 'http://', 'https://'}
    assert known <= set(CheckpointLoader._schemes)
    assert set(LOADERS) - set(CheckpointLoader._schemes) == {'weights://'}


def test_build_functions_keep_the_type_in_the_variable_that_is_read() -> None:
    assert 'obj_type' in build_functions.build_from_cfg.__code__.co_varnames
    assert build_functions.__name__ == 'mmengine.registry.build_functions'


def test_state_of_the_runner(toy: ModuleType, tmp_path: Path) -> None:
    runner = toy.build_runner(tmp_path, resume=True, load_from='x.pth')
    assert (runner.resumes, runner.start_weights, runner.has_loaded, is_resumed(runner)) == (True, 'x.pth', False, True)
    assert isinstance(runner.train_source, dict)
    assert loaded_from(runner) == 'x.pth'
    runner.resumes, runner.has_loaded = False, True
    assert (is_resumed(runner), runner._has_loaded) == (False, True)


PRIVATE = (
    r'_safe_torch_load|_load_checkpoint\w*|_schemes|_parse_losses|_update_losses|_cfg_dict|_train_dataloader|'
    r'_has_loaded|_load_from|_default_greater_keys|_save_checkpoint_with_step|_save_best_checkpoint|_log_history|'
    r'_count_history|_vis_backends|_clip_grad|_train_loop|_val_loop|_test_loop|_global_step|_last_value'
)


def test_no_other_module_touches_private_names(repo_root: Path) -> None:
    pattern = re.compile(
        rf'\b(?:{PRIVATE})\b|\brunner\._\w|\bcfg\._\w|\bconfig\._\w|^\s*from mmengine[\w.]* import .*\b_\w', re.M
    )
    found = {
        str(path.relative_to(repo_root)): pattern.findall(path.read_text(encoding='utf-8'))
        for path in (repo_root / 'mmseg_ext').rglob('*.py')
    }
    touching = {name for name, names in found.items() if names}
    assert touching == {'mmseg_ext/engine/mmengine_internals.py'}


class TestRunner:
    """Code in a checkpoint does not run by any way into our runner, however it is built."""

    def test_load_from(self, foreign: tuple[Path, Path], toy: ModuleType, tmp_path: Path) -> None:
        for action in ('train', 'val'):
            runner = toy.build_runner(tmp_path / action, load_from=str(foreign[0]))
            with pytest.raises(InputError, match='could run code'):
                getattr(runner, action)()
        assert not foreign[1].exists()

    def test_load_checkpoint_and_resume(self, foreign: tuple[Path, Path], toy: ModuleType, tmp_path: Path) -> None:
        runner = toy.build_runner(tmp_path / 'run')
        for load in (runner.load_checkpoint, runner.resume):
            with pytest.raises(InputError, match='could run code'):
                load(str(foreign[0]))
        assert not foreign[1].exists()

    def test_resume_of_the_work_dir(self, foreign: tuple[Path, Path], toy: ModuleType, tmp_path: Path) -> None:
        (tmp_path / 'run').mkdir()
        foreign[0].rename(tmp_path / 'run' / 'epoch_1.pth')
        with pytest.raises(InputError, match='none of its 1 checkpoints can be read'):
            toy.build_runner(tmp_path / 'run', resume=True, log_level='ERROR').train()
        assert not foreign[1].exists()

    @pytest.mark.parametrize('prefix', [None, 'backbone'])
    def test_pretrained(self, prefix: str | None, foreign: tuple[Path, Path], toy: ModuleType, tmp_path: Path) -> None:
        model = toy.ToyModel()
        model.init_cfg = {'type': 'Pretrained', 'checkpoint': str(foreign[0]), 'prefix': prefix}
        with pytest.raises(InputError, match='could run code'):
            toy.build_runner(tmp_path / 'run', model=model).train()
        assert not foreign[1].exists()

    def test_a_model_that_loads_while_it_is_built(
        self, foreign: tuple[Path, Path], toy: ModuleType, tmp_path: Path
    ) -> None:
        class Eager(toy.ToyModel):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                CheckpointLoader.load_checkpoint(str(foreign[0]))

        with pytest.raises(InputError, match='could run code'):
            toy.build_runner(tmp_path / 'run', model={'type': Eager})
        assert not foreign[1].exists()

    def test_mmengine_is_as_it_was_afterwards(self, toy: ModuleType, tmp_path: Path) -> None:
        before = global_state()
        toy.build_runner(tmp_path, epochs=1).train()
        assert global_state() == before
        assert not is_strict()


def test_outside_mmengine_reads_as_it_does(foreign: tuple[Path, Path]) -> None:
    BaseModule(init_cfg={'type': 'Pretrained', 'checkpoint': str(foreign[0])}).init_weights()
    assert foreign[1].is_dir()


def test_a_config_is_laid_out_once(toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the log, the message hub, the dump and the checkpoints; mmengine's formatter is its own again after that."""
    laid_out: list[str] = []

    def format_code(text: str, **options: Any) -> tuple[str, bool]:
        laid_out.append(text)
        return f'{text}\n# laid out {len(laid_out)}\n', True

    monkeypatch.setattr(yapf_api, 'FormatCode', format_code)
    monkeypatch.setattr('mmseg_ext.engine.mmengine_internals._formatted', None)  # by an earlier test
    toy.build_runner(tmp_path, experiment_name='laid_out').train()
    assert len(laid_out) == 1
    assert next(iter(tmp_path.glob('*.py'))).read_text().endswith('# laid out 1\n')
    assert yapf_api.FormatCode is format_code
    with formatting_once():
        texts = [Config({'value': value}).pretty_text.split('\n')[-2] for value in (1, 1, 2, 1)]
    assert texts == ['# laid out 2', '# laid out 2', '# laid out 3', '# laid out 4']
