"""The demo without its Dice loss, trained by SGD: the reference report's baseline recipe on the demo's model.

Hypothesis: from random weights and in a thousand steps, AdamW goes further than SGD.

Run: python tools/train.py configs/demo/deeplabv3plus_resnet-v2-222-w32_ce-sgd-1000it_demo-192x192.py
"""

_base_ = './deeplabv3plus_resnet-v2-222-w32_ce-adamw-1000it_demo-192x192.py'

optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4))
