"""The forms that ``class_weight`` takes in a config."""

from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path

import numpy as np
import pytest
from payload import Payload

from mmseg_ext.data.masks import write_mask
from mmseg_ext.eda.class_weights import class_weights, write_weights
from mmseg_ext.errors import InputError

torch = pytest.importorskip('torch')
pytest.importorskip('mmseg')

from mmengine.logging import MMLogger  # noqa: E402
from mmseg.models import losses as mmseg_losses  # noqa: E402
from mmseg.registry import MODELS  # noqa: E402

from mmseg_ext.models.losses import CrossEntropyLoss, DiceLoss  # noqa: E402
from mmseg_ext.models.losses.class_weight import ClassWeights  # noqa: E402


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / 'dataset.yaml').write_text(
        'classes: [background, cat, dog]\npalette: [[0, 0, 0], [9, 9, 9], [5, 5, 5]]\n'
    )
    (tmp_path / 'labels' / 'train').mkdir(parents=True)
    mask = np.array([[0, 0, 0, 0, 1, 2], [2, 0, 255, 255, 0, 2]], np.uint8)
    write_mask(tmp_path / 'labels' / 'train' / 'a.png', mask, [(i, i, i) for i in range(3)])
    return tmp_path


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 5, 5, generator=generator), torch.randint(3, (2, 5, 5), generator=generator)


@pytest.mark.parametrize(
    ('name', 'method', 'further'),
    [
        ('MedianFrequencyWeights', 'median-frequency', {}),
        ('MedianFrequencyWeights', 'median-frequency', {'per_image': True}),
        ('BalancedWeights', 'balanced', {}),
        ('ENetWeights', 'enet', {'absent': 'largest'}),
    ],
)
@pytest.mark.parametrize('kind', ['CrossEntropyLoss', 'DiceLoss'])
def test_computed_weights_are_the_tools(root: Path, batch, kind: str, name: str, method: str, further: dict) -> None:
    asked = {'type': f'mmseg_ext.{name}', 'data_root': str(root), **further}
    loss = MODELS.build({'type': f'mmseg_ext.{kind}', 'class_weight': asked})  # as mmsegmentation builds it
    expected = class_weights(root, method=method, **further)
    listed = MODELS.build({'type': f'mmseg_ext.{kind}', 'class_weight': expected['weights']})
    assert loss(*batch).item() == listed(*batch).item()
    assert loss(*batch).item() != type(loss)()(*batch).item()
    assert loss.class_weight.record == {'source': asked, **expected}
    assert not loss.state_dict()


def test_the_weights_are_logged(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.INFO):
            ClassWeights({'type': 'mmseg_ext.MedianFrequencyWeights', 'data_root': str(root)})
    finally:
        logger.removeHandler(caplog.handler)
    text = f'Class weights (mmseg_ext.MedianFrequencyWeights of {root}/labels/train): background 0.5, cat 3, dog 1'
    assert text in caplog.text


def test_masks_that_are_not_there_are_missed_at_the_first_use(root: Path, batch) -> None:
    asked = {'type': 'mmseg_ext.MedianFrequencyWeights', 'data_root': str(root), 'split': 'nowhere'}
    loss = CrossEntropyLoss(class_weight=asked)  # as for a prediction on a machine without the training data
    assert loss.class_weight.record is None
    with pytest.raises(InputError, match='labels/nowhere: not found'):
        loss(*batch)


def test_masks_that_cannot_be_used_are_refused_at_once(root: Path) -> None:
    (root / 'dataset.yaml').write_text('classes: [a, b, c, d]\npalette: [[0, 0, 0], [9, 9, 9], [5, 5, 5], [1, 1, 1]]\n')
    with pytest.raises(InputError, match='no pixel of class d'):
        DiceLoss(class_weight={'type': 'mmseg_ext.BalancedWeights', 'data_root': str(root)})
    with pytest.raises(ValueError, match=r"'mmseg_ext\.DiceLoss' does not compute"):
        DiceLoss(class_weight={'type': 'mmseg_ext.DiceLoss'})


@pytest.mark.parametrize('suffix', ['json', 'npy'])
def test_a_file_of_the_tool(root: Path, batch, tmp_path: Path, suffix: str) -> None:
    path, weights = tmp_path / f'weights.{suffix}', class_weights(root)
    write_weights(path, weights)
    loss = CrossEntropyLoss(class_weight=str(path))
    assert loss(*batch).item() == CrossEntropyLoss(class_weight=weights['weights'])(*batch).item()
    classes = weights['classes'] if suffix == 'json' else None
    assert loss.class_weight.record == {'source': str(path), 'classes': classes, 'weights': weights['weights']}


def test_the_array_serves_mmsegmentations_own_loss_too(root: Path, batch, tmp_path: Path) -> None:
    path = str(tmp_path / 'weights.npy')
    write_weights(path, class_weights(root))
    torch.testing.assert_close(
        mmseg_losses.CrossEntropyLoss(class_weight=path)(*batch), CrossEntropyLoss(class_weight=path)(*batch)
    )


def test_a_json_list_is_read_as_mmsegmentation_reads_it(batch, tmp_path: Path) -> None:
    path = tmp_path / 'weights.json'
    path.write_text(json.dumps([0.5, 1, 2]))
    for loss in (mmseg_losses.CrossEntropyLoss(class_weight=str(path)), CrossEntropyLoss(class_weight=path)):
        torch.testing.assert_close(loss(*batch), CrossEntropyLoss(class_weight=[0.5, 1, 2])(*batch))


@pytest.mark.parametrize('suffix', ['pkl', 'npy', 'json'])
def test_a_pickle_is_never_run(tmp_path: Path, suffix: str) -> None:
    malicious, path = Payload(tmp_path / 'ran'), tmp_path / f'weights.{suffix}'
    path.write_bytes(pickle.dumps(malicious))
    with pytest.raises(InputError, match=f'weights.{suffix}'):
        CrossEntropyLoss(class_weight=str(path))
    with path.open('wb') as stream:
        np.save(stream, np.array([malicious], dtype=object))
    with pytest.raises(InputError, match=f'weights.{suffix}'):
        CrossEntropyLoss(class_weight=str(path))
    assert not (tmp_path / 'ran').exists()


def test_an_array_of_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / 'weights.npy', np.ones((2, 2)))
    with pytest.raises(InputError, match=r'weights\.npy: expected'):
        CrossEntropyLoss(class_weight=str(tmp_path / 'weights.npy'))
