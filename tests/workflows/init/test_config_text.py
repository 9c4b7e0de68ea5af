"""The config of a plan is a program: the names that a data set brings must stay text in it."""

from __future__ import annotations

import ast
import builtins
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmseg')

from mmengine.config import Config

from mmseg_ext.eda.profile import ClassProfile, DataProfile
from mmseg_ext.workflows.init import PlannedConfig
from mmseg_ext.workflows.init.config_text import config_text
from mmseg_ext.workflows.init.machine import Machine, StepCost
from mmseg_ext.workflows.init.plan import Plan, make_plan

CODE = 'ran.append(1)'  # short enough for a comment behind a line; `ran` is put among the builtins
HARMLESS = DataProfile(
    '/data/x', {'train': 200, 'val': 50, 'more': 50}, {'labels': ('train', 'val')}, 'labels', 'labels', 'labels', None,
    measured=200, width=256, height=256, sizes=1, aspects=(0, 0),
    classes=tuple(
        ClassProfile(name, share, 0.9, 180, 60.0) for name, share in zip('bcde', (0.9, 0.06, 0.039, 0.001), strict=True)
    ),
    background=0, side=(30.0, 60.0, 100.0), extent=0.5, spread=1.5, mirrored=(('left', 'right'),), one_sided=(),
)  # fmt: skip
# The objects of the last class are pasted into other images.
WITH_RARE = replace(
    HARMLESS, classes=(*HARMLESS.classes[:3], replace(HARMLESS.classes[3], image_share=0.015, images=3))
)
MACHINE = Machine('cpu', None, 2, 16.0)


def plan_and_text(profile: DataProfile) -> tuple[Plan, str]:
    plan = make_plan(
        profile, MACHINE, lambda *_: StepCost(1.0, 0.0, 1.0), minutes=40, backbone='scratch', backbone_reason='',
        val_images=50,
    )  # fmt: skip
    return plan, config_text(plan, profile, MACHINE, lists=False, minutes=40, seed=0, command='train it')


@pytest.mark.parametrize(
    'hostile',
    [
        replace(HARMLESS, root=f'/data/x""";{CODE};"""'),
        replace(HARMLESS, root=f'/data/x\\""";{CODE};"""\\'),
        replace(HARMLESS, root=f'/data/x\n{CODE}\r{CODE}\udcff\u2028'),
        replace(HARMLESS, root=f"/data/\"{{{{$X:\\'+{CODE}+\\'}}}}{{{{ fileDirname }}}}"),
        replace(HARMLESS, images={**HARMLESS.images, f'x""";{CODE};"""': 1}),
        replace(HARMLESS, classes=(*HARMLESS.classes[:3], replace(HARMLESS.classes[3], name=f'e\n{CODE}#'))),
        replace(HARMLESS, mirrored=((f'left\n{CODE}#' + 200 * ' long', 'right'),)),
        replace(HARMLESS, labels=f"labels'\n{CODE}#"),
        replace(HARMLESS, root='/data/{{_base_.model}}', labels='{{ fileBasename }}'),
    ],
)
def test_names_of_the_data_set_are_text_and_never_run(
    hostile: DataProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(builtins, 'ran', ran, raising=False)
    plan, text = plan_and_text(hostile)
    statements, expected = (ast.parse(code).body for code in (text, plan_and_text(HARMLESS)[1]))
    assert isinstance(statements[0], ast.Expr)
    assert isinstance(statements[0].value, ast.Constant)
    for one, other in zip(statements[1:], expected[1:], strict=True):
        if not ast.unparse(other).startswith(('data_root = ', 'labels, val_labels = ')):
            assert ast.dump(one) == ast.dump(other)
    path = tmp_path / 'planned.py'
    path.write_text(text, encoding='utf-8')
    config = Config.fromfile(path)
    assert ran == []
    assert (config.data_root, config.labels) == (hostile.root, plan.labels)


def test_the_next_command_can_be_pasted_into_a_shell() -> None:
    plan, _ = plan_and_text(HARMLESS)
    planned = PlannedConfig(Path("it's here/a.py"), (), plan, HARMLESS, MACHINE, 'work_dirs/a')
    assert planned.command == """mmseg-ext train 'it'"'"'s here/a.py' --work-dir work_dirs/a"""


@pytest.mark.parametrize(
    ('mirrored', 'one_sided', 'flip', 'shift'),
    [((('left', 'right'),), (), 0, 0.1), ((), ('heart',), 0, 0.1), ((), (), 0.5, 1.0)],
)
def test_objects_that_have_a_side_are_pasted_near_their_place_and_never_mirrored(
    tmp_path: Path, mirrored: Any, one_sided: Any, flip: float, shift: float
) -> None:
    from mmseg_ext.registry import TRANSFORMS

    path = tmp_path / 'planned.py'
    path.write_text(plan_and_text(replace(WITH_RARE, mirrored=mirrored, one_sided=one_sided))[1])
    paste = TRANSFORMS.build(Config.fromfile(path).paste)
    assert (paste.flip, paste.shift) == (flip, shift)


def test_another_ignored_value_reaches_every_part(tmp_path: Path) -> None:
    profile = replace(WITH_RARE, ignore_index=254)
    path = tmp_path / 'planned.py'
    path.write_text(plan_and_text(profile)[1])
    config = Config.fromfile(path)
    assert config.model.decode_head.ignore_index == config.model.data_preprocessor.seg_pad_val == 254
    assert config.warp.seg_pad_val == 254
    assert config.paste.ignore_index == 254
