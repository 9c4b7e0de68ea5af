"""Planning of a training from the data and the machine: profile → plan → config."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from mmseg_ext.eda.profile import DataProfile, profile_data_set
from mmseg_ext.errors import InputError
from mmseg_ext.files import refuse_existing, staged_files, write_json, write_text
from mmseg_ext.reading import is_printable
from mmseg_ext.runs.config import load_config
from mmseg_ext.workflows.arguments import check_least
from mmseg_ext.workflows.init.backbones import BACKBONES, choose_backbone
from mmseg_ext.workflows.init.config_text import config_text, list_text
from mmseg_ext.workflows.init.machine import Machine, StepCost, Stopwatch, TimeStep, describe_machine, time_samples
from mmseg_ext.workflows.init.plan import Plan, make_plan
from mmseg_ext.workflows.init.splits import set_aside

__all__ = ['BACKBONES', 'PlannedConfig', 'check_request', 'default_path', 'plan_config']

ORIENTATIONS = ('upright', 'any')
MAX_MINUTES = 525_600


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
    _check_path(path)
    check_request(minutes, device, backbone, orientation, seed)
    refuse_existing([path], overwrite)
    refuse_existing([Path(json)] if json is not None else [], overwrite, 'json')
    _check_writable(path)
    machine = describe_machine(device)
    profile = profile_data_set(data, labels)
    validation = _choose_validation(data, profile, path, seed, overwrite)
    work_dir = f'work_dirs/{path.stem}'
    name, reason = choose_backbone(backbone)

    def make(time_step: TimeStep, sample_seconds: float = 0.0) -> Plan:
        return make_plan(
            profile, machine, time_step, minutes=minutes, backbone=name, backbone_reason=reason,
            any_orientation=orientation == 'any', sample_seconds=sample_seconds, val_images=validation.count,
            set_aside=validation.reason,
        )  # fmt: skip

    def text(plan: Plan) -> str:
        return config_text(
            plan, profile, machine, lists=bool(validation.lists), minutes=minutes, seed=seed,
            command=_train_command(path, work_dir),
        )  # fmt: skip

    plan, core_share = _measure(make, text, validation, path.name, machine, len(profile.classes))
    with staged_files(path.parent) as stage:  # no earlier config with the lists of this one
        _write(stage / path.name, text(plan), validation)
    lists = tuple(_list_path(path, split) for split in validation.lists)
    result = PlannedConfig(path, lists, plan, profile, machine, work_dir, core_share)
    if json is not None:
        write_json(json, result.as_dict())
    return result


@dataclass(frozen=True)
class _Validation:
    """The images to validate on: how many, and the lists and the reason where they are set aside from train."""

    count: int
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)  # train and val → stems
    reason: str = ''


def _choose_validation(data: str | Path, profile: DataProfile, path: Path, seed: int, overwrite: bool) -> _Validation:
    """Take the val split, or set images of train aside.

    Raises:
        InputError: The lists of images exist, or mmengine could not find them, or there is one photograph only.
    """
    if 'val' in profile.images:
        return _Validation(profile.images['val'])
    lists = [_list_path(path, split) for split in ('train', 'val')]
    refuse_existing(lists, overwrite)
    folder = str(path.absolute().parent)
    if not is_printable(folder) or set(folder) & set("'\\{"):  # it is put between quotes as mmengine reads the config
        raise InputError(
            path.parent, "mmengine cannot read lists in a folder with ', \\ or { in its name", 'choose another `out`'
        )
    train, val, similar = set_aside(data, profile.labels, seed)
    reason = f'there is no val split: {len(val)} images of train are set aside (listed in {lists[1].name}), ' + (
        f'with all {similar} near-duplicates on one side' if similar else 'none a near-duplicate of a training image'
    )
    return _Validation(len(val), {'train': train, 'val': val}, reason)


def _measure(
    make: Callable[..., Plan],
    text: Callable[[Plan], str],
    validation: _Validation,
    name: str,
    machine: Machine,
    num_classes: int,
) -> tuple[Plan, float]:
    """Plan with measured times: those of the model and the pipeline of a first plan, as if steps cost nothing.

    Returns:
        The plan, and the share of the cores that the timed steps got.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        _write(path, text(make(lambda size, batch, dtype: StepCost(1e-3, 1e-3, 0.0))), validation)
        draft = load_config(path)
        sample_seconds = time_samples(draft)
    stopwatch = Stopwatch(draft, num_classes, machine.device)
    plan = make(stopwatch, sample_seconds)
    return plan, min(1.0, fmean(stopwatch.core_shares)) if stopwatch.core_shares else 1.0


def _write(path: Path, text: str, validation: _Validation) -> None:
    for split, stems in validation.lists.items():
        write_text(_list_path(path, split), list_text(stems, f'{split}: images of img/train'))
    write_text(path, text)


def _list_path(config: Path, split: str) -> Path:
    return config.with_name(f'{config.stem}_{split}.txt')


def _train_command(path: Path, work_dir: str) -> str:
    return shlex.join(['mmseg-ext', 'train', str(path), '--work-dir', work_dir])


def check_request(minutes: float, device: str, backbone: str | None, orientation: str, seed: int) -> None:
    """Refuse, before anything is read, what no plan can be made for.

    Raises:
        InputError: An argument of `plan_config` cannot be used on this machine.
    """
    check_least(0, seed=seed)
    if not 0 < minutes <= MAX_MINUTES:
        raise InputError(f'`minutes={minutes:g}`', f'must be above 0, and at most {MAX_MINUTES}, a year')
    if orientation not in ORIENTATIONS:
        raise InputError(f'`orientation={orientation}`', f'must be one of {", ".join(ORIENTATIONS)}')
    describe_machine(device)
    choose_backbone(backbone)


def _check_path(path: Path) -> None:
    if path.suffix != '.py':
        raise InputError(path, 'must end in .py', 'use a name such as configs/NAME.py')
    if not re.fullmatch(r'[\w-]+', path.stem):
        raise InputError(path, 'mmengine config names may only have letters, digits, _ and -', 'choose another `out`')


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
