r"""The mobilenet-v2 workhorse, ImageNet weights, cross entropy + Dice.

Hypothesis: what ImageNet taught about texture and colour carries over to skin: a lesion IoU of 0.87 or
more, where U-Nets and SegNets from scratch are published with 0.58 to 0.72.

Run: MMSEG_EXT_WEIGHTS=WEIGHTS PH2_ROOT=DATA python tools/train.py \
     configs/ph2/deeplabv3plus_mobilenet-v2_ce-dice-adamw-400it_ph2-256x192.py
Result: test lesion IoU 89.33 (95 % interval 87.17–91.01), Dice 94.36 (93.14–95.29) with TTA; IoU 88.81 (86.40–90.60),
Dice 94.07 (92.70–95.07) without; 40 images, one seed, 12 minutes on one busy CPU core.
"""

_base_ = [
    '../_base_/datasets/ph2_256x192.py',
    '../_base_/models/deeplabv3plus_mobilenet-v2.py',
    '../_base_/schedules/adamw_400it.py',
]

model = dict(decode_head=dict(num_classes=2))
