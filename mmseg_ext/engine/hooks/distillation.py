"""Hook that trains a model on the predictions of trained models, in addition to its masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from mmseg_ext.engine.checkpoints.trained import build_trained
from mmseg_ext.engine.unwrap import unwrap_model
from mmseg_ext.errors import InputError
from mmseg_ext.models.complexity import full_size_logits
from mmseg_ext.models.losses.distillation import distillation_loss, soften
from mmseg_ext.models.normalisation import Normalisation, renormalise
from mmseg_ext.registry import HOOKS

LOSS = 'loss_distillation'


@HOOKS.register_module()
class DistillationHook(Hook):
    """Add ``loss_distillation`` to a training: the soft cross entropy with the probabilities of teachers.

    Distillation: Hinton, Vinyals, Dean, arXiv 1503.02531. The teachers see the student's augmented batches, normalised
    as they need it, in evaluation mode and without gradients. With several teachers, the softened probabilities are
    averaged. The student is represented by the logits of its decode head, in a cascade of the last stage. Nothing of
    the teachers is saved: checkpoints, resumed runs, tests and exports are those of the same model without the hook.

    Args:
        teacher: ``dict(config=…, checkpoint=…)``, or a list of them; the checkpoint may be a work dir.
        temperature: T, above 0, by which all logits are divided.
        weight: Factor of the loss, which is also multiplied by T² (`distillation_loss`).

    Raises:
        InputError: An argument has another form.
    """

    def __init__(
        self, teacher: Mapping[str, Any] | Sequence[Mapping[str, Any]], temperature: float = 2.0, weight: float = 1.0
    ) -> None:
        teachers = [teacher] if isinstance(teacher, Mapping) else list(teacher)
        if not teachers or any(set(one) != {'config', 'checkpoint'} for one in teachers):
            raise InputError('DistillationHook', 'needs `teacher:` with config and checkpoint, or a list of these')
        for name, value in (('temperature', temperature), ('weight', weight)):
            if not value > 0:
                raise InputError('DistillationHook', f'`{name}:` must be above 0, found {value!r}')
        self.teachers = teachers
        self.temperature = temperature
        self.weight = weight
        self._distillation: _Distillation | None = None

    def before_train(self, runner: Runner) -> None:
        """Load the teachers and connect them with the model.

        Raises:
            InputError: A teacher cannot be used, or its classes differ from the data's.
        """
        model = unwrap_model(runner.model)
        trained = (getattr(runner.train_dataloader.dataset, 'metainfo', None) or {}).get('classes')
        models = []
        for teacher in self.teachers:
            with torch.random.fork_rng(devices=[]):  # else a resumed run would differ in its dropout
                built, config, classes = build_trained(teacher['config'], teacher['checkpoint'])
            if trained is not None and classes.names != tuple(trained):
                raise InputError(
                    teacher['checkpoint'],
                    f'its classes are {", ".join(classes.names)}, but the data have {", ".join(trained)}',
                    'use a teacher with the same classes in the same order',
                )
            device = next(model.parameters()).device
            built.requires_grad_(False).to(device, memory_format=torch.channels_last)
            models.append((built, Normalisation.of(config.model)))
        own = Normalisation.of(runner.cfg.model)
        self._distillation = _Distillation(model, own, models, self.temperature, self.weight)

    def after_train(self, runner: Runner) -> None:
        """Remove them from the model."""
        if self._distillation is not None:
            self._distillation.remove()
            self._distillation = None


class _Distillation:
    """Torch hooks on a built segmentor, which add the loss to those that its forward pass returns.

    Args:
        student: Model of mmsegmentation, not wrapped.
        normalisation: Normalisation of its inputs.
        teachers: Models of mmsegmentation, in evaluation mode, each with the normalisation of its inputs.
        temperature: T.
        weight: Factor of the loss.

    Raises:
        InputError: The head has no loss from which its logits could be taken.
    """

    def __init__(
        self,
        student: Any,
        normalisation: Normalisation,
        teachers: Sequence[tuple[Any, Normalisation]],
        temperature: float,
        weight: float,
    ) -> None:
        self._normalisation = normalisation
        self._teachers = list(teachers)
        self._temperature, self._weight = temperature, weight
        self._logits: Tensor | None = None
        head = student.decode_head[-1] if isinstance(student.decode_head, nn.ModuleList) else student.decode_head
        losses = getattr(head, 'loss_decode', None)
        loss = losses[0] if isinstance(losses, nn.ModuleList) and len(losses) else losses
        if not isinstance(loss, nn.Module):
            problem = f'{type(head).__name__} has no loss_decode, where its logits are taken from'
            raise InputError('DistillationHook', problem, 'use another decode head')
        self._handles = [
            loss.register_forward_pre_hook(self._before_loss),
            student.register_forward_hook(self._after_forward, with_kwargs=True),
        ]

    def remove(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()

    def _before_loss(self, loss: nn.Module, args: tuple[Any, ...]) -> None:
        """Keep the logits, which the head has resized to the masks."""
        self._logits = args[0]

    def _after_forward(self, student: Any, args: Any, kwargs: dict[str, Any], output: Any) -> Any:
        logits, self._logits = self._logits, None
        if kwargs.get('mode') != 'loss' or logits is None:
            return None
        loss = distillation_loss(logits, self._teach(kwargs['inputs']), self._temperature)
        return {**output, LOSS: self._weight * loss}

    @torch.no_grad()
    def _teach(self, inputs: Tensor) -> Tensor:
        """Average the teachers' softened probabilities (N, max(K, 2), H, W) for the student's normalised inputs."""
        total: Any = 0.0
        for teacher, normalisation in self._teachers:
            own = renormalise(inputs, self._normalisation, normalisation)
            total = total + soften(full_size_logits(teacher, own), self._temperature)
        mean: Tensor = total / len(self._teachers)
        return mean
