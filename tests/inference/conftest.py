"""The networks of ``colour_networks``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from colour_networks import INFO, ColourNetwork, save_onnx

from mmseg_ext.inference.network import ModelInfo


@pytest.fixture(scope='session')
def colour_network() -> type[ColourNetwork]:
    return ColourNetwork


@pytest.fixture(scope='session')
def make_onnx() -> Callable[..., Path]:
    return save_onnx


@pytest.fixture(scope='session')
def colour_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_onnx(tmp_path_factory.mktemp('onnx') / 'colours.onnx')


@pytest.fixture(scope='session')
def info() -> ModelInfo:
    return INFO
