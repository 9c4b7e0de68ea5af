r"""The last step of the ResNetV2-C4 without changes of colour: 400 iterations on whole images.

Hypothesis: as for the same step with changes of colour, which this inherits from.

Run: MMSEG_EXT_WEIGHTS=WEIGHTS PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_resnet-v2-50-c4_ce-dice-adamw-no-colour-whole-400it_pets-320x320.py \
     --cfg-options load_from=WORK_DIR/iter_1500.pth     (of the no-colour-pseudo-1500it student)
Result: val mDice 91.14 (95 % interval 88.76–93.12) with TTA, 90.19 without; one seed, 20 minutes on one CPU core. The
student that it starts from has 90.00 without TTA.
"""

_base_ = ['./deeplabv3plus_resnet-v2-50-c4_ce-dice-adamw-whole-400it_pets-320x320.py']

train_pipeline = [_base_.load_image, _base_.load_mask, _base_.warp, _base_.flip, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
