"""Text of a planned config: plain lines, each choice with its reason.

A config is a program, and a data set may be a stranger's: its names stand in a config by `_literal` or `_plain`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.data.classes import IGNORE_INDEX
from mmseg_ext.eda.profile import DataProfile
from mmseg_ext.workflows.init.backbones import BACKBONES
from mmseg_ext.workflows.init.machine import Machine
from mmseg_ext.workflows.init.plan import Plan

WIDTH = 118
PASTED_SCALE = (0.5, 1.5)


def config_text(
    plan: Plan,
    profile: DataProfile,
    machine: Machine,
    *,
    lists: bool,
    minutes: float,
    seed: int,
    command: str,
) -> str:
    """Write the config of a plan.

    Args:
        plan: The plan.
        profile: The data.
        machine: The machine, for the head.
        lists: Whether ``<stem>_train.txt`` and ``<stem>_val.txt`` next to the config name the images of train and val.
        minutes: The minutes that were asked for.
        seed: Seed of the training.
        command: How it is trained, for the head.
    """
    backbone = BACKBONES[plan.backbone]
    width, height = plan.size
    labels, val_labels = _literal(plan.labels), _literal(plan.val_labels)
    mirrored = 'horizontal' in plan.flip
    own_value = profile.ignore_index != IGNORE_INDEX
    lines = [
        *_head(plan, profile, machine, minutes, command),
        "_base_ = __import__('mmseg_ext').base_configs(  # wherever mmseg_ext is installed",
        f"    'datasets/folder-warp_256x256', '{backbone.base}', '{backbone.schedule}'",
        ')',
        f'data_root = {_literal(profile.root)}',
        *_noted(f'labels, val_labels = {labels}, {val_labels}', plan, 'labels', 'validation'),
        *_noted(f'crop_size = ({width}, {height})', plan, 'size'),
        *_noted(f'batch_size = {plan.batch}', plan, 'batch'),
        *_noted(f'max_iters = {plan.steps}', plan, 'steps'),
        *([f'ignored = {profile.ignore_index}  # the value of ignored pixels in dataset.yaml'] * own_value),
        '',
        *_noted(
            f'warp = dict(_base_.warp, size=crop_size, scale={plan.scale}, rotate={plan.rotate}, shift={plan.shift}'
            f'{", keep_ratio=True" * plan.keep_ratio}{", seg_pad_val=ignored" * own_value})',
            plan, 'scale',
        ),
        *_noted(f'flip = {_flip(plan.flip)}', plan, 'flips'),
        *_noted('colour = []', plan, 'colour'),
        *_train_pipeline(plan, own_value),
        'resize = dict(_base_.resize, scale=crop_size)',
        'test_pipeline = [_base_.load_image, resize, _base_.load_mask, _base_.pack]',
        *_noted(f'tta_sizes = [dict(resize, scale=size) for size in {list(plan.tta)}]', plan, 'TTA'),
        f"tta_flips = [dict(type='RandomFlip', prob=prob) for prob in {'(0.0, 1.0)' if mirrored else '(0.0,)'}]",
        'tta = [tta_sizes, tta_flips, [_base_.load_mask], [_base_.pack]]',
        "tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=tta)]",
        '',
        *_loaders(plan, profile, lists),
        '',
        *_model(plan, profile, backbone.lines),
        '',
        f'train_cfg = dict(max_iters=max_iters, val_interval={plan.val_interval})',
        *_schedule(plan),
        *([] if plan.dtype == 'bfloat16' else [
            *_noted('optim_wrapper = dict(dtype=None)', plan, 'precision'),
            'val_cfg = dict(dtype=None)',
            'test_cfg = dict(dtype=None)',
        ]),
        f'default_hooks = dict(checkpoint=dict(interval={min(100, plan.val_interval)}))',
        f'randomness = dict(seed={seed})',
    ]  # fmt: skip
    return '\n'.join(lines) + '\n'


def _head(plan: Plan, profile: DataProfile, machine: Machine, minutes: float, command: str) -> list[str]:
    where = machine.name or f'{machine.cores} CPU cores'
    images = ', '.join(f'{count} {split}' for split, count in profile.images.items())
    planned = f'Planned by mmseg-ext init for {minutes:g} minute{"s" * (minutes != 1)} on {where}.'
    head = f'{plan.backbone} on {Path(profile.root).name}: {images} images, {len(profile.classes)} classes.'
    text = [
        head,
        '',
        *textwrap.wrap(f'{planned} Edit any line; the comments say why it is as it is.', WIDTH),
        '',
        f'Run: {command}',
    ]
    escaped = [_plain(line).replace('\\', '\\\\').replace('"', '\\"') for line in text]
    return [f'"""{escaped[0]}', *escaped[1:], '"""', '']


def _plain(text: str) -> str:
    """Return text for a comment: one line of printable characters, without mmengine's ``{{ variables }}``."""
    printable = ''.join(char if char.isprintable() else ' ' for char in text)
    return re.sub(r'\{(?=\{)', '{ ', printable)


def _literal(value: str) -> str:
    """Return Python's literal of a text, in which mmengine finds no ``{{ variable }}`` to replace."""
    return repr(value).replace('{', r'\x7b')


def _noted(line: str, plan: Plan, *names: str) -> list[str]:
    """Put the reasons behind a line, or above it where they are long."""
    reason = _plain('; '.join(plan.choices[name].reason for name in names))
    if len(line) + len(reason) + 4 <= WIDTH:
        return [f'{line}  # {reason}']
    return [*(f'# {part}' for part in textwrap.wrap(reason, WIDTH - 2)), line]


