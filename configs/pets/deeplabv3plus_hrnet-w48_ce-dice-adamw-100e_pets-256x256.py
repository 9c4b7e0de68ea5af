"""DeepLabV3+ on HRNet-W48, with the losses and the schedule of the ResNet-50.

Hypothesis: a backbone that keeps a map at stride 4 from its first layer to its last draws ears and tails more exactly
than one whose skip connection brings early features of that stride.

Run: PETS_ROOT=DATA python tools/train.py configs/pets/deeplabv3plus_hrnet-w48_ce-dice-adamw-100e_pets-256x256.py
Result: not trained yet.
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/deeplabv3plus_hrnet-w48.py',
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
