"""Semantic FPN on ResNet-18 v1c, from scratch."""

_base_ = './fpn_r50.py'

model = dict(
    backbone=dict(depth=18, init_cfg=None),
    neck=dict(in_channels=[64, 128, 256, 512]),
)
