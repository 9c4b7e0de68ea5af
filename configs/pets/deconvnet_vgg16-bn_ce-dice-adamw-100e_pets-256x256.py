"""A compact DeconvNet: the SegNet experiment with transposed convolutions in the decoder, all else the same.

Hypothesis: between unpoolings a transposed convolution is a convolution whose kernel is turned round; it learns nothing
that SegNet's cannot.

Run: PETS_ROOT=DATA python tools/train.py configs/pets/deconvnet_vgg16-bn_ce-dice-adamw-100e_pets-256x256.py
Result: not trained yet.
"""

_base_ = './segnet_vgg16-bn_ce-dice-adamw-100e_pets-256x256.py'

model = dict(decode_head=dict(transposed=True))
