"""Checks that a model, its losses, a checkpoint and data agree on the classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mmcv.transforms import BaseTransform
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import nn

from mmseg_ext.data.classes import FILE_NAME
from mmseg_ext.datasets.folder import FolderDataset
from mmseg_ext.engine.unwrap import unwrap_model
from mmseg_ext.errors import InputError
from mmseg_ext.models.losses.class_weight import ClassWeights
from mmseg_ext.models.losses.pixel_loss import PixelLoss

MAX_NAMED_CLASSES = 6


def check_heads(model: nn.Module, classes: Sequence[str], source: str) -> None:
    """Refuse a model whose heads have another number of classes.

    Args:
        model: mmseg's segmentor, in any wrapper; one without mmseg's heads is not checked.
        classes: The names of the classes.
        source: Where the names come from, for the message.

    Raises:
        InputError: A decode or auxiliary head has another ``num_classes``; or there is a single class.
    """
    heads = dict(_heads(model))
    if heads and len(classes) < 2:
        raise InputError(source, f'lists only one class ({", ".join(classes)})', 'add the background as the first one')
    wrong = [f'{name}.num_classes={h.num_classes}' for name, h in heads.items() if h.num_classes != len(classes)]
    if wrong:
        raise InputError(
            f'config: {", ".join(wrong)}',
            f'{source} has {len(classes)} classes: {_listed(classes)}',
            f'set num_classes={len(classes)} there',
        )


def check_losses(model: nn.Module) -> None:
    """Refuse losses that do not fit the outputs of their head; they would stop the first step or train nothing.

    Raises:
        InputError: There are more or fewer class weights than classes, or mmseg's cross entropy applies softmax to a
            single output.
    """
    for name, head in _heads(model):
        for loss in head.loss_decode.modules():
            problem = _loss_problem(loss, head.out_channels)
            if problem is not None:
                raise InputError(f'config: {name}.loss_decode: {type(loss).__name__}', *problem)


def _loss_problem(loss: nn.Module, outputs: int) -> tuple[str, str] | None:
    weights = getattr(loss, 'class_weight', None)
    if outputs == 1 and getattr(loss, 'use_sigmoid', True) is False and type(loss).__module__.startswith('mmseg.'):
        return 'is a softmax over one output (out_channels=1), which is always 1', 'add use_sigmoid=True'
    if isinstance(weights, ClassWeights):
        weights = weights.values
    expected = 2 if outputs == 1 and isinstance(loss, PixelLoss) else outputs  # the weights of classes 0 and 1
    if weights is None or not hasattr(weights, '__len__') or len(weights) == expected:
        return None
    return f'class_weight holds {len(weights)} weights for {expected} classes', 'give one weight per class'


def check_validation_classes(first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    """Refuse to validate on classes that differ from those of the training.

    Args:
        first: ``metainfo`` of the training data set.
        second: ``metainfo`` of the validation data set.

    Raises:
        InputError: Their classes differ.
    """
    trained, validated = _names(first), _names(second)
    if trained and validated and trained != validated:
        raise InputError(
            'val_dataloader',
            f'its data have the classes {_listed(validated)}, the training data have {_listed(trained)}',
            f'give both the same {FILE_NAME}',
        )


class ClassDifference(NamedTuple):
    """Difference between the classes of a checkpoint and those of the data.

    Attributes:
        text: The difference in words.
        is_reordered: Whether the names are the same in another order.
        same_count: Whether there are as many.
    """

    text: str
    is_reordered: bool
    same_count: bool


def class_difference(checkpoint_meta: Mapping[str, Any], data_meta: Mapping[str, Any]) -> ClassDifference | None:
    """Compare the classes that a checkpoint was trained with to those of the data.

    Args:
        checkpoint_meta: ``meta`` of the checkpoint.
        data_meta: ``metainfo`` of the data set.

    Returns:
        None if they agree or one side names none.
    """
    of_checkpoint = _names(checkpoint_meta.get('dataset_meta') or {}) or _names(checkpoint_meta, 'CLASSES')
    of_data = _names(data_meta)
    if not of_checkpoint or not of_data or of_checkpoint == of_data:
        return None
    reordered = sorted(of_checkpoint) == sorted(of_data)
    how = 'the classes in a different order' if reordered else 'different classes'
    text = f'was trained with {how} ({_listed(of_checkpoint)}) from the data ({_listed(of_data)})'
    return ClassDifference(text, reordered, len(of_checkpoint) == len(of_data))


def check_ignored_value(model: nn.Module, dataset: Any, ignore_index: int, source: str) -> None:
    """Refuse a training if a part ignores, or fills with, a value that is not the data's ignored value.

    A mask would hold a value that is neither a class nor ignored. This gives a traceback on the CPU, but with some
    losses no error at all on a GPU.

    Args:
        model: mmseg's segmentor, in any wrapper.
        dataset: The training data set, in any wrapper.
        ignore_index: The ignored value of its masks.
        source: Where that value comes from, for the message.

    Raises:
        InputError: A head, the data preprocessor, a mix or a transform has another one.
    """
    values = {f'{name}.ignore_index': head.ignore_index for name, head in _heads(model)}
    preprocessor = getattr(unwrap_model(model), 'data_preprocessor', None)
    for name, part, key in (
        ('seg_pad_val', preprocessor, 'seg_pad_val'),
        ('batch_augments.ignore_index', getattr(preprocessor, 'batch_augments', None), 'ignore_index'),
    ):
        if hasattr(part, key):
            values[f'model.data_preprocessor.{name}'] = getattr(part, key)
    for transform in _transforms(dataset):
        for key in ('ignore_index', 'seg_pad_val'):
            if key in vars(transform):
                values[f'{type(transform).__name__}.{key}'] = getattr(transform, key)
    wrong = [f'{name}={value}' for name, value in values.items() if value not in (ignore_index, None)]
    if wrong:
        raise InputError(f'config: {", ".join(wrong)}', f'{source} ignores {ignore_index}', f'set {ignore_index} there')


def _transforms(part: Any) -> Iterator[BaseTransform]:
    """Yield the transforms of a data set, of those inside wrappers, and of those inside other transforms."""
    if isinstance(part, list | tuple):
        for one in part:
            yield from _transforms(one)
    elif hasattr(part, '__dict__'):
        if isinstance(part, BaseTransform):
            yield part
        for name in ('dataset', 'datasets', 'pipeline', 'transforms'):
            yield from _transforms(vars(part).get(name))


def folder_datasets(dataset: Any) -> Iterator[FolderDataset]:
    """Yield the data sets of our layout inside wrappers: concatenation, repetition, mixing, seeding."""
    if isinstance(dataset, FolderDataset):
        yield dataset
        return
    inner = vars(dataset).get('datasets', vars(dataset).get('dataset')) if hasattr(dataset, '__dict__') else None
    for part in inner if isinstance(inner, list | tuple) else [inner]:
        if part is not None:
            yield from folder_datasets(part)


def _heads(model: nn.Module) -> Iterator[tuple[str, BaseDecodeHead]]:
    for name, module in unwrap_model(model).named_modules():
        if isinstance(module, BaseDecodeHead):
            yield f'model.{name.removeprefix("module.")}', module


def _names(meta: Mapping[str, Any], key: str = 'classes') -> tuple[str, ...]:
    return tuple(map(str, meta.get(key) or ()))


def _listed(names: Sequence[str]) -> str:
    more = f' and {len(names) - MAX_NAMED_CLASSES} more' if len(names) > MAX_NAMED_CLASSES else ''
    return ', '.join(names[:MAX_NAMED_CLASSES]) + more
