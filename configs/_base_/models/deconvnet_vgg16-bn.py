"""A compact DeconvNet (Noh et al., arXiv 1505.04366) on VGG-16 with batch norm: without the 4096-wide fc6 and fc7.

Its decoder is SegNet's with transposed convolutions. torchvision's ImageNet weights by URL.
"""

_base_ = './segnet_vgg16-bn.py'

model = dict(decode_head=dict(transposed=True))
