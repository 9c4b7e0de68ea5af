"""SegNeXt-S, with the losses and the schedule of SegNeXt-T.

Hypothesis: of an encoder with three times the parameters, pretrained as well, 198 images still gain.

Run: PETS_ROOT=DATA python tools/train.py configs/pets/segnext_mscan-s_ce-dice-adamw-100e_pets-256x256.py
Result: not trained yet.
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/segnext_mscan-s.py',
    '../_base_/schedules/adamw_100e.py',
]

ce, dice = _base_.ce_dice
model = dict(
    data_preprocessor=_base_.pad_to_crop,
    decode_head=dict(loss_decode=[dict(ce, class_weight=_base_.class_weights.median_frequency), dice]),
)
