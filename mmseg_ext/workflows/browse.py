"""Samples of a config's pipeline, made as a training makes them, drawn into one PNG."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from numpy.typing import NDArray

import mmseg_ext.registry  # noqa: F401 - the first import of mmseg

# isort: split
from mmseg_ext.data.images import read_image
from mmseg_ext.datasets.seeding import SeededDataset, SeededIndex, SeededSampler
from mmseg_ext.engine.guard import guarded
from mmseg_ext.errors import InputError
from mmseg_ext.files import refuse_existing
from mmseg_ext.models.batch_mix import step_rng
from mmseg_ext.progress import track
from mmseg_ext.reports.sample_sheet import Sample, write_sheet
from mmseg_ext.runs.config import check_parts, load_config
from mmseg_ext.runs.hyperparameters import NO_AUGMENTATION


def browse(
    config_path: str | Path,
    out: str | Path,
    count: int = 16,
    split: str = 'train',
    seed: int | None = None,
    index: int | None = None,
    only: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    height: int = 192,
    overwrite: bool = False,
) -> list[Sample]:
    """Draw the first samples that a training would see, each next to its image, into one PNG.

    Batches are mixed (``batch_augments`` of the data preprocessor) as the training mixes them.

    Args:
        config_path: The experiment.
        out: The PNG.
        count: Number of samples.
        split: Loader of the config: train, val or test.
        seed: Overrides the config's seed.
        index: Show this sample of the data set ``count`` times, instead of those that the sampler draws.
        only: Types of transforms, or of the mix, to keep between loading and packing; None keeps all, [] none.
        options: Overrides, dotted key → value.
        height: Height of each picture in pixels.
        overwrite: Replace ``out``.

    Returns:
        The samples.

    Raises:
        InputError: The config or the data cannot be used, or ``out`` exists.
    """
    out = Path(out)
    refuse_existing([out], overwrite)
    key = f'{split}_dataloader'
    config = load_config(config_path, options)
    check_parts(config, config_path, key)
    init_default_scope(config.get('default_scope', 'mmseg'))
    if seed is None:
        seed = config.get('randomness', {}).get('seed') or 0
    dataset_config, mixing = _selected(config, split, only)

    def build() -> tuple[SeededDataset, Iterable[SeededIndex]]:
        dataset = SeededDataset(dataset_config, seed)
        if index is not None:
            return dataset, (SeededIndex(index, (0, 0, place)) for place in itertools.count())
        return dataset, SeededSampler(config[key].sampler.to_dict(), dataset, seed)

    dataset, draws = guarded(build)
    if index is not None and not 0 <= index < len(dataset):
        raise InputError(f'`index={index}`', f'the data set has the samples 0 to {len(dataset) - 1}')
    packed: Iterator[dict[str, Any]] = (_checked(dataset[draw]) for draw in draws)
    if mixing:
        packed = _mixed(packed, config, len(dataset.metainfo['classes']), seed)
    samples = guarded(lambda: list(track(map(_sample, islice(packed, count)), 'drawing', count)))
    meta = dataset.metainfo
    write_sheet(
        samples, out, meta['palette'], meta.get('ignore_index', 255), height, background=meta.get('background', 0)
    )
    return samples


def _selected(config: Config, split: str, only: Sequence[str] | None) -> tuple[dict[str, Any], bool]:
    """Return the data set's config with the wanted transforms, and whether batches are mixed."""
    dataset = config[f'{split}_dataloader'].dataset.to_dict()
    mix = (config.get('model') or {}).get('data_preprocessor', {}).get('batch_augments')
    mixing = bool(mix) and split == 'train'
    if only is None:
        return dataset, mixing
    names = [_without_scope(name) for name in only]
    mixing = mixing and _without_scope(mix['type']) in names
    return keep_only(dataset, [name for name in names if not mixing or name != _without_scope(mix['type'])]), mixing


def _checked(packed: dict[str, Any]) -> dict[str, Any]:
    if 'inputs' not in packed or 'data_samples' not in packed:
        raise InputError('config', 'the pipeline must end with PackSegInputs')
    return packed


def _mixed(packed: Iterable[dict[str, Any]], config: Config, classes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Mix batches as the data preprocessor does in training; yield their samples in grey levels (0–255) again."""
    preprocessor = MODELS.build(config.model.data_preprocessor)
    steps = itertools.count()
    preprocessor.batch_augments.make_rng = lambda: step_rng(seed, 0, next(steps))
    preprocessor.batch_augments.num_classes = max(classes, 2)
    size = max(2, config.train_dataloader.get('batch_size', 2))  # a single sample has none to be mixed with
    iterator = iter(packed)
    while chosen := list(islice(iterator, size)):
        batch = preprocessor(pseudo_collate(chosen), training=True)
        images = batch['inputs'] * preprocessor.std + preprocessor.mean
        if config.model.data_preprocessor.get('bgr_to_rgb'):
            images = images.flip(1)
        for image, sample in zip(images, batch['data_samples'], strict=True):
            yield {'inputs': image.round(), 'data_samples': sample}


def _sample(packed: dict[str, Any]) -> Sample:
    sample = packed['data_samples']
    path = sample.metainfo['img_path']
    image = packed['inputs'].numpy().transpose(1, 2, 0)
    mask = sample.gt_sem_seg.data.numpy() if 'gt_sem_seg' in sample else None
    if mask is not None and not np.issubdtype(mask.dtype, np.floating):
        mask = mask[0].astype(np.uint8)
    return Sample(Path(path).stem, read_image(path), _rgb(image), mask)


def _rgb(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert BGR of any number type to RGB, uint8."""
    converted: NDArray[np.uint8] = cv2.cvtColor(image.clip(0, 255).astype(np.uint8), cv2.COLOR_BGR2RGB)
    return converted


def keep_only(dataset: dict[str, Any], types: Sequence[str]) -> dict[str, Any]:
    """Remove every transform but loading, packing and those named from the config of a data set.

    Args:
        dataset: As in a config; data sets within data sets are searched too.
        types: Names with or without their scope (``mmseg_ext.``).

    Raises:
        InputError: A name is no transform of the pipelines.
    """
    wanted = {_without_scope(name) for name in types}
    kept = wanted.union(NO_AUGMENTATION)
    found: set[str] = set()

    def filtered(node: Any) -> Any:
        if isinstance(node, (list, tuple)):
            return [filtered(value) for value in node]
        if not isinstance(node, dict):
            return node
        result = {key: filtered(value) for key, value in node.items() if key != 'pipeline'}
        if 'pipeline' in node:
            found.update(_without_scope(step['type']) for step in node['pipeline'])
            result['pipeline'] = [step for step in node['pipeline'] if _without_scope(step['type']) in kept]
        return result

    result: dict[str, Any] = filtered(dataset)
    if wanted - found:
        known = ', '.join(sorted(found.difference(NO_AUGMENTATION))) or 'none'
        raise InputError(f'`only={", ".join(sorted(wanted - found))}`', f'not in the pipeline, which has {known}')
    return result


def _without_scope(name: str) -> str:
    return name.rpartition('.')[2]
