"""SegNeXt-S, with the losses and the schedule of SegNeXt-T.

Hypothesis: of an encoder with three times the parameters, pretrained as well, 198 photographs still gain.

Run: PETS_ROOT=DATA python tools/train.py configs/pets/segnext_mscan-s_ce-dice-adamw-100e_pets-256x256.py
Result: not trained yet.
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/segnext_mscan-s.py',
    '../_base_/schedules/adamw_100e.py',
]

model = dict(
    data_preprocessor=dict(size=(256, 256), size_divisor=None),
    decode_head=dict(
        loss_decode=[
            dict(type='mmseg_ext.CrossEntropyLoss', class_weight=[0.055, 1.0, 1.19]),
            dict(type='mmseg_ext.DiceLoss'),
        ]
    ),
)
