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

ce, dice = _base_.ce_dice
model = dict(
    data_preprocessor=_base_.pad_to_crop,
    decode_head=dict(loss_decode=[dict(ce, class_weight=_base_.class_weights.median_frequency), dice]),
)
