"""Folds of a split: which images each holds, and a config that trains on all but one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, list_stems
from mmseg_ext.data.masks import read_mask
from mmseg_ext.eda.audit import group_near_duplicates
from mmseg_ext.eda.folds import assign_folds
from mmseg_ext.errors import InputError
from mmseg_ext.runs.config import check_parts
from mmseg_ext.workflows.arguments import check_least
from mmseg_ext.workflows.out_of_fold import innermost, use_images

SEG_METRIC = 'mmseg_ext.SegMetric'


def list_pairs(root: str | Path, labels: str, split: str) -> tuple[Classes, dict[str, Path], dict[str, Path]]:
    """List the classes of a data set, and the images and masks of a split by stem, sorted.

    Raises:
        InputError: A folder is missing, or not every image has a mask.
    """
    root = Path(root).expanduser()
    classes = Classes.read(root)
    folders = root / 'img' / split, root / labels / split
    for folder in folders:
        if not folder.is_dir():
            raise InputError(folder, 'folder not found', 'choose other `labels` or another `split`')
    images, masks = list_stems(folders[0], IMAGE_SUFFIXES), list_stems(folders[1], ('.png',))
    if images.keys() != masks.keys() or not images:
        raise InputError(folders[1], 'needs one mask for each image', f'see mmseg-ext audit {root}')
    return classes, images, masks


def divide(images: Mapping[str, Path], masks: Mapping[str, Path], folds: int, seed: int) -> dict[str, int]:
    """Divide a split into folds: copies of an image together, each fold with its share of each class.

    Args:
        images: Stem → image.
        masks: Stem → mask.
        folds: Number of folds, at least 2.
        seed: Seed of the division.

    Returns:
        Stem → fold, from 0.

    Raises:
        InputError: There are fewer images than folds, copies counted once.
    """
    strata = {stem: tuple(np.unique(read_mask(path)).tolist()) for stem, path in masks.items()}
    try:
        return assign_folds(strata, folds, seed, group_near_duplicates(images))
    except ValueError as error:
        raise InputError(f'`folds={folds}`', str(error)) from error


def parse_fold(text: str) -> tuple[int, int]:
    """Read ``K/N``: the K-th of N folds, from 1.

    Raises:
        InputError: It has another form, or K is not in 1–N, or N below 2.

    >>> parse_fold('2/5')
    (2, 5)
    """
    match = re.fullmatch(r'(\d+)/(\d+)', text)
    number, folds = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= folds or folds < 2:
        raise InputError(f'`fold={text}`', 'must be K/N, fold K of N from 1/N to N/N, with N at least 2')
    return number, folds


def leave_out_fold(config: Config, config_path: str | Path, fold: str, seed: int = 0) -> dict[str, Any]:
    """Restrict a config to the folds of its train split but one, and validate on that one.

    Args:
        config: A loaded config; changed in place, with the result as ``config.fold``.
        config_path: Its file, for messages.
        fold: ``K/N``, K from 1.
        seed: Seed of the division, the same for all folds.

    Returns:
        ``{'fold': K, 'of': N, 'seed': seed, 'held_out': stems}``.

    Raises:
        InputError: ``fold`` or ``seed`` is wrong, the config has several train sets, or none in our layout, or the data
            cannot be divided.
    """
    number, folds = parse_fold(fold)
    check_least(0, fold_seed=seed)
    has_several_evaluators = isinstance(config.get('val_evaluator'), list)
    check_parts(config, config_path, 'val_dataloader', *([] if has_several_evaluators else ['val_evaluator']))
    train = innermost(config.train_dataloader.dataset, str(config_path))
    val = innermost(config.val_dataloader.dataset, str(config_path))
    root, labels, split = train.get('data_root'), train.get('labels', 'labels'), train.get('split')
    if root is None or labels is None or split is None or train.get('indices') is not None:
        raise InputError(config_path, 'does not train on one whole split of a FolderDataset', 'train without `fold`')
    _, images, masks = list_pairs(root, labels, split)
    try:
        fold_of = divide(images, masks, folds, seed)
    except InputError as error:
        raise InputError(f'`fold={fold}`', error.problem) from error
    held_out = [stem for stem in images if fold_of[stem] == number - 1]
    for dataset, is_held_out in ((train, False), (val, True)):
        positions = [place for place, stem in enumerate(images) if (fold_of[stem] == number - 1) is is_held_out]
        use_images(dataset, root, labels, split, positions)
    evaluators = config.val_evaluator if has_several_evaluators else [config.val_evaluator]
    config.val_evaluator = [
        {**evaluator, **({'split': 'val'} if evaluator.get('type') == SEG_METRIC else {})} for evaluator in evaluators
    ]  # whatever split the fold is of, its records are those of the run's validations
    config.fold = {'fold': number, 'of': folds, 'seed': seed, 'held_out': held_out}
    return dict(config.fold)


def find_left_out_fold(config: Config, config_path: str | Path) -> dict[str, Any] | None:
    """Return the fold that the config of a work dir leaves out, as from `leave_out_fold`; None if it leaves none out.

    Raises:
        InputError: The config's positions are not those of the images that it left out.
    """
    fold = config.get('fold')
    if not isinstance(fold, Mapping):
        return None
    check_parts(config, config_path, 'val_dataloader')
    val = innermost(config.val_dataloader.dataset, str(config_path))
    _, images, _ = list_pairs(val['data_root'], val['labels'], val['split'])
    positions = set(val['indices'])
    if [stem for place, stem in enumerate(images) if place in positions] != fold.get('held_out'):
        problem = 'leaves out other images than when it was written, since images were added or removed'
        raise InputError(config_path, problem, 'train the config that it was made from')
    return dict(fold)
