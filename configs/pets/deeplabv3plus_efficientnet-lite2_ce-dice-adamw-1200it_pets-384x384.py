r"""EfficientNet-Lite2 as a workhorse, with weights that anybody gets by pip: the long training at 384 px.

Hypothesis: trained as long, it is as good as ResNetV2-C4, and unlike enough to help it in an ensemble.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite2_ce-dice-adamw-1200it_pets-384x384.py
"""

_base_ = [
    '../_base_/datasets/pets_384x384.py',
    '../_base_/models/deeplabv3plus_efficientnet-lite2.py',
    '../_base_/schedules/adamw_1200it.py',
]
