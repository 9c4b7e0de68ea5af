r"""U-Net from scratch, binary cross entropy.

Hypothesis: a lesion is a dark blob on skin, which a net that has seen nothing else learns from 120 images.

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
        loss_decode=dict(type='mmseg_ext.CrossEntropy', use_sigmoid=True, loss_name='loss_bce'),
    )
)
