"""Plan of a k-fold cross-validation: the trainings of all folds, and which left an image out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError
from mmseg_ext.files import make_folder
from mmseg_ext.runs.config_names import experiment_name
from mmseg_ext.runs.layout import PROBABILITIES


@dataclass(frozen=True)
class FoldTask:
    """One training and the images that it leaves out.

    Attributes:
        config: The experiment.
        data_root: The data set.
        labels: The label set to train on.
        split: The split to train on.
        train: Positions, in the sorted list of stems, of the images to train on.
        held_out: The files of the other images.
        seed: Seed of the training.
        sides: Shorter sides of the views of the prediction in pixels; empty for the views of the config's TTA.
        options: Further overrides of the config.
        work_dir: Work dir of the training.
        out: Folder of the probabilities, ``<stem>.npz``.
        also: Further splits to train on, each with the positions of its images.
    """

    config: str
    data_root: str
    labels: str
    split: str
    train: tuple[int, ...]
    held_out: tuple[str, ...]
    seed: int
    sides: tuple[int, ...]
    options: Mapping[str, Any]
    work_dir: str
    out: str
    also: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def is_done(self) -> bool:
        """Whether all of its probabilities exist."""
        return all((Path(self.out) / f'{Path(path).stem}.npz').is_file() for path in self.held_out)


def training_data(task: FoldTask) -> dict[str, Any]:
    """Return the config of the training set, restricted to the images of a task; its wrappers are kept.

    Raises:
        InputError: The config trains on several data sets.
    """
    from mmseg_ext.runs.config import load_config

    dataset = load_config(task.config, task.options).train_dataloader.dataset.to_dict()
    inner = innermost(dataset, task.config)
    parts = {task.split: task.train, **task.also}
    sets = [dict(inner) for _ in parts]
    for one, (split, positions) in zip(sets, parts.items(), strict=True):
        use_images(one, task.data_root, task.labels, split, positions)
    inner.clear()
    inner.update(sets[0] if len(sets) == 1 else _joined(sets))
    return {'_delete_': True, **dataset}


def _joined(sets: list[dict[str, Any]]) -> dict[str, Any]:
    return {'type': 'ConcatDataset', 'datasets': sets, 'ignore_keys': ['split', 'labels']}


def use_images(dataset: dict[str, Any], root: str, labels: str, split: str, positions: Sequence[int]) -> None:
    """Let the config of a data set read these images of a split, whichever it read before.

    Args:
        dataset: The config, changed in place.
        root: The data set.
        labels: The label set.
        split: The split.
        positions: Positions in the sorted list of all stems of the split.
    """
    dataset.pop('ann_file', None)  # the positions would count the images that it lists
    dataset.update(data_root=root, labels=labels, split=split, indices=list(positions))


def innermost(dataset: dict[str, Any], config: str) -> dict[str, Any]:
    """Return the config of the data set inside its wrappers, such as ``MultiImageMixDataset``.

    Args:
        dataset: The config of a data set.
        config: Name of the experiment, for the message.

    Raises:
        InputError: There are several data sets inside.
    """
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    if 'datasets' in dataset:
        raise InputError(
            config,
            f'trains on several data sets ({dataset["type"]}), so no fold can be left out',
            'use a config with one data set',
        )
    return dataset


def plan_folds(
    configs: Sequence[str],
    images: Mapping[str, Path],
    folds: Mapping[int, Mapping[str, int]],
    out: str | Path,
    common: Mapping[str, Any],
) -> list[FoldTask]:
    """Plan one task for each config, seed and fold.

    Args:
        configs: Experiments.
        images: Stem → file, in the order of the data set (sorted by stem).
        folds: Seed → (stem → fold).
        out: Result folder: ``runs/<config>-seed<S>-fold<F>`` and ``probabilities/<config>-seed<S>``.
        common: The other fields of every `FoldTask`.
    """
    stems = list(images)
    tasks = []
    for config in configs:
        for seed, fold_of in folds.items():
            name = f'{experiment_name(config)}-seed{seed}'
            for fold in sorted(set(fold_of.values())):
                tasks.append(
                    FoldTask(
                        config=str(config),
                        train=tuple(i for i, stem in enumerate(stems) if fold_of[stem] != fold),
                        held_out=tuple(str(images[stem]) for stem in stems if fold_of[stem] == fold),
                        seed=seed,
                        work_dir=os.path.join(out, 'runs', f'{name}-fold{fold}'),
                        out=str(make_folder(Path(out) / PROBABILITIES / name)),
                        **common,
                    )
                )
    return tasks


def runs_that_left_out(
    configs: Mapping[str, str | Path], stems: Sequence[str], split: str
) -> dict[str, tuple[str, ...]]:
    """Find the runs of ``mmseg-ext train --fold`` that left each image out.

    Args:
        configs: Name of a run → the config in its work dir.
        stems: The images of the split, sorted.
        split: The split.

    Returns:
        Stem → names of runs, at least one.

    Raises:
        InputError: A config left no fold out, or one of another split, or does not name its images; the folds differ in
            number or seed, or an image was left out by none.
    """
    from mmseg_ext.runs.config import load_config

    found: dict[str, list[str]] = {stem: [] for stem in stems}
    division = None
    for name, path in configs.items():
        config = load_config(path)
        fold = config.get('fold')
        if not fold:
            raise InputError(name, 'left no fold out', 'give work dirs of mmseg-ext train --fold K/N')
        if 'held_out' not in fold:
            raise InputError(name, 'does not name the images that it left out (an older run)', 'train it again')
        found_split = innermost(config.val_dataloader.dataset, str(path)).get('split')
        if found_split != split:
            problem = f'left out images of {found_split}, not of {split}'
            raise InputError(name, problem, 'give the split that it was trained on')
        if (fold['of'], fold['seed']) != (division := division or (fold['of'], fold['seed'])):
            problem = f'has {fold["of"]} folds with seed {fold["seed"]}, another run {division[0]} with {division[1]}'
            raise InputError(name, problem, 'give the folds of one division')
        for stem in found.keys() & set(fold['held_out']):
            found[stem].append(name)
    missing = [stem for stem, runs in found.items() if not runs]
    if missing:
        problem = f'{len(missing)} of {len(stems)} images were not left out by any run, such as {missing[0]}'
        raise InputError('ensemble', problem, 'give a run of every fold, trained on these images')
    return {stem: tuple(runs) for stem, runs in found.items()}
