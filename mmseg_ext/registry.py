"""Child registries of mmsegmentation's registries.

Configs keep ``default_scope = 'mmseg'`` and name our parts ``type='mmseg_ext.X'``. mmengine imports this module by its
name when it meets that scope, and a registry imports the modules in ``locations`` when it is first asked for a type, so
that no config needs ``custom_imports``.
"""

import contextlib
import io
import warnings

from mmengine.registry import Registry
from mmseg import registry as mmseg_registry

# The first import of mmcv and mmseg reports parts that are not installed: on standard output, where a command prints
# its result, and as a warning that no user can act on.
with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
    warnings.simplefilter('ignore')
    import mmseg.datasets
    import mmseg.models  # noqa: F401


def _child(name: str, *locations: str) -> Registry:
    parent = getattr(mmseg_registry, name)
    return Registry(parent.name, parent=parent, scope='mmseg_ext', locations=list(locations))


DATASETS = _child('DATASETS', 'mmseg_ext.datasets')
TRANSFORMS = _child('TRANSFORMS', 'mmseg_ext.datasets')
MODELS = _child('MODELS', 'mmseg_ext.models')
METRICS = _child('METRICS', 'mmseg_ext.evaluation.seg_metric')
HOOKS = _child('HOOKS', 'mmseg_ext.engine', 'mmseg_ext.tracking.clearml.hook')
LOOPS = _child('LOOPS', 'mmseg_ext.engine')
RUNNERS = _child('RUNNERS', 'mmseg_ext.engine')
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'mmseg_ext.engine')
VISBACKENDS = _child('VISBACKENDS', 'mmseg_ext.tracking.clearml.backend')
