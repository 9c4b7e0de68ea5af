"""The losses as mmsegmentation sees them: built by name, called by a decode head."""

import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads import FCNHead
from mmseg.structures import SegDataSample

from mmseg_ext.models.losses import CrossEntropyLoss, DiceLoss


def head_losses(logits_channels: int, loss_decode: list[dict]) -> tuple[dict, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    head = FCNHead(
        in_channels=4,
        channels=4,
        num_convs=1,
        num_classes=max(logits_channels, 2),
        out_channels=logits_channels,
        threshold=0.5,
        dropout_ratio=0,
        loss_decode=loss_decode,
    )
    target = torch.randint(max(logits_channels, 2), (2, 1, 8, 8))
    target[0, 0, :2] = 255
    samples = [SegDataSample(gt_sem_seg=PixelData(data=mask)) for mask in target]
    features = [torch.randn(2, 4, 4, 4)]
    losses = head.loss(features, samples, train_cfg={})
    (losses['loss_ce'] + losses['loss_dice']).backward()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())
    assert head.conv_seg.weight.grad.abs().sum() > 0
    logits = torch.nn.functional.interpolate(head(features), size=(8, 8), mode='bilinear')
    return losses, logits, target.squeeze(1)


def test_fcn_head_with_both():
    losses, logits, target = head_losses(
        3,
        [
            {'type': 'mmseg_ext.CrossEntropyLoss', 'class_weight': [0.1, 1, 1]},
            {'type': 'mmseg_ext.DiceLoss', 'log': True},
        ],
    )
    torch.testing.assert_close(losses['loss_ce'], CrossEntropyLoss(class_weight=[0.1, 1, 1])(logits, target))
    torch.testing.assert_close(losses['loss_dice'], DiceLoss(log=True)(logits, target))


def test_binary_fcn_head_with_both():
    losses, logits, target = head_losses(
        1,
        [
            {'type': 'mmseg_ext.CrossEntropyLoss', 'use_sigmoid': True},
            {'type': 'mmseg_ext.DiceLoss', 'use_sigmoid': True, 'log': True},
        ],
    )
    torch.testing.assert_close(losses['loss_ce'], CrossEntropyLoss()(logits, target))
    torch.testing.assert_close(losses['loss_dice'], DiceLoss(log=True)(logits, target))
