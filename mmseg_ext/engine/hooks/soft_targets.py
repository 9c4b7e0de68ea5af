"""Hook that hands the soft targets of mixed batches to the losses of the model."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_ext.engine.unwrap import unwrap_model
from mmseg_ext.models.batch_mix import Mix, SoftTargets
from mmseg_ext.registry import HOOKS


@HOOKS.register_module()
class SoftTargetsHook(Hook):
    """Put `SoftTargets` on a model whose ``batch_augments`` can make targets soft; otherwise do nothing."""

    def __init__(self) -> None:
        self._soft_targets: SoftTargets | None = None

    def before_train(self, runner: Runner) -> None:
        """Tell the mix the number of classes and connect it with the losses.

        Raises:
            InputError: A head and the mix ignore different ids.
        """
        model = unwrap_model(runner.model)
        mix = getattr(model.data_preprocessor, 'batch_augments', None)
        if isinstance(mix, Mix) and mix.soft:
            mix.num_classes = max(model.num_classes, 2)  # one channel stands for two classes
            self._soft_targets = SoftTargets(model, type(mix).__name__, mix.ignore_index)

    def after_train(self, runner: Runner) -> None:
        """Remove them from the model."""
        if self._soft_targets is not None:
            self._soft_targets.remove()
            self._soft_targets = None
