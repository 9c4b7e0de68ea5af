from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmseg')

from mmseg_ext.errors import InputError
from mmseg_ext.workflows import train as module


@pytest.mark.parametrize(
    'arguments', [{'fold': '1/5'}, {'resume': True}, {'clearml': 'off'}, {'launcher': 'pytorch'}], ids=str
)
def test_what_an_agent_would_not_get_is_refused(arguments: dict[str, Any]) -> None:
    given = {'fold': None, 'resume': False, 'clearml': None, 'launcher': 'none', **arguments}
    ((name, value),) = arguments.items()
    with pytest.raises(InputError, match=f'`{name}={value}`: is not passed on to an agent'):
        module.enqueue_training('no.py', given, {})


def test_a_run_does_not_go_on_with_other_held_out_images(tmp_path: Path) -> None:
    fold = {'fold': 1, 'of': 2, 'seed': 0, 'held_out': ['a', 'b']}
    (tmp_path / 'run.json').write_text(json.dumps({'fold': fold}))
    module._check_work_dir(tmp_path, True, fold)
    for other, words in (
        ({**fold, 'held_out': ['a', 'c']}, r'fold 1/2 \(seed 0\) does not hold the images that it left out'),
        ({**fold, 'fold': 2}, r'left out fold 1/2 \(seed 0\), not fold 2/2 \(seed 0\)'),
        (None, r'left out fold 1/2 \(seed 0\), not no fold'),
    ):
        with pytest.raises(InputError, match=words):
            module._check_work_dir(tmp_path, True, other)


def test_a_training_is_begun_continued_or_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resumed: list[bool] = []
    monkeypatch.setattr(module, 'train', lambda *_, resume, **__: resumed.append(resume))
    monkeypatch.setattr(module, 'fork_loaders', lambda: None)
    work_dir = tmp_path / 'run'
    module.train_in_own_process('c.py', work_dir)
    work_dir.mkdir()
    module.train_in_own_process('c.py', work_dir)
    (work_dir / 'iter_2.pth').touch()
    module.train_in_own_process('c.py', work_dir)
    (work_dir / 'run.json').write_text('{"status": "finished"}')
    module.train_in_own_process('c.py', work_dir)
    assert resumed == [False, False, True]
