"""Baseline: U-Net from scratch, cross entropy that weighs the animals five times the background.

Hypothesis: 198 images are too few to learn what a cat is from nothing; this is the floor.
Reference figure: val mDice 58.70 (Dice 93.92 / 42.56 / 39.62, Acc 91.27 / 57.54 / 41.55).

Run: PETS_ROOT=DATA python tools/train.py configs/pets/fcn_unet-s5-d16_ce-sgd-100e_pets-256x256.py
Result: after 10 epochs, the rate falling to its end over these 10, val mDice 56.42 (95 % interval 53.49–59.27) without
TTA; one seed, 65 minutes on one CPU core (--amp --cfg-options train_cfg.max_epochs=10 param_scheduler.0.end=10). The
100 epochs were not run: they take 11 hours there.
"""

_base_ = [
    '../_base_/datasets/pets_256x256.py',
    '../_base_/models/fcn_unet-s5-d16.py',
    '../_base_/schedules/sgd_100e.py',
]

class_weight = _base_.class_weights.baseline
model = dict(
    decode_head=dict(loss_decode=dict(class_weight=class_weight)),
    auxiliary_head=dict(loss_decode=dict(class_weight=class_weight)),
)