def _train_pipeline(plan: Plan, own_value: bool) -> list[str]:
    """Write the pipeline of train; objects are pasted into loaded images, before the warp cuts them."""
    if not plan.pasted:
        return ['train_pipeline = [_base_.load_image, _base_.load_mask, warp, *flip, *colour, _base_.pack]']
    options = f'classes={list(plan.pasted)}, prob=0.5, scale={PASTED_SCALE}{", ignore_index=ignored" * own_value}'
    if not plan.flip:  # classes depend on their side
        options += f', flip=0, shift={plan.shift}'
    return [
        f"paste = dict(type='mmseg_ext.CopyPaste', {options})  # see train_data",
        'train_pipeline = [paste, warp, *flip, *colour, _base_.pack]',
    ]


def _flip(directions: Sequence[str]) -> str:
    if not directions:
        return '[]'
    if len(directions) == 1:
        return f"[dict(type='RandomFlip', prob=0.5, direction={directions[0]!r})]"
    share = 1 / (len(directions) + 1)
    return f"[dict(type='RandomFlip', prob={[share] * len(directions)}, direction={list(directions)})]"


def _loaders(plan: Plan, profile: DataProfile, lists: bool) -> list[str]:
    """Write the loaders: test falls back to val, and both to listed images of train."""
    lines = [f'data = dict(data_root=data_root{"" if plan.cache else ", cache=False"})']
    pipeline = '[_base_.load_image, _base_.load_mask]' if plan.pasted else 'train_pipeline'
    train, val = f'labels=labels, pipeline={pipeline}', 'labels=val_labels, pipeline=test_pipeline'
    if lists:
        lines.append(
            "lists = '{{ fileDirname }}/{{ fileBasenameNoExtension }}'  # the names of the images, one per line"
        )
        train += ", ann_file=f'{lists}_train.txt'"
        val += ", split='train', ann_file=f'{lists}_val.txt'"
    if plan.oversample is None:
        lines.append(f'train_data = dict(data, {train})')
    else:
        kind = f"type='ClassBalancedDataset', oversample_thr={plan.oversample}"
        lines.append(f'train_images = dict(data, {train})')
        lines.append('train_images = dict(_base_.train_dataloader.dataset, **train_images)')
        if plan.pasted:
            lines += [
                *_noted(f'balanced = dict({kind}, dataset=train_images)', plan, 'sampling'),
                "mixed = dict(type='MultiImageMixDataset', dataset=balanced, pipeline=train_pipeline)",
                'train_data = dict(mixed, _delete_=True)',
            ]
        else:
            lines += _noted(f'train_data = dict({kind}, dataset=train_images, _delete_=True)', plan, 'sampling')
    lines += [
        f'val_data = dict(data, {val})',
        f'train_dataloader = dict(batch_size=batch_size, num_workers={plan.workers}, dataset=train_data)',
        'val_dataloader = dict(dataset=val_data)',
    ]
    if plan.test_split == 'test':
        labels = 'val_labels' if profile.test_labels == profile.val_labels else _literal(profile.test_labels)
        test = f'dict(data, labels={labels}, pipeline=test_pipeline)'
        return [*lines, f'test_dataloader = dict(dataset={test})']
    test = 'val_data' if lists else "dict(val_data, split='val')"
    return [*lines, f'test_dataloader = dict(dataset={test})  # there is no test split']


def _model(plan: Plan, profile: DataProfile, extra: tuple[str, str]) -> list[str]:
    backbone, head = extra
    count = len(profile.classes)
    if plan.class_weights is None:
        lines = _noted('loss = _base_.ce_dice', plan, 'loss')
    else:
        weights = _numbers(plan.class_weights)
        lines = [
            *_noted(f'class_weight = {weights[0]}', plan, 'loss'),
            *weights[1:],
            'loss = [dict(_base_.ce_dice[0], class_weight=class_weight), _base_.ce_dice[1]]',
        ]
    ignoring = 'ignore_index=ignored, ' if profile.ignore_index != IGNORE_INDEX else ''
    parts = [part for part in (
        backbone.rstrip(','),
        'data_preprocessor=dict(seg_pad_val=ignored)' * bool(ignoring),
        f'decode_head=dict({head}{ignoring}num_classes={count}, loss_decode=loss)',
    ) if part]  # fmt: skip
    if len(parts) == 1:
        return [*lines, f'model = dict({parts[0]})']
    return [*lines, 'model = dict(', *(f'    {part},' for part in parts), ')']


def _numbers(values: Sequence[float]) -> list[str]:
    text = f'[{", ".join(f"{value:g}" for value in values)}]'
    if len(text) < WIDTH - 20:
        return [text]
    return ['[', *(f'    {part}' for part in textwrap.wrap(text[1:-1] + ',', WIDTH - 4)), ']']


def _schedule(plan: Plan) -> list[str]:
    warm_up = min(50, plan.steps // 10)
    if warm_up < 2:
        return ['param_scheduler = [dict(_base_.decay, begin=0, end=max_iters)]  # too short for a warm-up']
    if warm_up == 50:
        return ['param_scheduler = [_base_.warm_up, dict(_base_.decay, end=max_iters)]']
    return [
        f'param_scheduler = [dict(_base_.warm_up, end={warm_up}), dict(_base_.decay, begin={warm_up}, end=max_iters)]'
    ]


def list_text(stems: Any, what: str) -> str:
    """Write a list of images.

    Args:
        stems: The stems.
        what: First line, a comment.
    """
    return '\n'.join([f'# {what}', *stems]) + '\n'
