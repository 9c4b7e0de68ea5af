from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.records import read_records
from mmseg_ext.evaluation.scores import CLASS_SCORES, MEAN_SCORES

torch = pytest.importorskip('torch')
pytest.importorskip('mmseg')
from mmengine.logging import MMLogger  # noqa: E402
from mmengine.registry import METRICS, DefaultScope  # noqa: E402
from mmseg.evaluation import IoUMetric  # noqa: E402

from mmseg_ext.evaluation.seg_metric import SegMetric  # noqa: E402

torch = pytest.importorskip('torch')
pytest.importorskip('mmseg')

from mmseg_ext.evaluation.probability_maps import load_probabilities  # noqa: E402

CLASSES = ('background', 'cat', 'dog')
META = {'classes': CLASSES, 'palette': [[0, 0, 0], [255, 0, 0], [0, 0, 255]]}


@pytest.fixture
def printed() -> Iterator[list[str]]:
    """What goes to mmengine's logger."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, handler = MMLogger.get_current_instance(), Keep()
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def make(meta: dict | None = META, **arguments: Any) -> SegMetric:
    metric = SegMetric(**arguments)
    metric.dataset_meta = meta
    return metric


def sample(name: str, prediction: Any, truth: Any = None) -> dict:
    content = {'img_path': f'img/val/{name}.jpg', 'pred_sem_seg': {'data': torch.tensor(prediction)[None]}}
    if truth is not None:
        content |= {'seg_map_path': f'labels/val/{name}.png', 'gt_sem_seg': {'data': torch.tensor(truth)[None]}}
    return content


A = sample('a', [[0, 1], [1, 1]], [[0, 0], [1, 255]])
B = sample('b', [[0, 0, 0]], [[0, 1, 0]])


def test_two_images_by_hand() -> None:
    # Background: 3 right, 1 taken for cat. Cat: 1 found, 1 missed. No dog.
    metric = make()
    metric.process(None, [A])
    metric.process(None, [B])
    scores = metric.evaluate(2)
    assert scores['Dice/background'] == pytest.approx(100 * 6 / 8)
    assert scores['Dice/cat'] == pytest.approx(100 * 2 / 4)
    assert scores['mDice'] == pytest.approx((75 + 50) / 2)
    assert scores['IoU/cat'] == pytest.approx(100 * 1 / 3)
    assert scores['Acc/background'] == scores['Recall/background'] == pytest.approx(75)
    assert scores['Precision/cat'] == pytest.approx(50)
    assert scores['aAcc'] == pytest.approx(100 * 4 / 6)
    assert math.isnan(scores['Dice/dog'])
    assert set(scores) == {*MEAN_SCORES, 'aAcc', *(f'{name}/{label}' for name in CLASS_SCORES for label in CLASSES)}
    assert all(type(value) is float for value in scores.values())
    assert metric.results == []


def test_the_table_says_absent(printed: list[str]) -> None:
    metric = make()
    metric.process(None, [A, B])
    metric.evaluate(2)
    rows = {
        cells[1]: cells[2:-1]
        for cells in (line.replace(' ', '').split('|') for line in printed[-1].split('\n'))
        if cells[1:]
    }
    assert rows['Class'] == ['Dice', 'IoU', 'Acc', 'Precision', 'Recall']
    assert rows['cat'] == ['50.00', '33.33', '50.00', '50.00', '50.00']
    assert rows['dog'] == ['absent'] * 5
    assert rows['mean'][0] == '62.50'


def random_samples(number: int, seed: int = 0, ignored: bool = True) -> list[dict]:
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(number):
        truth = rng.integers(0, 3, (7, 9))
        prediction = np.where(rng.random((7, 9)) < 0.3, rng.integers(0, 3, (7, 9)), truth)
        if ignored:
            truth[rng.random((7, 9)) < 0.1] = 255
        samples.append(sample(f's{i}', prediction, truth))
    return samples


def test_equal_to_mmseg_where_both_are_defined() -> None:
    samples = random_samples(6)
    peer = IoUMetric(iou_metrics=['mDice', 'mIoU'], prefix='peer')
    peer.dataset_meta = META
    metric = make()
    for evaluator in (peer, metric):
        evaluator.process(None, samples)
    areas = [sum(column) for column in zip(*peer.results, strict=True)]
    classwise = IoUMetric.total_area_to_metrics(*areas, ['mDice', 'mIoU'])
    expected, scores = peer.evaluate(6), metric.evaluate(6)
    for name in ('mDice', 'mIoU', 'mAcc', 'aAcc'):
        assert round(scores[name], 2) == pytest.approx(expected[f'peer/{name}'], abs=0.011)
    for name in ('Dice', 'IoU', 'Acc'):
        for label, value in zip(CLASSES, classwise[name], strict=True):
            assert scores[f'{name}/{label}'] == pytest.approx(100 * value, rel=1e-5)


def test_order_and_batches_do_not_matter() -> None:
    samples = random_samples(7)
    results = []
    for batches in ([samples], [[item] for item in samples[::-1]], [samples[3:], samples[:3]]):
        metric = make()
        for batch in batches:
            metric.process(None, batch)
        results.append(metric.evaluate(7))
    assert results[0] == results[1] == results[2]


def test_perfect_is_100() -> None:
    metric = make()
    metric.process(None, [sample('a', [[0, 1, 2]], [[0, 1, 2]])])
    assert set(metric.evaluate(1).values()) == {100.0}


def test_float_predictions_of_binary_models_count() -> None:
    metric = make({'classes': ('no', 'yes')})
    metric.process(None, [sample('a', [[0.0, 1.0, 1.0]], [[0, 1, 0]])])
    assert metric.evaluate(1)['aAcc'] == pytest.approx(200 / 3)


def test_an_image_that_a_sampler_repeats_counts_once_and_none_is_lost() -> None:
    expected = make()
    expected.process(None, [A, B])
    metric = make()
    metric.process(None, [A, A, B])  # three collected for a data set of two; mmengine would keep the first two
    assert metric.evaluate(2) == pytest.approx(expected.evaluate(2), nan_ok=True)


def test_counts_beyond_what_float32_holds_are_exact() -> None:
    metric = make()
    rest = {'pred_sem_seg': {'data': torch.zeros(1, 4096, 4096, dtype=torch.uint8)}}
    rest['gt_sem_seg'] = rest['pred_sem_seg']
    metric.process(None, [{'img_path': 'big.png', **rest}, sample('a', [[0, 0, 0, 1]], [[0, 1, 0, 0]])])
    scores = metric.evaluate(2)
    assert scores['Acc/background'] == 100 * (2**24 + 2) / (2**24 + 3) < 100


def test_without_masks_nothing_is_scored_and_it_is_said(tmp_path: Path, printed: list[str]) -> None:
    metric = make(split='test', records=str(tmp_path / 'r.parquet'))
    metric.process(None, [sample('a', [[0, 1]]), sample('b', [[0, 1]])])
    assert metric.evaluate(2) == {}
    assert printed[-1] == 'test: 2 images predicted, no masks to score them against'
    assert list(tmp_path.iterdir()) == []


def test_images_without_a_mask_are_left_out(printed: list[str]) -> None:
    metric = make()
    metric.process(None, [sample('x', [[2, 2]]), A, sample('y', [[2, 2]]), B])
    assert metric.evaluate(4)['mDice'] == pytest.approx(62.5)
    assert printed[-1].startswith('val: 2 of 4 images scored, percent\n')


def test_records_hold_every_image(tmp_path: Path) -> None:
    metric = make(split='val')
    metric.set_output(records=tmp_path / 'records')
    metric.process(None, [A, B])
    metric.evaluate(2)
    records = read_records(tmp_path / 'records' / 'val.parquet')
    assert records.classes == CLASSES
    assert records.stems == ['a', 'b']
    assert records.images == ['img/val/a.jpg', 'img/val/b.jpg']
    assert records.labels == ['labels/val/a.png', 'labels/val/b.png']
    assert records.sizes.tolist() == [[2, 2], [1, 3]]
    assert records.confusion.tolist() == [[[1, 1, 0], [0, 1, 0], [0, 0, 0]], [[2, 0, 0], [1, 0, 0], [0, 0, 0]]]


def test_where_records_go(tmp_path: Path) -> None:
    def files(metric: SegMetric) -> list[str]:
        metric.process(None, [A])
        metric.evaluate(1)
        found = [path for path in tmp_path.rglob('*') if path.is_file()]
        for path in found:
            path.unlink()
        return [str(path.relative_to(tmp_path)) for path in found]

    assert files(make()) == []
    assert files(make(records=str(tmp_path / 'mine.parquet'))) == ['mine.parquet']
    cases: list[tuple[dict, list[str]]] = [
        ({}, ['given/val.parquet']),
        ({'split': 'test'}, ['given/test.parquet']),
        ({'records': str(tmp_path / 'mine.parquet')}, ['mine.parquet']),
        ({'records': False}, []),
    ]
    for arguments, expected in cases:
        metric = make(**arguments)
        metric.set_output(records=tmp_path / 'given')
        assert files(metric) == expected
    metric = make({**META, 'split': 'train'})
    metric.set_output(records=tmp_path / 'given')
    assert files(metric) == ['given/train.parquet']


def test_masks_are_written_in_colour_also_without_truth(tmp_path: Path) -> None:
    metric = make(masks=str(tmp_path / 'm'))
    metric.process(None, [A, sample('c', [[2, 0]])])
    assert read_mask(tmp_path / 'm' / 'a.png').tolist() == [[0, 1], [1, 1]]
    assert read_mask(tmp_path / 'm' / 'c.png').tolist() == [[2, 0]]
    from PIL import Image

    with Image.open(tmp_path / 'm' / 'c.png') as image:
        assert image.convert('RGB').getpixel((0, 0)) == (0, 0, 255)
    metric.set_output(masks=tmp_path / 'n')
    metric.process(None, [B])
    assert [path.name for path in (tmp_path / 'n').iterdir()] == ['b.png']


def test_masks_by_the_names_of_mmseg(tmp_path: Path) -> None:
    metric = make(output_dir=str(tmp_path / 'm'), keep_results=True, format_only=True)
    metric.process(None, [A])
    assert metric.evaluate(1) == {}
    assert read_mask(tmp_path / 'm' / 'a.png').tolist() == [[0, 1], [1, 1]]


def test_predictions_in_the_type_of_the_logits(tmp_path: Path) -> None:
    half = {**A, 'pred_sem_seg': {'data': A['pred_sem_seg']['data'].to(torch.bfloat16)}}  # of a model with one output
    scores = []
    for one in (A, half):
        metric = make(masks=str(tmp_path / 'm'))
        metric.process(None, [one])
        scores.append(metric.evaluate(1)['mDice'])
        assert read_mask(tmp_path / 'm' / 'a.png').tolist() == [[0, 1], [1, 1]]
    assert scores[0] == scores[1]


def test_the_ignored_value_of_the_data_set_and_of_the_config() -> None:
    truth, prediction = [[0, 1, 9]], [[0, 1, 1]]
    metric = make({**META, 'ignore_index': 9})
    metric.process(None, [sample('a', prediction, truth)])
    assert metric.evaluate(1)['aAcc'] == 100
    metric = make({**META, 'ignore_index': 9}, ignore_index=1)
    with pytest.raises(InputError, match=r'^labels/val/a\.png: mask holds 9'):
        metric.process(None, [sample('a', prediction, truth)])
    with pytest.raises(InputError, match='ignore_index=-1'):
        make(ignore_index=-1)


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda item: item['gt_sem_seg']['data'].fill_(7), r'^labels/val/a\.png: mask holds 7'),
        (lambda item: item['gt_sem_seg'].update(data=torch.zeros(1, 3, 3)), r'^labels/val/a\.png: mask is 3×3, its'),
        (lambda item: item.pop('img_path'), 'a sample has no img_path'),
    ],
)
def test_bad_samples_are_named(spoil: Callable[[dict], None], message: str) -> None:
    bad = sample('a', [[0, 1]], [[0, 1]])
    spoil(bad)
    with pytest.raises(InputError, match=message):
        make().process(None, [bad])


def test_a_data_set_without_class_names() -> None:
    with pytest.raises(InputError, match='has no classes'):
        make({}).process(None, [A])


def test_on_a_gpu_the_batch_path_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch path itself, on CPU tensors that say they lie elsewhere."""
    samples = [*random_samples(3), sample('none', [[1, 1]])]
    expected = make()
    expected.process(None, samples)
    metric = make()
    called = []

    class Elsewhere:
        def __init__(self, tensor: Any) -> None:
            self.tensor, self.device, self.shape = tensor, SimpleNamespace(type='elsewhere'), tensor.shape

    def batch(predictions: list, *arguments: Any) -> Any:
        from mmseg_ext.evaluation.confusion_torch import batch_confusion

        called.append(len(predictions))
        return batch_confusion([item.tensor for item in predictions], *arguments)

    monkeypatch.setattr('mmseg_ext.evaluation.seg_metric.batch_confusion', batch)
    metric.process(None, [{**s, 'pred_sem_seg': {'data': Elsewhere(s['pred_sem_seg']['data'])}} for s in samples])
    assert called == [3]
    assert metric.evaluate(4) == expected.evaluate(4)


