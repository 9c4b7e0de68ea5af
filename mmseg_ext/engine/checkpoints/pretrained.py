"""``init_cfg=dict(type='Pretrained', …)`` that refuses weights of another network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.model.weight_init import PretrainedInit as MMEnginePretrainedInit
from torch import nn

from mmseg_ext.errors import InputError, one_line


class PretrainedInit(MMEnginePretrainedInit):
    """mmengine's initializer, which loads what fits and logs what does not, but requires that something fits.

    A part may be missing on either side (a classifier, a deeper stage). Nothing in common is an error: the training
    would start from random weights and look like any other.
    `mmseg_ext.engine.mmengine_internals.strict_loading` puts it in place of mmengine's.

    Raises:
        InputError: No value in the file matches one of the module by name and shape, or no key has the prefix.
    """

    def __call__(self, module: nn.Module) -> None:
        """Load ``checkpoint`` into the module."""

        def check(module: nn.Module, state: Mapping[str, Any], *_: Any) -> None:
            self._check(module, state)

        handle = module.register_load_state_dict_pre_hook(check)
        try:
            super().__call__(module)
        except AssertionError as error:  # from mmengine, if no key begins with the prefix
            raise InputError(self.checkpoint, one_line(error), 'correct `prefix:` in init_cfg') from error
        finally:
            handle.remove()

    def _check(self, module: nn.Module, state: Mapping[str, Any]) -> None:
        own = module.state_dict()
        if not own or any(
            key in own and own[key].shape == getattr(value, 'shape', None) for key, value in state.items()
        ):
            return
        raise InputError(
            self.checkpoint,
            f'holds weights of another network: none of its {len(state)} keys ({_first(state)}) has the name and shape '
            f'of one of the {len(own)} of {type(module).__name__} ({_first(own)})',
            'correct `checkpoint:` or `prefix:` in init_cfg',
        )


def _first(keys: Mapping[str, Any]) -> str:
    return ', '.join([*list(keys)[:2], '…'])
