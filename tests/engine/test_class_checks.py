from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from mmcv.transforms import RandomApply
from mmengine.dataset import Compose, ConcatDataset
from mmengine.registry import init_default_scope
from mmseg.models import CrossEntropyLoss as MMSegCrossEntropyLoss
from mmseg.models import FCNHead
from torch import nn

import mmseg_ext.registry  # noqa: F401

# isort: split
from mmseg_ext.datasets.transforms import CopyPaste, RandomElastic, RandomScaleRotateShift
from mmseg_ext.engine.class_checks import (
    check_heads,
    check_ignored_value,
    check_losses,
    check_validation_classes,
    class_difference,
)
from mmseg_ext.errors import InputError
from mmseg_ext.models.batch_mix import SegDataPreProcessor
from mmseg_ext.models.losses import CrossEntropyLoss, DiceLoss

NAMES = ('background', 'cat', 'dog')


def model(classes: int = 3, auxiliary: int = 3, losses: Any = None, outputs: int | None = None) -> nn.Module:
    init_default_scope('mmseg')

    def head(count: int) -> FCNHead:
        loss = losses or {'type': 'CrossEntropyLoss', 'use_sigmoid': outputs == 1}
        options = {'threshold': 0.5} if outputs == 1 else {}
        return FCNHead(
            in_channels=2, channels=2, num_convs=1, num_classes=count, out_channels=outputs or count, loss_decode=loss,
            **options,
        )  # fmt: skip

    built = nn.Module()
    built.decode_head, built.auxiliary_head = head(classes), nn.ModuleList([head(auxiliary)])
    return built


def test_heads_must_tell_the_classes_of_the_data_apart() -> None:
    check_heads(model(), NAMES, 'x.yaml')
    check_heads(nn.Linear(1, 1), NAMES[:1], 'x.yaml')  # none of mmseg's heads
    with pytest.raises(InputError, match=r'decode_head\.num_classes=2: x\.yaml has 3 .*set num_classes=3'):
        check_heads(model(classes=2), NAMES, 'x.yaml')
    with pytest.raises(InputError, match=r'^config: model\.auxiliary_head\.0\.num_classes=4:'):
        check_heads(model(auxiliary=4), NAMES, 'x.yaml')
    with pytest.raises(InputError, match='one class'):
        check_heads(model(), NAMES[:1], 'x.yaml')


@pytest.mark.parametrize(
    ('loss', 'outputs', 'problem'),
    [
        (CrossEntropyLoss(class_weight=[1, 2, 3]), 3, None),
        (CrossEntropyLoss(class_weight=[1, 2]), 3, '2 weights for 3 classes'),
        (DiceLoss(class_weight=[1, 2, 3, 4]), 3, '4 weights for 3 classes'),
        (MMSegCrossEntropyLoss(class_weight=[1.0, 2.0]), 3, '2 weights for 3 classes'),
        (CrossEntropyLoss(class_weight=[1, 2]), 1, None),  # the weights of classes 0 and 1
        (CrossEntropyLoss(class_weight=[1]), 1, '1 weights for 2 classes'),
        (MMSegCrossEntropyLoss(use_sigmoid=True), 1, None),
        (MMSegCrossEntropyLoss(), 1, 'softmax over one output'),
    ],
)
def test_losses_must_fit_their_head(loss: nn.Module, outputs: int, problem: str | None) -> None:
    built = model(classes=2, auxiliary=2, outputs=1) if outputs == 1 else model()
    built.auxiliary_head[0].loss_decode = nn.ModuleList([nn.Identity(), loss])
    if problem is None:
        check_losses(built)
        return
    with pytest.raises(InputError, match=rf'model\.auxiliary_head\.0\.loss_decode: \w+: .*{problem}'):
        check_losses(built)


def test_classes_of_a_checkpoint() -> None:
    def difference(names: tuple[str, ...] | None, key: str = 'classes') -> Any:
        meta = {} if names is None else {'dataset_meta': {key: names}} if key == 'classes' else {key: names}
        return class_difference(meta, {'classes': list(NAMES)})

    assert difference(NAMES) is None
    assert difference(None) is None  # plain weights
    text, reordered, as_many = difference(('background', 'dog', 'cat'))
    assert 'in a different order (background, dog, cat) from the data (background, cat, dog)' in text
    assert (reordered, as_many) == (True, True)
    assert difference(('skin', 'lesion', 'hair'), 'CLASSES')[1:] == (False, True)  # mmseg before 1.0
    assert difference(('skin', 'lesion'))[1:] == (False, False)
    with pytest.raises(InputError, match='val_dataloader'):
        check_validation_classes({'classes': NAMES}, {'classes': NAMES[::-1]})


def test_the_ignored_value_of_the_data_is_that_of_all_parts() -> None:
    built = model()
    built.data_preprocessor = SegDataPreProcessor(
        size=(4, 4), batch_augments={'type': 'mmseg_ext.BatchMix', 'mixes': [{'type': 'mmseg_ext.CutMix'}]}
    )
    warp = RandomScaleRotateShift((4, 4), elastic={'prob': 1})
    inner = SimpleNamespace(pipeline=Compose([RandomApply([RandomElastic()]), warp]))
    data = SimpleNamespace(dataset=ConcatDataset.__new__(ConcatDataset), pipeline=[CopyPaste()])
    data.dataset.datasets = [inner]
    check_ignored_value(built, data, 255, 'x.yaml')
    with pytest.raises(InputError) as caught:
        check_ignored_value(built, data, 254, 'x.yaml')
    assert str(caught.value) == (
        'config: model.decode_head.ignore_index=255, model.auxiliary_head.0.ignore_index=255, '
        'model.data_preprocessor.seg_pad_val=255, model.data_preprocessor.batch_augments.ignore_index=255, '
        'RandomElastic.seg_pad_val=255, RandomScaleRotateShift.seg_pad_val=255, CopyPaste.ignore_index=255: '
        'x.yaml ignores 254; set 254 there'
    )
    for head in (built.decode_head, built.auxiliary_head[0]):
        head.ignore_index = 254
    built.data_preprocessor = SegDataPreProcessor(seg_pad_val=254)
    check_ignored_value(built, CopyPaste(ignore_index=254), 254, 'x.yaml')
