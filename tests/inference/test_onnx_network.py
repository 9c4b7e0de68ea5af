from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmseg_ext
from mmseg_ext.data.classes import Classes
from mmseg_ext.errors import InputError
from mmseg_ext.inference.network import ModelInfo
from mmseg_ext.inference.onnx_network import OnnxNetwork

# Predicts with a model where none of the training libraries can be imported, whether they are installed or not.
BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {'torch', 'mmengine', 'mmcv', 'mmseg', 'clearml', 'pyarrow', 'onnx', 'scipy'}:
            raise ImportError(f'{name} must not be needed')
sys.meta_path.insert(0, Blocker())
import numpy as np
import mmseg_ext
predictor = mmseg_ext.Predictor(sys.argv[1])
image = np.zeros((40, 50, 3), np.uint8)
image[:, 25:, 1] = 200
result = predictor.predict(image)
print(np.unique(result.mask[:, 30:]).tolist(), result.probabilities.shape, result.overlay().shape)
"""


def test_it_is_what_its_file_says(colour_onnx: Path, info: ModelInfo, colour_network: Any) -> None:
    network = OnnxNetwork(colour_onnx)
    assert network.info == info
    inputs = np.random.default_rng(0).normal(size=(2, 3, 32, 64)).astype(np.float32)
    np.testing.assert_allclose(network.logits(inputs), colour_network().logits(inputs), rtol=1e-4, atol=1e-4)


def test_the_predictor_opens_it_without_a_checkpoint(colour_onnx: Path) -> None:
    predictor = mmseg_ext.Predictor(colour_onnx, batch_size=3, size=64)
    image = np.zeros((10, 20, 3), np.uint8)
    image[..., 0] = 9
    assert predictor.predict(image).mask.tolist() == [[1] * 20] * 10
    assert (predictor.batch_size, predictor.members[0].views.sizes) == (3, ((64, 64),))
    for options in ({'checkpoint': 'a.pth'}, {'dtype': 'bfloat16'}):
        with pytest.raises(InputError, match='takes neither a checkpoint nor a dtype'):
            mmseg_ext.Predictor(colour_onnx, **options)
    with pytest.raises(InputError, match=r'a\.py: is not an \.onnx file.*needs a checkpoint'):
        mmseg_ext.Predictor('a.py')


def test_no_training_library_is_needed(colour_onnx: Path, repo_root: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-c', BLOCKED, str(colour_onnx)],
        env={**os.environ, 'PYTHONPATH': str(repo_root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ('[2] (3, 40, 50) (40, 50, 3)\n', '')


def test_files_that_are_no_model_are_refused(make_onnx: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'none\.onnx: no such model file'):
        OnnxNetwork(tmp_path / 'none.onnx')
    (tmp_path / 'text.onnx').write_text('text')
    with pytest.raises(InputError, match=r'text\.onnx: is not an ONNX model, or is damaged'):
        OnnxNetwork(tmp_path / 'text.onnx')
    whole = make_onnx(tmp_path / 'whole.onnx').read_bytes()
    (tmp_path / 'half.onnx').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r'half\.onnx: is not an ONNX model, or is damaged'):
        OnnxNetwork(tmp_path / 'half.onnx')
    with pytest.raises(InputError, match=r'bare\.onnx: does not name its classes'):
        OnnxNetwork(make_onnx(tmp_path / 'bare.onnx', None))
    with pytest.raises(InputError, match='`device=tpu`'):
        OnnxNetwork(tmp_path / 'whole.onnx', 'tpu')


def test_the_classes_of_the_metadata_are_those_of_the_network(make_onnx: Callable[..., Path], tmp_path: Path) -> None:
    two = Classes(('background', 'cat'), ((0, 0, 0), (220, 60, 60)))
    path = make_onnx(tmp_path / 'two.onnx', ModelInfo(two, (0, 0, 0), (1, 1, 1)))
    with pytest.raises(InputError, match='has 3 outputs, but its metadata names 2 classes'):
        OnnxNetwork(path)


def test_without_the_runtime_the_extra_is_named(colour_onnx: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(InputError, match=r'pip install -e "\.\[onnx\]"'):
        OnnxNetwork(colour_onnx)


def test_the_package_has_no_other_lazy_names() -> None:
    with pytest.raises(AttributeError, match='nothing'):
        _ = mmseg_ext.nothing
