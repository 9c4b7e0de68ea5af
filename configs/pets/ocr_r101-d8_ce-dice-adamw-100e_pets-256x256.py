"""OCR on ResNet-101, with the losses and the schedule of the ResNet-50.

Hypothesis: what OCR brings lies in its second look at each class's region, not in the fine maps of HRNet: on the
encoder of `deeplabv3plus_r101-d8` it mixes cat and dog less than ASPP does.

Run: PETS_ROOT=DATA python tools/train.py configs/pets/ocr_r101-d8_ce-dice-adamw-100e_pets-256x256.py
Result: not trained yet.
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/ocr_r101-d8.py',
    '../_base_/schedules/adamw_100e.py',
]

weighted = dict(type='mmseg_ext.CrossEntropyLoss', class_weight=_base_.class_weights.median_frequency)
model = dict(
    data_preprocessor=_base_.pad_to_crop,
    decode_head=[
        dict(_base_.model.decode_head[0], loss_decode=dict(weighted, loss_weight=0.4)),
        dict(_base_.model.decode_head[1], loss_decode=[weighted, dict(type='mmseg_ext.DiceLoss')]),
    ],
)
