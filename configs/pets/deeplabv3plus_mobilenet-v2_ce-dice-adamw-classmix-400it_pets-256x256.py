r"""The short training with ClassMix: every second image gets an animal of another one of its batch.

Hypothesis: 198 images show few animals on few backgrounds. An animal on a foreign ground teaches its own looks, and
not those of the carpet that it lies on, so that fewer textured backgrounds are taken for animals than without
(``deeplabv3plus_mobilenet-v2_ce-dice-adamw-400it_pets-256x256``).

Run: MMSEG_EXT_WEIGHTS=WEIGHTS PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_mobilenet-v2_ce-dice-adamw-classmix-400it_pets-256x256.py
"""

_base_ = './deeplabv3plus_mobilenet-v2_ce-dice-adamw-400it_pets-256x256.py'

model = dict(
    data_preprocessor=dict(
        batch_augments=dict(type='mmseg_ext.ClassMix', prob=0.5, classes=(1, 2))  # cats and dogs, no background
    )
)
