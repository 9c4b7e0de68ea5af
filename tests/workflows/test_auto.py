"""What is checked before a long run begins, and what a later call takes over from it."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmseg')

import torch
from drawn_shapes import make_drawn_shapes

from mmseg_ext.errors import InputError
from mmseg_ext.workflows import auto


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_drawn_shapes(tmp_path_factory.mktemp('data') / 'shapes', side=20, train=2, val=1)


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The label sets that would be audited; each call ends there."""
    labels: list[str] = []

    def audit(root: Path, chosen: str, *_: Any) -> None:
        labels.append(chosen)
        raise InputError('audit', 'is reached')

    monkeypatch.setattr(auto, '_audit', audit)
    return labels


@pytest.mark.parametrize(
    'wrong',
    [{'minutes': math.inf}, {'minutes': 0}, {'backbone': 'efficientnet-lite0'}, {'device': 'cuda'}, {'seed': -1}],
)
def test_a_wrong_argument_takes_no_folder_from_the_call_that_corrects_it(
    wrong: dict[str, Any], data: Path, tmp_path: Path, audited: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr('mmseg_ext.workflows.init.backbones.find', lambda name: None)
    right: dict[str, Any] = {'minutes': 1, 'backbone': 'scratch', 'device': 'cpu', 'seed': 0}
    with pytest.raises(InputError, match=f'`{next(iter(wrong))}='):
        auto.run_all(data, tmp_path / 'out', **{**right, **wrong})
    assert (audited, list(tmp_path.iterdir())) == ([], [])
    with pytest.raises(InputError, match='audit: is reached'):
        auto.run_all(data, tmp_path / 'out', **right)


def test_a_plan_is_kept_though_there_are_newer_labels(data: Path, tmp_path: Path, audited: list[str]) -> None:
    out = tmp_path / 'out'
    settings = {'minutes': 1, 'device': 'cpu', 'backbone': 'scratch', 'orientation': 'upright', 'seed': 0}
    out.mkdir()
    (out / 'settings.json').write_text(json.dumps({'data': str(data.resolve()), 'labels': None, **settings}))
    (out / 'shapes.py').touch()
    (out / 'plan.json').write_text(json.dumps({'plan': {'labels': 'labels_before'}}))
    with pytest.raises(InputError, match='is reached'):
        auto.run_all(data, out, **settings)
    assert audited == ['labels_before']


def test_other_labels_are_audited_again(data: Path, tmp_path: Path) -> None:
    root = shutil.copytree(data, tmp_path / 'shapes')
    shutil.copytree(root / 'labels', root / 'labels_new')
    reports: list[str] = []
    found = [
        auto._audit(root, labels, tmp_path / 'out', ignore_errors=True, report=reports.append)['labels']
        for labels in ('labels', 'labels_new', 'labels_new')
    ]
    assert found == ['labels', 'labels_new', 'labels_new']
    assert reports == ['1/5 audit: labels', '1/5 audit: labels_new']
