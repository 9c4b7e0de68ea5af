r"""The baseline without class weights.

Hypothesis: the animals are 9 % of the pixels; a loss that counts each pixel alike misses parts of them.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite0_ce-unweighted-sgd-100e_pets-256x256.py
"""

_base_ = './deeplabv3plus_efficientnet-lite0_ce-sgd-100e_pets-256x256.py'

model = dict(decode_head=dict(loss_decode=[dict(type='mmseg_ext.CrossEntropyLoss')]))
