r"""A linear head on the frozen ViT-S/14 of DINOv2: 7,683 trained parameters, CE + Dice, 280 px.

Hypothesis: features learned without labels from 142 M images tell cat from dog by a linear rule, so that a few
hundred masks suffice. Published for the method: DINOv2-B with a DPT head reaches 85.2 mIoU on 366 labelled VOC images,
a supervised ResNet-101 64.8. Against it here: a patch covers 13 pixels of an image, and thin parts are lost.

Run: MMSEG_EXT_WEIGHTS=WEIGHTS PETS_ROOT=DATA python tools/train.py \
     configs/pets/linear_dinov2-vits14-reg4_ce-dice-adamw-frozen-400it_pets-280x280.py
"""

_base_ = [
    '../_base_/datasets/pets-warp_280x280.py',
    '../_base_/models/linear_dinov2-vits14-reg4.py',
    '../_base_/schedules/adamw_400it.py',
]

# Without rules by name nothing is said of each frozen parameter, of which there are 175.
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=None)
