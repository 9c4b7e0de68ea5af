r"""The same network as in the `…-frozen-400it…` experiment, fine-tuned with layer-wise decay of the learning rate.

Hypothesis: features that may move towards the border between animal and background are worth more than the frozen
ones; a rate that falls by a fifth with each block below the last keeps the early blocks, and what they know,
near to where they were (layer-wise decay: Clark et al., ELECTRA, arXiv 2003.10555).

The rates lie around those of UniMatch V2 (Yang et al., arXiv 2410.10777) for DINOv2 on few labels, 2e-4 for the head
and 5e-6 for every block: here 2e-5 for the last block, 1.7e-6 for the first.

Norms, biases and tokens of the backbone decay as its weights do: mmengine applies no other rule to what a custom key
names. At these rates 400 iterations take less than 0.01 % from them.

Run: MMSEG_EXT_WEIGHTS=WEIGHTS PETS_ROOT=DATA python tools/train.py \
     configs/pets/linear_dinov2-vits14-reg4_ce-dice-adamw-400it_pets-280x280.py
"""

_base_ = [
    '../_base_/datasets/pets-warp_280x280.py',
    '../_base_/models/linear_dinov2-vits14-reg4.py',
    '../_base_/schedules/adamw_400it.py',
]

model = dict(backbone=dict(frozen=False))

# mmseg's LearningRateDecayOptimizerConstructor knows the names of ConvNeXt, BEiT and MAE only.
optim_wrapper = dict(
    optimizer=dict(lr=2e-4),
    paramwise_cfg=dict(
        custom_keys={
            **{f'backbone.blocks.{index}.': dict(lr_mult=0.1 * 0.8 ** (11 - index)) for index in range(12)},
            'backbone.norm': dict(lr_mult=0.1),
            'backbone': dict(lr_mult=0.1 * 0.8**12),  # what is left: the embeddings
        }
    ),
)
