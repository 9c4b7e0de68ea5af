"""SegFormer of ``segformer_mit-b2`` with the MiT-B0 encoder, ImageNet weights by URL."""

_base_ = './segformer_mit-b2.py'

model = dict(
    backbone=dict(
        embed_dims=32,
        num_layers=[2, 2, 2, 2],
        init_cfg=dict(
            checkpoint='https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segformer/mit_b0_20220624-7e0fe6dd.pth'
        ),
    ),
    decode_head=dict(in_channels=[32, 64, 160, 256]),
)
