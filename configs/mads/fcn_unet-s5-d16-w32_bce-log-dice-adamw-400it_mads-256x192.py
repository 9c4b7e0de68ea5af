r"""U-Net from scratch, binary cross entropy - ln(Dice) (Iglovikov and Shvets, TernausNet, arXiv 1801.05746).

Hypothesis: the second term makes up for persons that cover little of the frame, where cross entropy alone is content
with background.

Run: MADS_ROOT=DATA python tools/train.py \
     configs/mads/fcn_unet-s5-d16-w32_bce-log-dice-adamw-400it_mads-256x192.py
"""

_base_ = [
    '../_base_/datasets/mads_256x192.py',
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
