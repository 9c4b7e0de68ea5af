"""The demo without its Dice loss.

Hypothesis: Dice sees small animals that cross entropy alone gives up for the background.

Run: python tools/train.py configs/demo/deeplabv3plus_resnet-v2-222-w32_ce-adamw-1000it_demo-192x192.py
"""

_base_ = './deeplabv3plus_resnet-v2-222-w32_ce-dice-adamw-1000it_demo-192x192.py'

model = dict(decode_head=dict(loss_decode=[dict(type='mmseg_ext.CrossEntropyLoss')]))
