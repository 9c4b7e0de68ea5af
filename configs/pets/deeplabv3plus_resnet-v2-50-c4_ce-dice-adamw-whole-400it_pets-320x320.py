r"""The last step of the ResNetV2-C4 workhorse: 400 iterations on whole images, at a third of the rate.

Hypothesis: the strongest false alarms are animals that nobody labelled because they reach beyond the border. Crops and
shifts, which the training so far needed, hide this rule; a short training in the geometry of the test shows it (as
FixRes does for scale; Touvron et al. 2019, arXiv 1906.06423).

Run: MMSEG_EXT_WEIGHTS=WEIGHTS PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_resnet-v2-50-c4_ce-dice-adamw-whole-400it_pets-320x320.py \
     --cfg-options load_from=WORK_DIR/iter_2000.pth     (of the pseudo-2000it student)
Result: val mDice 91.38 (95 % interval 89.01–93.39) with TTA, 90.34 without; one seed, 19 minutes on one CPU core. The
student that it starts from has 89.24 without TTA.
"""

_base_ = [
    '../_base_/datasets/pets-whole_320x320.py',
    '../_base_/models/deeplabv3plus_resnet-v2-50-c4.py',
    '../_base_/schedules/adamw_400it.py',
]

model = dict(backbone=dict(frozen_stages=1))
optim_wrapper = dict(optimizer=dict(lr=1e-4))
train_cfg = dict(val_interval=100)
