r"""EfficientNet-Lite2 in the short training of the two workhorses, 256 px, with weights that anybody gets by pip.

Hypothesis: a backbone of half of ResNetV2-C4's parameters, trained on ImageNet with a stronger recipe, gets as far in
400 iterations.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite2_ce-dice-adamw-400it_pets-256x256.py
Result: val mDice 83.60, no TTA; one seed, commit 1981c4c.
"""

_base_ = [
    '../_base_/datasets/pets-warp_256x256.py',
    '../_base_/models/deeplabv3plus_efficientnet-lite2.py',
    '../_base_/schedules/adamw_400it.py',
]
