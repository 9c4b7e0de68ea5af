r"""EfficientNet-Lite0 in the short training of the two workhorses, 256 px: the smallest backbone with weights by pip.

Hypothesis: 400 iterations are too few for the larger Lite2 to be better, and Lite0 takes 0.6 of its time.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite0_ce-dice-adamw-400it_pets-256x256.py
Result: val mDice 83.70, no TTA; one seed, commit 1981c4c.
"""

_base_ = [
    '../_base_/datasets/pets-warp_256x256.py',
    '../_base_/models/deeplabv3plus_efficientnet-lite0.py',
    '../_base_/schedules/adamw_400it.py',
]
