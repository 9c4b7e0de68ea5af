"""Planning of a training from the data and the machine: profile → plan → config."""

from __future__ import annotations

import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_ext.eda.profile import DataProfile, profile_data_set
from mmseg_ext.errors import InputError
from mmseg_ext.files import refuse_existing, staged_files, write_json, write_text
from mmseg_ext.runs.config import load_config
from mmseg_ext.workflows.arguments import check_least
from mmseg_ext.workflows.init.backbones import BACKBONES, choose_backbone
from mmseg_ext.workflows.init.config_text import config_text, list_text
from mmseg_ext.workflows.init.machine import Machine, Stopwatch, describe_machine, time_samples
from mmseg_ext.workflows.init.plan import Plan, make_plan
from mmseg_ext.workflows.init.splits import set_aside

__all__ = ['BACKBONES', 'PlannedConfig', 'default_path', 'plan_config']

ORIENTATIONS = ('upright', 'any')


@dataclass(frozen=True)
class PlannedConfig:
    """A planned config that has been written.

    Attributes:
        path: The config.
        lists: Lists of images next to it; empty where the data set has a val split.
        plan: The plan.
        profile: The data.
        machine: The machine.
        work_dir: The work dir that the next command names.
        core_share: Share of the CPU cores that the timed steps got, 0–1; less on a machine that is busy.
    """

    path: Path
    lists: tuple[Path, ...]
    plan: Plan
    profile: DataProfile
    machine: Machine
    work_dir: str
    core_share: float = 1.0

    @property
    def command(self) -> str:
        """The next command."""
        return _train_command(self.path, self.work_dir)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            'config': str(self.path),
            'lists': [str(path) for path in self.lists],
            'plan': self.plan.as_dict(),
            'profile': self.profile.as_dict(),
            'machine': self.machine.as_dict(),
            'core_share': round(self.core_share, 2),
            'next': self.command,
        }


def default_path(data: str | Path) -> Path:
    """Return ``configs/<name of the data folder>.py``, relative to the current folder."""
    name = re.sub(r'[^A-Za-z0-9_-]+', '-', Path(data).expanduser().resolve().name).strip('-') or 'data'
    return Path('configs') / f'{name}.py'


def plan_config(
    data: str | Path,
    out: str | Path | None = None,
    *,
    minutes: float = 40,
    device: str = 'auto',
    backbone: str | None = None,
    labels: str | None = None,
    orientation: str = 'upright',
    seed: int = 0,
    json: str | Path | None = None,
    overwrite: bool = False,
) -> PlannedConfig:
    """Plan a training on a data set and write its config.

    Args:
        data: The data set.
        out: The config; `default_path` by default.
        minutes: How long the training may take on this machine, validations included.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        backbone: A name of `BACKBONES`; by default the first whose weights are on this machine.
        labels: Label set to train on; by default the newest one with a mask for each train image.
        orientation: ``any`` for images without an up, such as those of a microscope or from above.
        seed: Seed of the training, and of the images set aside for validation.
        json: File for the plan as JSON.
        overwrite: Replace an earlier config, its lists and the JSON file.

    Raises:
        InputError: The data set or an argument cannot be used, or a file exists or cannot be written.
    """
    path = Path(out) if out is not None else default_path(data)
    _check_arguments(path, minutes, orientation, seed)
    refuse_existing([path], overwrite)
    refuse_existing([Path(json)] if json is not None else [], overwrite, 'json')
    _check_writable(path)
    lists = tuple(path.with_name(f'{path.stem}_{split}.txt') for split in ('train', 'val'))
    machine = describe_machine(device)
    name, reason = choose_backbone(backbone)
    profile = profile_data_set(data, labels)
    sides: tuple[list[str], list[str]] | None = None
    why = ''
    if 'val' not in profile.images:
        refuse_existing(lists, overwrite)
        train, val, similar = set_aside(data, profile.labels, seed)
        sides = train, val
        why = f'there is no val split: {len(val)} images of train are set aside (listed in {lists[1].name}), ' + (
            f'the {similar} near-duplicates on one side' if similar else 'none a near-duplicate of one trained on'
        )
    val_images = len(sides[1]) if sides is not None else profile.images['val']
    work_dir = f'work_dirs/{path.stem}'

    def text(plan: Plan) -> str:
        return config_text(
            plan, profile, machine, lists=sides is not None, minutes=minutes, seed=seed,
            command=_train_command(path, work_dir),
        )  # fmt: skip

    common: dict[str, Any] = dict(
        minutes=minutes, backbone=name, backbone_reason=reason, any_orientation=orientation == 'any',
        val_images=val_images, set_aside=why,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        # A first plan, as if steps cost nothing, gives the model and the pipeline to time.
        draft_path = Path(folder) / path.name
        _write_lists(draft_path, sides)
        draft_path.write_text(text(make_plan(profile, machine, _no_time, **common)), encoding='utf-8')
        draft = load_config(draft_path)
        sample_seconds = time_samples(draft)
        stopwatch = Stopwatch(draft, len(profile.classes), machine.device)
        plan = make_plan(profile, machine, stopwatch, sample_seconds=sample_seconds, **common)
    with staged_files(path.parent) as stage:  # no earlier config with the lists of this one
        _write_lists(stage / path.name, sides)
        write_text(stage / path.name, text(plan))
    share = min(1.0, sum(stopwatch.core_shares) / len(stopwatch.core_shares)) if stopwatch.core_shares else 1.0
    result = PlannedConfig(path, () if sides is None else lists, plan, profile, machine, work_dir, share)
    if json is not None:
        write_json(json, result.as_dict())
    return result


def _train_command(path: Path, work_dir: str) -> str:
    return shlex.join(['mmseg-ext', 'train', str(path), '--work-dir', work_dir])


def _check_arguments(path: Path, minutes: float, orientation: str, seed: int) -> None:
    check_least(0, seed=seed)
    if not minutes > 0:
        raise InputError(f'`minutes={minutes:g}`', 'must be above 0')
    if orientation not in ORIENTATIONS:
        raise InputError(f'`orientation={orientation}`', f'must be one of {", ".join(ORIENTATIONS)}')
    if path.suffix != '.py':
        raise InputError(path, 'a config must end in .py', 'name a file such as configs/NAME.py')
    if not re.fullmatch(r'[\w-]+', path.stem):
        raise InputError(path, 'mmengine takes config names of letters, digits, _ and - only', 'choose another `out`')


def _no_time(size: tuple[int, int], batch: int, dtype: str) -> Any:
    from mmseg_ext.workflows.init.machine import StepCost

    return StepCost(1e-3, 1e-3, 0.0)


def _check_writable(path: Path) -> None:
    """Find out before the minutes of measuring whether the config can be written.

    Raises:
        InputError: It cannot.
    """
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(path, f'cannot be written ({error.strerror})', 'choose another `out`') from error


def _write_lists(path: Path, sides: tuple[list[str], list[str]] | None) -> None:
    for split, stems in zip(('train', 'val'), sides or (), strict=False):
        target = path.with_name(f'{path.stem}_{split}.txt')
        write_text(target, list_text(stems, f'{split}: images of img/train'))
