r"""The short training of the resnet-v2-50-c4 workhorse with CBAM before the last convolution (report's wish list).

Hypothesis: what the whole image looks like decides which channels count, so that cat and dog are mixed less in one
animal; a head of 128 channels pays 2,146 parameters for it.

Run: MMSEG_EXT_WEIGHTS=WEIGHTS PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_resnet-v2-50-c4-cbam_ce-dice-adamw-400it_pets-256x256.py
"""

_base_ = './deeplabv3plus_resnet-v2-50-c4_ce-dice-adamw-400it_pets-256x256.py'

model = dict(
    decode_head=dict(
        type='mmseg_ext.AttentionHead',
        head_type='mmseg_ext.SkipASPPHead',
        attention=dict(type='mmseg_ext.CBAM'),
    )
)