def test_a_config_finds_it_under_mmsegs_scope(printed: list[str]) -> None:
    with DefaultScope.overwrite_default_scope('mmseg'):
        metric = METRICS.build({'type': 'mmseg_ext.SegMetric', 'split': 'val'})
    assert type(metric) is SegMetric
    assert not any('prefix' in line for line in printed)  # mmengine warns of a metric without one


def stored(logits: np.ndarray, folder: Path) -> np.ndarray:
    metric = SegMetric(probabilities=str(folder))
    metric.dataset_meta = {'classes': ('a', 'b', 'c'), 'palette': [[0, 0, 0]] * 3}
    prediction = torch.zeros((1, *logits.shape[1:]), dtype=torch.int64)
    data = {'data': torch.from_numpy(logits)}
    metric.process(None, [{'img_path': 'img/val/x.jpg', 'pred_sem_seg': {'data': prediction}, 'seg_logits': data}])
    return load_probabilities([folder / 'x.npz'])


def test_the_softmax_of_the_logits(tmp_path: Path) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (3, 7, 9)).astype(np.float32)
    powers = np.exp(logits.astype(np.float64))
    np.testing.assert_allclose(stored(logits, tmp_path), powers / powers.sum(0), atol=1.5 / 255)


def test_one_output_is_a_probability_already(tmp_path: Path) -> None:
    probability = np.array([[[0.0, 0.2, 1.0]]], np.float32)
    np.testing.assert_allclose(stored(probability, tmp_path), [[[1, 0.8, 0]], [[0, 0.2, 1]]], atol=1e-6)
