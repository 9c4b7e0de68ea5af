r"""The last step of EfficientNet-Lite2: 400 iterations on whole images, at a third of the rate.

Hypothesis: as for ResNetV2-C4, whole images show that animals which reach beyond the border are not labelled.

Run: MMSEG_EXT_WEIGHTS=WEIGHTS PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite2_ce-dice-adamw-whole-400it_pets-320x320.py \
     --cfg-options load_from=WORK_DIR/iter_2000.pth     (of the pseudo-2000it student)
"""

_base_ = [
    '../_base_/datasets/pets-whole_320x320.py',
    '../_base_/models/deeplabv3plus_efficientnet-lite2.py',
    '../_base_/schedules/adamw_400it.py',
]

optim_wrapper = dict(optimizer=dict(lr=1e-4))
train_cfg = dict(val_interval=100)
