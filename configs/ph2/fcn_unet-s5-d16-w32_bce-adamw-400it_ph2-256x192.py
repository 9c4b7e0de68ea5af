r"""U-Net from scratch, binary cross entropy.

Hypothesis: a lesion is a dark blob on skin, which a net that has seen nothing else learns from 120 images.

Result: test lesion IoU 81.92 (95 % interval 78.58–84.99), Dice 90.06 (88.00–91.88); with TTA the same. Seed 0, one
seed; 19 minutes on one core of an AMD EPYC (2.9 s a step).

Run: PH2_ROOT=DATA python tools/train.py \
     configs/ph2/fcn_unet-s5-d16-w32_bce-adamw-400it_ph2-256x192.py
"""

_base_ = [
    '../_base_/datasets/ph2_256x192.py',
    '../_base_/models/fcn_unet-s5-d16-w32.py',
    '../_base_/schedules/adamw_400it_from-scratch.py',
]

model = dict(
    decode_head=dict(
        num_classes=2,
        loss_decode=dict(type='mmseg_ext.CrossEntropyLoss', use_sigmoid=True, loss_name='loss_bce'),
    )
)
