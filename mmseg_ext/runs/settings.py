"""All settings of a config on which a result depends, so that equal experiments can be told from similar ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from mmseg_ext.runs.hyperparameters import hyperparameters

Key = tuple[str, ...]

PARTS = (
    'model', 'load_from', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'custom_hooks',
    'train_dataloader', 'train_cfg', 'val_dataloader', 'val_cfg', 'val_evaluator',
    'test_dataloader', 'test_cfg', 'test_evaluator', 'tta_model', 'tta_pipeline',
)  # fmt: skip
ONLY_SPEED = {'num_workers', 'persistent_workers', 'prefetch_factor', 'pin_memory', 'cache', 'cache_gib'}
OF_RUNS = ('best_', 'iter_', 'epoch_')  # begin the names of checkpoints that every run has, so the folder counts


def settings(config: Mapping[str, Any]) -> dict[Key, Any]:
    """Collect the settings that `hyperparameters` summarizes, and those that it leaves out.

    Without what holds for one run alone (seed, folder, images of a fold), what changes only the speed, and hooks
    without options. Paths are cut to the part that means the same on another machine.

    Args:
        config: A loaded config or its dump, after all overrides.

    Returns:
        Keys from the outermost to the innermost → number, text, or list of them. None counts as absent.

    >>> settings({'model': {'backbone': {'type': 'VGG', 'frozen': None}}, 'train_dataloader': {'num_workers': 2}})
    {('model', 'backbone', 'type'): 'VGG'}
    """
    found = {path: value for part in PARTS for path, value in _leaves((part,), config.get(part))}
    hooks = [path[:2] for path in found if path[0] == 'custom_hooks']
    return {
        path: value
        for path, value in found.items()
        if (path[0] != 'custom_hooks' or hooks.count(path[:2]) > 1) and not (config.get('fold') and 'indices' in path)
    }


def _leaves(path: Key, value: Any) -> Iterator[tuple[Key, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in ONLY_SPEED:
                yield from _leaves((*path, str(key)), inner)
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value):
        for number, item in enumerate(value):
            yield from _leaves((*path, str(number)), item)
    elif value is not None:
        yield path, list(value) if isinstance(value, tuple) else _portable(value)


def _portable(value: Any) -> Any:
    if not isinstance(value, str) or '/' not in value:
        return value
    parts = PurePath(value).parts
    return '/'.join(parts[-2 if parts[-1:] and parts[-1].startswith(OF_RUNS) else -1 :])


def differing_settings(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Find the settings that differ between configs although `hyperparameters` does not show it.

    Options of parts of different types are not compared: the types differ, and that says it.

    Args:
        configs: As for `settings`; an empty one is unknown and differs from none.

    Returns:
        Dotted key → its value in each config, None where it is absent.
    """
    all_settings = [settings(config) for config in configs]
    found = {}
    for path in dict.fromkeys(path for one in all_settings for path in one):
        numbers_of: dict[Key, list[int]] = {}
        for number, one in enumerate(all_settings):
            if one:
                numbers_of.setdefault(_types(one, path), []).append(number)
        values = [one.get(path) for one in all_settings]
        if any(not _is_shown(configs, values, path, numbers) for numbers in numbers_of.values()):
            found['.'.join(path)] = values
    return found


def _types(one: Mapping[Key, Any], path: Key) -> Key:
    """Return the types of the parts that a setting is in."""
    return tuple(str(one.get((*path[:end], 'type'))) for end in range(1, len(path) - (path[-1] == 'type')))


def _is_shown(configs: Sequence[Mapping[str, Any]], values: Sequence[Any], path: Key, numbers: Sequence[int]) -> bool:
    """Return whether some configs have the same value, or else whether the other's changes `hyperparameters`."""
    first = numbers[0]
    other = next((number for number in numbers if values[number] != values[first]), None)
    return other is None or any(
        hyperparameters(_replaced(configs[own], path, values[another])) != hyperparameters(configs[own])
        for own, another in ((first, other), (other, first))
        if values[own] is not None
    )


def _replaced(node: Any, path: Key, value: Any) -> Any:
    if not path:
        return value
    if isinstance(node, Mapping):
        return {key: _replaced(inner, path[1:], value) if str(key) == path[0] else inner for key, inner in node.items()}
    return [_replaced(inner, path[1:], value) if str(n) == path[0] else inner for n, inner in enumerate(node)]
