r"""U-Net from scratch, binary cross entropy - ln(Dice) (Iglovikov and Shvets, TernausNet, arXiv 1801.05746).

Hypothesis: the second term helps the small lesions, which hardly count in a mean over pixels.

Result: not at this length and rate. Test lesion IoU 73.69 (95 % interval 68.61–77.83), Dice 84.85 (81.38–87.54), with
TTA IoU 74.03; BCE alone 81.92. On the smaller half of the lesions 60.79 against 78.14: it draws them too large. Val
mDice fell to 68.86 midway. Seed 0, one seed; 19 minutes on one core of an AMD EPYC (2.9 s a step).

Run: PH2_ROOT=DATA python tools/train.py \
     configs/ph2/fcn_unet-s5-d16-w32_bce-log-dice-adamw-400it_ph2-256x192.py
"""

_base_ = [
    '../_base_/datasets/ph2_256x192.py',
    '../_base_/models/fcn_unet-s5-d16-w32.py',
    '../_base_/schedules/adamw_400it_from-scratch.py',
]

model = dict(
    decode_head=dict(
        num_classes=2,
        loss_decode=[
            dict(type='mmseg_ext.CrossEntropyLoss', use_sigmoid=True, loss_name='loss_bce'),
            dict(type='mmseg_ext.DiceLoss', use_sigmoid=True, log=True),
        ],
    )
)
