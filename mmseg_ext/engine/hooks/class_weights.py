"""Hook that keeps the class weights of a run with its results."""

from __future__ import annotations

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_ext.engine.unwrap import unwrap_model
from mmseg_ext.errors import InputError
from mmseg_ext.files import write_json
from mmseg_ext.models.losses.class_weight import ClassWeights
from mmseg_ext.registry import HOOKS
from mmseg_ext.runs.layout import CLASS_WEIGHTS


@HOOKS.register_module()
class ClassWeightsHook(Hook):
    """Write ``<work dir>/class_weights.json``: the class weights of the losses, and where they come from.

    Only weights read from a file or computed from masks are written; weights given as a list are in the config.
    The keys are the names of the losses in the model; the values have ``source``, ``classes`` and ``weights``.
    """

    def before_train(self, runner: Runner) -> None:
        """Write the file, if there is anything to write.

        Raises:
            InputError: The weights belong to classes that differ from the data's.
        """
        model = unwrap_model(runner.model)
        records = {
            name.removesuffix('.class_weight'): module.record
            for name, module in model.named_modules()
            if isinstance(module, ClassWeights) and module.record is not None
        }
        trained = (getattr(runner.train_dataloader.dataset, 'metainfo', None) or {}).get('classes')
        for record in records.values():
            if trained is not None and record['classes'] not in (None, list(trained)):
                raise InputError(
                    f'class_weight of {record["source"]}',
                    f'is for the classes {", ".join(record["classes"])}, but the data have {", ".join(trained)}',
                    'compute the weights from the training data',
                )
        if records and is_main_process():
            write_json(Path(runner.work_dir) / CLASS_WEIGHTS, records)
