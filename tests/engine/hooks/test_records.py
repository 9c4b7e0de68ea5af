from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_ext.engine.hooks.records import RecordsHook
from mmseg_ext.evaluation.records import read_records


class Dots(torch.utils.data.Dataset):
    """Four images that show their own classes."""

    metainfo: ClassVar[dict[str, Any]] = {'classes': ('background', 'cat', 'dog')}

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict:
        mask = torch.tensor([[[0, 1, index % 3, 2]]])
        data_sample = SegDataSample(gt_sem_seg=PixelData(data=mask))
        data_sample.set_metainfo({'img_path': f'img/{index}.jpg', 'seg_map_path': f'labels/{index}.png'})
        return {'inputs': mask.float(), 'data_samples': data_sample}


def build_runner(folder: Path, **arguments: Any) -> Any:
    class Copy(BaseModel):
        def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'tensor') -> Any:
            for image, one in zip(inputs, data_samples, strict=True):
                one.pred_sem_seg = PixelData(data=image.long())
            return data_samples

    loader = {
        'batch_size': 2,
        'num_workers': 0,
        'dataset': Dots(),
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
    }
    evaluators = {
        'val_evaluator': {'type': 'mmseg_ext.SegMetric', 'split': 'val', **arguments},
        'test_evaluator': [{'type': 'mmseg_ext.SegMetric', 'split': 'test', **arguments}],
    }
    return Runner(
        Copy(), str(folder), val_dataloader=loader, test_dataloader=loader, val_cfg={}, test_cfg={}, **evaluators,
        custom_hooks=[RecordsHook()], default_scope='mmseg', log_level='WARNING', experiment_name=folder.name,
    )  # fmt: skip


def test_a_runner_writes_records_of_val_and_test_into_its_work_dir(tmp_path: Path) -> None:
    runner = build_runner(tmp_path / 'run')
    assert runner.val()['Dice/cat'] == 100
    folder = tmp_path / 'run' / 'records'
    assert [path.name for path in folder.iterdir()] == ['val.parquet']
    assert runner.test()['mDice'] == 100
    assert read_records(folder / 'test.parquet').stems == ['0', '1', '2', '3']


def test_the_hook_leaves_the_configs_own_file(tmp_path: Path) -> None:
    build_runner(tmp_path / 'run2', records=str(tmp_path / 'mine.parquet')).val()
    assert (tmp_path / 'mine.parquet').is_file()
    assert not (tmp_path / 'run2' / 'records').exists()
