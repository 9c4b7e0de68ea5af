"""A trained model, ready for use: built from its config, with all of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_ext.data.classes import Classes
from mmseg_ext.engine.checkpoints.files import find_best
from mmseg_ext.engine.checkpoints.matching import check_weights
from mmseg_ext.engine.class_checks import check_heads
from mmseg_ext.engine.guard import guarded
from mmseg_ext.errors import InputError
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file
from mmseg_ext.runs.config import check_parts, load_config


def build_trained(
    config_path: str | Path, checkpoint: str | Path, options: Mapping[str, Any] | None = None
) -> tuple[Any, Config, Classes]:
    """Build the model of a config with the weights of a checkpoint, which must all fit.

    Args:
        config_path: The experiment that the checkpoint was trained with.
        checkpoint: Its weights, or a work dir, whose best checkpoint is used.
        options: Overrides of the config with which it was trained, dotted key → value.

    Returns:
        mmseg's model on the CPU, in evaluation mode; the config; the classes that the checkpoint names.

    Raises:
        InputError: The config or the checkpoint cannot be used.
    """
    config = load_config(config_path, options)
    check_parts(config, config_path, 'model')
    path = find_best(checkpoint)
    content = load_checkpoint_file(path)
    meta = content.get('meta', {}).get('dataset_meta')
    if 'state_dict' not in content or meta is None:
        raise InputError(path, 'does not name its classes', 'use a checkpoint written by mmseg-ext train')
    init_default_scope(config.get('default_scope', 'mmseg'))
    model = guarded(lambda: MODELS.build(config.model))
    check_weights(str(path), content['state_dict'], model.state_dict(), strict=True)
    model.load_state_dict(content['state_dict'], strict=False)  # only batch norm's counts of batches may be missing
    classes = {
        'classes': list(meta.get('classes') or ()),
        'palette': [list(colour) for colour in meta.get('palette') or ()] or None,
        'ignore_index': meta.get('ignore_index', 255),
        **({'background': meta['background']} if 'background' in meta else {}),
    }
    named = Classes.from_mapping(classes, str(path))
    check_heads(model, named.names, str(path))
    return model.eval(), config, named
