"""Parameters and GFLOPs of the models of configs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_ext.engine.guard import guarded
from mmseg_ext.errors import InputError
from mmseg_ext.models.complexity import count_gflops, count_parameters
from mmseg_ext.progress import track
from mmseg_ext.runs.config import check_parts, load_config
from mmseg_ext.runs.config_names import experiment_name


@dataclass(frozen=True)
class ModelSize:
    """Size of a model.

    Attributes:
        name: The config's file name without suffix.
        parameters: Number of parameters, auxiliary heads included.
        gflops: Multiply-adds of one image's forward pass in 10⁹, see `mmseg_ext.models.complexity.count_gflops`.
    """

    name: str
    parameters: int
    gflops: float

    def cells(self) -> tuple[str, str, str]:
        """Return the row of a table: name, parameters in millions, GFLOPs."""
        return self.name, _rounded(self.parameters / 1e6), _rounded(self.gflops)


def _rounded(value: float) -> str:
    """Round to one decimal, or where that would leave little, to two digits."""
    return f'{value:.1f}' if value >= 1 else f'{value:.2g}'


def measure_models(
    configs: Sequence[str | Path], size: tuple[int, int], options: Mapping[str, Any] | None = None
) -> Iterator[ModelSize]:
    """Build each config's model with random weights and measure it.

    Args:
        configs: Experiments, or files of ``configs/_base_/models``.
        size: (height, width) of the image that GFLOPs are counted for.
        options: Overrides of each config, as for `mmseg_ext.runs.config.load_config`.

    Raises:
        InputError: A config cannot be read, holds no model, or its model does not take images of this size.
    """
    for path in track(configs, 'measuring', len(configs)):
        config = load_config(path, options)
        check_parts(config, path, 'model')
        init_default_scope(config.get('default_scope', 'mmseg'))
        model = guarded(partial(MODELS.build, config.model))
        yield ModelSize(experiment_name(path), count_parameters(model), _gflops(model, config.model, size, path))


def _gflops(model: Any, config: ConfigDict, size: Sequence[int], path: str | Path) -> float:
    divisor = ((config.get('data_preprocessor') or {}).get('test_cfg') or {}).get('size_divisor') or 1
    if any(side % divisor for side in size):
        raise InputError(path, f'needs a side that is a multiple of {divisor}', 'choose another `size`')
    return guarded(lambda: count_gflops(model.to('meta'), (3, *size)))  # shapes are enough: nothing is computed
