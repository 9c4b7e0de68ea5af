"""The four experiments of the reference report, number by number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PETS = Path(__file__).resolve().parents[2] / 'configs' / 'pets'
BALANCED, MEDIAN = [0.37, 6.67, 6.67], [0.055, 1.0, 1.19]
SGD = {'type': 'SGD', 'lr': 0.01, 'momentum': 0.9, 'weight_decay': 0.0005}
FLIP_AND_COLOUR = ['RandomFlip', 'mmseg_ext.PhotoMetricDistortion']
RECIPES: dict[str, dict[str, Any]] = {
    'fcn_unet-s5-d16_ce-sgd-100e_pets-256x256': {
        'heads': ('UNet', 'FCNHead'),
        'weights': [0.2, 1.0, 1.0],
        'optimizer': SGD,
        'augmentation': FLIP_AND_COLOUR,
    },
    'deeplabv3plus_r50-d8_ce-sgd-100e_pets-256x256': {
        'heads': ('ResNetV1c', 'DepthwiseSeparableASPPHead'),
        'weights': BALANCED,
        'optimizer': SGD,
        'augmentation': FLIP_AND_COLOUR,
    },
    'deeplabv3plus_r50-d8_ce-median-aug-sgd-100e_pets-256x256': {
        'heads': ('ResNetV1c', 'DepthwiseSeparableASPPHead'),
        'weights': MEDIAN,
        'optimizer': SGD,
        'augmentation': ['mmseg_ext.RandomResizeCropFlip', 'mmseg_ext.PhotoMetricDistortion'],
    },
    'deeplabv3plus_r50-d8_ce-mmseg-dice-adamw-100e_pets-256x256': {
        'heads': ('ResNetV1c', 'DepthwiseSeparableASPPHead'),
        'weights': MEDIAN,
        'optimizer': {'type': 'AdamW', 'lr': 0.0001, 'weight_decay': 0.01},
        'augmentation': ['mmseg_ext.RandomResizeCropFlip', 'mmseg_ext.PhotoMetricDistortion'],
    },
}


@pytest.fixture
def config(request: pytest.FixtureRequest) -> Any:
    pytest.importorskip('mmseg')
    from mmseg_ext.runs.config import load_config

    return load_config(PETS / f'{request.param}.py')


@pytest.mark.parametrize(('config', 'recipe'), RECIPES.items(), indirect=['config'], ids=list(RECIPES))
def test_the_recipe(config: Any, recipe: dict[str, Any]) -> None:
    optimizer = config.optim_wrapper.optimizer.to_dict()
    assert optimizer.pop('fused') is True  # torch's faster kernel of the same step
    assert optimizer == recipe['optimizer']
    assert (config.model.backbone.type, config.model.decode_head.type) == recipe['heads']
    assert config.model.decode_head.num_classes == config.model.auxiliary_head.num_classes == 3
    if config.model.backbone.type == 'ResNetV1c':
        assert config.model.backbone.init_cfg.checkpoint.endswith('resnet50_v1c-2cccc1ad.pth')

    (schedule,) = config.param_scheduler
    lowest = 1e-4 if optimizer['type'] == 'SGD' else 0.0  # the report's lowest rate is AdamW's first one
    assert (schedule.type, schedule.power, schedule.eta_min) == ('PolyLR', 0.9, lowest)
    assert (schedule.begin, schedule.end, schedule.by_epoch, schedule.convert_to_iter_based) == (0, 100, True, True)
    assert (config.train_cfg.type, config.train_cfg.max_epochs) == ('EpochBasedTrainLoop', 100)

    assert config.train_dataloader.batch_size == 4
    steps = config.train_dataloader.dataset.pipeline
    names = ['LoadImageFromFile', 'mmseg_ext.LoadMask', *recipe['augmentation'], 'PackSegInputs']
    assert [step.type for step in steps] == names
    by_name = {step.type: step for step in steps}
    if 'RandomFlip' in by_name:
        assert by_name['RandomFlip'].prob == 0.5
    else:
        fused = by_name['mmseg_ext.RandomResizeCropFlip']
        assert fused.crop_size == fused.scale == (256, 256)
        assert (fused.ratio_range, fused.cat_max_ratio, fused.get('flip_prob', 0.5)) == ((0.5, 2.0), 0.75, 0.5)
    assert config.test_pipeline[1].scale == (256, 256)

    losses = config.model.decode_head.loss_decode
    losses = losses if isinstance(losses, list) else [losses]
    assert losses[0].to_dict() == {'type': 'mmseg_ext.CrossEntropyLoss', 'class_weight': recipe['weights']}
    dice = [{'type': 'DiceLoss', 'loss_weight': 1.0}] if 'dice' in config.filename else []
    assert [loss.to_dict() for loss in losses[1:]] == dice
    auxiliary = {'type': 'mmseg_ext.CrossEntropyLoss', 'loss_weight': 0.4, 'class_weight': recipe['weights']}
    assert config.model.auxiliary_head.loss_decode.to_dict() == auxiliary


@pytest.mark.parametrize('config', RECIPES, indirect=True)
def test_training_sees_corrected_masks_and_validation_original_ones(config: Any) -> None:
    labels = {name: config[f'{name}_dataloader'].dataset.labels for name in ('train', 'val', 'test')}
    assert labels == {'train': 'labels_fixed', 'val': 'labels', 'test': 'labels'}
    assert config.default_hooks.checkpoint.save_best == 'mDice'


@pytest.mark.parametrize('recipe', ['ce-sgd', 'ce-median-aug-sgd', 'ce-mmseg-dice-adamw', 'ce-dice-adamw'])
def test_efficientnet_lite0_takes_all_but_the_model_from_the_reference(recipe: str) -> None:
    pytest.importorskip('mmseg')
    from mmseg_ext.runs.config import load_config

    reference, ours = (
        load_config(PETS / f'deeplabv3plus_{backbone}_{recipe}-100e_pets-256x256.py').to_dict()
        for backbone in ('r50-d8', 'efficientnet-lite0')
    )
    models = [config.pop('model') for config in (reference, ours)]
    variables = ('norm_cfg', 'class_weight', 'ce')
    assert {key: value for key, value in reference.items() if key not in variables} == {
        key: value for key, value in ours.items() if key not in variables
    }
    losses = [model['decode_head']['loss_decode'] for model in models]
    assert [loss if isinstance(loss, list) else [loss] for loss in losses] == [losses[1]] * 2
    assert [model['data_preprocessor'].get('size') for model in models].count(None) in (0, 2)
