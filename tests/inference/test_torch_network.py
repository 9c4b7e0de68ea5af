from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_ext.errors import InputError

torch = pytest.importorskip('torch')
pytest.importorskip('mmseg')

IMAGE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
MEAN, STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
CONFIG = """
_base_ = '{base}'
model = dict(
    backbone=dict(depth=(1, 1, 1), base_width=4),
    decode_head=dict(in_channels=[16, 32, 64], skip_channels=[2, 2], channels=4{head}),
)
"""


@pytest.fixture
def predictor(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple]:
    """Builds a predictor of a tiny model with random weights; returns it and the model."""
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    from mmseg_ext.inference.predictor import Predictor
    from mmseg_ext.runs.config import load_config

    monkeypatch.setenv('DEMO_DATA', str(tmp_path))
    base = next((repo_root / 'configs' / 'demo').glob('*.py'))

    def make(head: str = '', classes: int = 3, tta: bool = False) -> tuple:
        path = tmp_path / 'tiny.py'
        path.write_text(CONFIG.format(base=base, head=head))
        init_default_scope('mmseg')
        torch.manual_seed(0)
        model = MODELS.build(load_config(path).model)
        names, palette = ['background', 'cat', 'dog'][:classes], [[0, 0, 0], [255, 0, 0], [0, 255, 0]][:classes]
        meta = {'dataset_meta': {'classes': names, 'palette': palette, 'ignore_index': 255}}
        torch.save({'meta': meta, 'state_dict': model.state_dict()}, tmp_path / 'best_x.pth')
        return Predictor(path, tmp_path / 'best_x.pth', tta=tta, device='cpu'), model.eval()

    return make


def by_hand(model: torch.nn.Module, image: np.ndarray) -> torch.Tensor:
    """Logits of one view with nothing but the model's parts: RGB, normalised, no padding."""
    normalised = (image.astype(np.float64) - MEAN) / STD
    tensor = torch.from_numpy(normalised.transpose(2, 0, 1)[None].copy()).float()
    with torch.no_grad():
        features = model.decode_head(model.backbone(tensor))
    return torch.nn.functional.interpolate(features, size=image.shape[:2], mode='bilinear', align_corners=False)


def test_one_view_is_the_softmax_of_the_model(predictor: Callable[..., tuple]) -> None:
    ours, model = predictor()
    expected = by_hand(model, IMAGE).softmax(1)[0].numpy()
    assert expected.std(axis=(1, 2)).min() > 1e-4  # a constant would agree with anything
    np.testing.assert_allclose(ours.with_sides([64]).predict(IMAGE).probabilities, expected, atol=1e-5)
    assert ours.classes.names == ('background', 'cat', 'dog')


def test_the_views_are_averaged(predictor: Callable[..., tuple]) -> None:
    ours, model = predictor(tta=True)
    total = np.zeros((3, 64, 96))
    for size in ((96, 64), (48, 32)):
        small = cv2.resize(IMAGE, size, interpolation=cv2.INTER_AREA) if size != (96, 64) else IMAGE
        small = cv2.resize(IMAGE, (64, 32), interpolation=cv2.INTER_AREA) if size == (48, 32) else small
        for mirrored in (False, True):
            logits = by_hand(model, small[:, ::-1].copy() if mirrored else small)
            probabilities = (
                torch.nn.functional.interpolate(logits, size=(64, 96), mode='bilinear').softmax(1)[0].numpy()
            )
            total += (probabilities[:, :, ::-1] if mirrored else probabilities) / 4
    np.testing.assert_allclose(ours.with_sides([64, 32]).predict(IMAGE).probabilities, total, atol=1e-5)


def test_a_mirrored_image_gives_mirrored_probabilities(predictor: Callable[..., tuple]) -> None:
    ours, _ = predictor(tta=True)
    mirrored, expected = (ours.predict(np.ascontiguousarray(i)).probabilities for i in (IMAGE[:, ::-1], IMAGE))
    np.testing.assert_allclose(mirrored[:, :, ::-1], expected, atol=1e-5)


def test_one_output_gives_two_classes(predictor: Callable[..., tuple]) -> None:
    head = ", num_classes=2, out_channels=1, loss_decode=[dict(type='mmseg_ext.CrossEntropyLoss', use_sigmoid=True)]"
    ours, model = predictor(head, classes=2)
    expected = by_hand(model, IMAGE).sigmoid()[0, 0].numpy()
    probabilities = ours.with_sides([64]).predict(IMAGE).probabilities
    np.testing.assert_allclose(probabilities[1], expected, atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-6)


def test_weights_without_class_names_are_refused(predictor: Callable[..., tuple], tmp_path: Path) -> None:
    from mmseg_ext.errors import InputError
    from mmseg_ext.inference.predictor import Predictor

    predictor()
    torch.save({'state_dict': {}}, tmp_path / 'bare.pth')
    with pytest.raises(InputError, match=r'bare\.pth: does not name its classes'):
        Predictor(tmp_path / 'tiny.py', tmp_path / 'bare.pth')


@pytest.mark.parametrize('suffix', ['.py', '.json', '.yaml'])
def test_the_dump_of_a_run_is_as_good_as_its_config_and_runs_nothing(
    predictor: Callable[..., tuple], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    from mmseg_ext.inference.predictor import Predictor
    from mmseg_ext.runs.config import load_config

    ours, _ = predictor()
    dump = tmp_path / f'dump{suffix}'
    load_config(tmp_path / 'tiny.py').dump(dump)
    monkeypatch.setenv('MMSEG_EXT_SAFE_CONFIG', '1')
    other = Predictor(dump, tmp_path / 'best_x.pth', device='cpu')
    assert other.members[0].network.info == ours.members[0].network.info
    np.testing.assert_array_equal(other.predict(IMAGE).mask, ours.predict(IMAGE).mask)
    with pytest.raises(InputError, match=r'tiny\.py: inherits from other files'):
        load_config(tmp_path / 'tiny.py')


@pytest.mark.parametrize(
    ('device', 'gpus', 'problem'),
    [
        ('cpu', 0, None),
        ('cuda', 0, 'torch finds no GPU here'),
        ('cuda', 1, None),
        ('cuda:1', 2, None),
        ('cuda:7', 2, 'torch finds GPUs 0 to 1 here'),
        ('cuda:-1', 2, 'is not a device'),
        ('mps', 0, 'is not a device'),
        ('meta', 0, 'is not a device'),
    ],
)
def test_devices(device: str, gpus: int, problem: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmseg_ext.inference.torch_network import _check_device

    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: gpus)
    if problem is None:
        _check_device(device)
        return
    with pytest.raises(InputError, match=f'^`device={device}`: {problem}; use'):
        _check_device(device)
