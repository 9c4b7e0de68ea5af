"""Hyperparameters of a config, flat and under the same names for every experiment, so that runs can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

Value = str | float | int

NONE = 'none'  # of a setting that is absent
DATA_FINGERPRINT = 'data_fingerprint'  # a hyperparameter of a run, which its config does not hold
AUGMENTATION = 'augmentation.'
NO_AUGMENTATION = ('LoadImage', 'LoadImageFromFile', 'LoadMask', 'LoadAnnotations', 'PackSegInputs')
PRECISIONS = {'AutocastOptimWrapper': 'bfloat16', 'AmpOptimWrapper': 'float16'}  # of wrappers that name no dtype


def hyperparameters(config: Mapping[str, Any]) -> dict[str, Value]:
    """Collect the settings that distinguish one experiment from another, as one flat section.

    The keys are the same for every config, with ``'none'`` where something is absent, so that a table of runs has no
    holes; only ``augmentation.<transform>``, ``folds`` and ``distillation`` exist just where they are used. Paths are
    cut to the part that means the same on another machine: the last folder or the file name.

    Args:
        config: A loaded config (mmengine's ``Config`` or plain dictionaries), after all overrides.

    Returns:
        Names → text, whole numbers and floats; sequences and options are written as text (``'1, 1, 1.19'``).

    >>> backbone = {'type': 'mmseg_ext.VGG', 'depth': 16}
    >>> found = hyperparameters({'model': {'type': 'EncoderDecoder', 'backbone': backbone}})
    >>> found['backbone'], found['depth'], found['neck']
    ('VGG', 16, 'none')
    """
    model = _mapping(config.get('model'))
    found: dict[str, Any] = _describe_model(model, config)
    found |= _describe_losses(model)
    found |= _describe_optimization(config)
    found |= _describe_data(config)
    found['seed'] = _mapping(config.get('randomness')).get('seed')
    if fold := _mapping(config.get('fold')):  # not its number: the runs of all folds are one experiment
        found['folds'] = f'{fold.get("of")}, seed {fold.get("seed")}'
    for hook in _mappings(config.get('custom_hooks')):
        if part_name(hook) == 'DistillationHook':
            teachers = [_last_part(teacher.get('checkpoint')) for teacher in _mappings(hook.get('teacher'))]
            options = [f'{key} {hook[key]}' for key in ('temperature', 'weight') if key in hook]
            found['distillation'] = _joined([*teachers, *options])
    return {name: _value(value) for name, value in found.items()}


def data_sources(config: Mapping[str, Any]) -> list[tuple[str, str | None, str]]:
    """List the datasets that a config trains on, then those that it validates on.

    Args:
        config: As for `hyperparameters`.

    Returns:
        Data root, label set and split of each dataset that names a root.
    """
    found: dict[tuple[str, str | None, str], None] = {}
    for part, split in (('train', 'train'), ('val', 'val')):
        for source, _ in dataset_configs(_mapping(config.get(f'{part}_dataloader')).get('dataset')):
            if source.get('data_root'):
                found[str(source['data_root']), source.get('labels', 'labels'), str(source.get('split', split))] = None
    return list(found)


def joined_fingerprints(fingerprints: Iterable[str | None]) -> str:
    """Write the fingerprints of the data sets of `data_sources` as one hyperparameter, each once; None is unknown.

    >>> joined_fingerprints(['016979c520a2', None])
    '016979c520a2 + unknown'
    """
    return _joined(dict.fromkeys(fingerprint or 'unknown' for fingerprint in fingerprints))


def _describe_model(model: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    backbone = _mapping(model.get('backbone'))
    weights = model.get('pretrained') or _checkpoint(backbone) or _checkpoint(model)
    necks = [part for neck in _mappings(model.get('neck')) for part in (neck, *_mappings(neck.get('neck')))]
    parts = [*necks, *_heads(model, 'decode_head'), *_heads(model, 'auxiliary_head')]
    attentive = [part for part in parts if isinstance(part.get('attention'), Mapping)]
    return {
        'model': part_name(model),
        'backbone': part_name(backbone),
        'depth': backbone.get('depth'),
        'frozen_stages': 'all' if backbone.get('frozen') else backbone.get('frozen_stages'),
        'neck': _joined(map(part_name, necks)),
        'head': _joined(map(_head_name, _heads(model, 'decode_head'))),
        'auxiliary_head': _joined(map(_head_name, _heads(model, 'auxiliary_head'))),
        'attention': _joined(part_name(part['attention']) for part in attentive),
        'pretrained': _last_part(weights),
        'load_from': _last_parts(config.get('load_from'), 2),
    }


def _head_name(head: Mapping[str, Any]) -> str:
    """Name the head itself, where `mmseg_ext.AttentionHead` is built around it, with its flags that are set."""
    flags = {key: value for key, value in head.items() if value is True}
    return _with_options({**flags, 'type': head.get('head_type', head.get('type', NONE))})


def _describe_losses(model: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for prefix, key in (('', 'decode_head'), ('auxiliary_', 'auxiliary_head')):
        losses = [loss for head in _heads(model, key) for loss in _mappings(head.get('loss_decode'))]
        # With the scope: mmseg's `DiceLoss` is another loss than `mmseg_ext.DiceLoss`.
        found[f'{prefix}loss'] = _joined(str(loss.get('type', NONE)) for loss in losses)
        found[f'{prefix}loss_weight'] = _joined((_text(loss.get('loss_weight', 1.0)) for loss in losses), ', ')
        weights = [loss['class_weight'] for loss in losses if loss.get('class_weight') is not None]
        found[f'{prefix}class_weight'] = _joined(map(_class_weight, weights), '; ')
    return found


def _class_weight(weights: Any) -> str:
    if isinstance(weights, str):
        return _last_part(weights)
    if isinstance(weights, Mapping):
        return _with_options({**weights, **({'data_root': _last_part(weights.get('data_root'))})})
    return _text(weights)


def _describe_optimization(config: Mapping[str, Any]) -> dict[str, Any]:
    wrapper = _mapping(config.get('optim_wrapper'))
    optimizer = _mapping(wrapper.get('optimizer'))
    train = _mapping(config.get('train_cfg'))
    by_epoch = train.get('by_epoch', train.get('type') == 'EpochBasedTrainLoop')
    loader = _mapping(config.get('train_dataloader'))
    average = [hook for hook in _mappings(config.get('custom_hooks')) if 'EMA' in part_name(hook)]
    momentum = optimizer.get('momentum', optimizer.get('betas'))
    return {
        'optimizer': part_name(optimizer),
        'lr': optimizer.get('lr'),
        'weight_decay': optimizer.get('weight_decay'),
        'momentum': momentum,
        'lr_mult': _multipliers(wrapper, 'lr_mult'),
        'decay_mult': _multipliers(wrapper, 'decay_mult'),
        'clip_grad': _mapping(wrapper.get('clip_grad')).get('max_norm'),
        'precision': _precision(wrapper),
        'schedule': _joined(map(_with_options, _mappings(config.get('param_scheduler')))),
        'epochs': train.get('max_epochs') if by_epoch else None,
        'iterations': None if by_epoch else train.get('max_iters'),
        'batch_size': loader.get('batch_size'),
        'accumulation': wrapper.get('accumulative_counts', 1),
        'ema': _joined(_text(hook.get('momentum', 'default')) for hook in average),
    }


def _precision(wrapper: Mapping[str, Any]) -> str:
    name = part_name(wrapper)
    if name == 'AmpOptimWrapper' and wrapper.get('_scope_') == 'mmseg_ext':
        name = 'AutocastOptimWrapper'  # which has that name for mmseg's tools
    return wrapper.get('dtype', PRECISIONS.get(name)) or 'float32'


def _multipliers(wrapper: Mapping[str, Any], kind: str) -> str:
    """Write the factors on parts of the model's parameters as ``backbone 0.3``.

    A parameter that a custom key names follows no other rule: mmengine leaves its bias or norm as it is.
    """
    options = _mapping(wrapper.get('paramwise_cfg'))
    keys = _mapping(options.get('custom_keys'))
    custom = _factors({name: _mapping(part).get(kind) for name, part in keys.items()})
    others = _factors({name: options.get(f'{name}_{kind}') for name in ('bias', 'norm')})
    return _joined(filter(None, (custom, others and others + ' (outside custom keys)' * bool(keys))), '; ')


def _factors(factors: Mapping[str, Any]) -> str:
    return ', '.join(f'{name} {_text(value)}' for name, value in factors.items() if value is not None)


def _describe_data(config: Mapping[str, Any]) -> dict[str, Any]:
    train = list(dataset_configs(_mapping(config.get('train_dataloader')).get('dataset')))
    validation = list(dataset_configs(_mapping(config.get('val_dataloader')).get('dataset')))
    preprocessor = _mapping(_mapping(config.get('model')).get('data_preprocessor'))
    transforms = [step for _, steps in train for step in steps if part_name(step) not in NO_AUGMENTATION]
    mix = _mapping(preprocessor.get('batch_augments'))
    mixes = _mappings(mix.get('mixes'))
    if not mixes or mix.get('weights'):
        transforms += _mappings({key: value for key, value in mix.items() if key != 'mixes'} or None)
    transforms += mixes
    crop = next((step[key] for step in transforms for key in ('crop_size', 'size') if step.get(key)), None)
    crop = crop or preprocessor.get('size')
    tests = (step for _, steps in validation for step in steps if part_name(step) == 'Resize')
    found = {
        'dataset': _joined(_last_part(source.get('data_root')) for source, _ in train),
        'labels': _joined(str(source.get('labels', 'labels')) for source, _ in train),
        'split': _joined(str(source.get('split', NONE)) for source, _ in train),
        'val_labels': _joined(str(source.get('labels', 'labels')) for source, _ in validation),
        'crop': _size(crop),
        'test_size': _size(next(tests, {}).get('scale')),
        'augmentations': _joined(dict.fromkeys(map(part_name, transforms))),
    }
    return found | _augmentation_options(transforms)


def _augmentation_options(transforms: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Write one entry a transform; the options of one that is used several times are joined where they differ."""
    options: dict[str, dict[str, None]] = {}
    for step in transforms:
        options.setdefault(AUGMENTATION + part_name(step), {})[_options(step) or 'default'] = None
    return {name: _joined(texts) for name, texts in options.items()}


def dataset_configs(
    dataset: Any, after: Sequence[Mapping[str, Any]] = ()
) -> Iterator[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Walk the datasets inside wrappers (concatenation, repetition, mixing).

    Args:
        dataset: The config of a dataset or wrapper, several of them, or None.
        after: Transforms that follow those of the dataset.

    Yields:
        The config of each dataset that wraps no other, and all its transforms.

    >>> inner = {'type': 'FolderDataset', 'pipeline': [{'type': 'LoadImage'}]}
    >>> list(dataset_configs({'type': 'RepeatDataset', 'dataset': inner}))
    [({'type': 'FolderDataset', 'pipeline': [{'type': 'LoadImage'}]}, [{'type': 'LoadImage'}])]
    """
    for part in _mappings(dataset):
        steps = [*_mappings(part.get('pipeline')), *after]
        inner = _mappings(part.get('datasets')) or _mappings(part.get('dataset'))
        if inner:
            yield from dataset_configs(inner, steps)
        elif part:
            yield part, steps


def _heads(model: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return _mappings(model.get(key))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return a part, or a list of parts, as a list."""
    if isinstance(value, Mapping):
        return [value]
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list | tuple) else []


def part_name(part: Mapping[str, Any]) -> str:
    """Return the ``type`` of a part of a config, without its scope."""
    kind = part.get('type', NONE)
    return str(kind if isinstance(kind, str) else getattr(kind, '__name__', kind)).rpartition('.')[2]


def _checkpoint(part: Mapping[str, Any]) -> Any:
    starts = _mappings(part.get('init_cfg'))
    return next((start['checkpoint'] for start in starts if start.get('checkpoint')), None)


def _with_options(part: Mapping[str, Any]) -> str:
    options = _options(part)
    return f'{part_name(part)}({options})' if options else part_name(part)


def _options(part: Mapping[str, Any]) -> str:
    return ', '.join(f'{key}={_inner_text(part[key])}' for key in sorted(part) if key != 'type')


def _inner_text(value: Any) -> str:
    return f'[{_text(value)}]' if isinstance(value, list | tuple) else _text(value)


def _size(value: Any) -> str | None:
    """Write width × height, as a config orders them; one number stands for both."""
    if isinstance(value, int):
        value = (value, value)
    return '×'.join(map(_text, value)) if isinstance(value, list | tuple) else None


def _last_part(path: Any) -> str:
    return _last_parts(path, 1)


def _last_parts(path: Any, count: int) -> str:
    return '/'.join(PurePath(str(path)).parts[-count:]) if path else NONE


def _joined(texts: Any, separator: str = ' + ') -> str:
    return separator.join(texts) or NONE


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f'{value:g}'
    if isinstance(value, list | tuple):
        return ', '.join(map(_inner_text, value))
    if isinstance(value, Mapping):
        return _with_options(value) if 'type' in value else f'({_options(value)})'
    return str(value)


def _value(value: Any) -> Value:
    if value is None:
        return NONE
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _text(value)
