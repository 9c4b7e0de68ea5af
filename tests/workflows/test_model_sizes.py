"""Parameters and GFLOPs: against what the papers print, and the table of docs/models.md against the models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmseg')

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / 'configs' / '_base_' / 'models'

# As printed: millions of parameters, GFLOPs at 512×512 (None: not printed), what differs from our file, and where.
SEGFORMER = 'Xie et al., SegFormer, arXiv 2105.15203'
SEGNEXT = 'Guo et al., SegNeXt, arXiv 2209.08575'
ADE = {'decode_head.num_classes': 150}
PUBLISHED: dict[str, tuple[float, float | None, dict[str, Any], str]] = {
    'segformer_mit-b0': (3.8, 8.4, ADE, SEGFORMER),
    'segformer_mit-b2': (27.5, 62.4, {**ADE, 'decode_head.channels': 768}, SEGFORMER),
    'segnext_mscan-t': (4.3, 6.6, ADE, SEGNEXT),
    'segnext_mscan-s': (13.9, 15.9, ADE, SEGNEXT),
    'deeplabv3plus_r101-d8': (62.7, 255.1, {**ADE, 'auxiliary_head.num_classes': 150}, SEGFORMER),
    'ocr_hrnet-w48': (70.5, 164.8, {f'decode_head.{one}.num_classes': 150 for one in (0, 1)}, SEGFORMER),
    'segnet_vgg16-bn': (29.46, None, {}, 'Paszke et al., ENet, arXiv 1606.02147'),
    # The layers that arXiv 1801.05746 draws, summed up.
    'ternausnet_vgg11': (22.93, None, {}, 'Iglovikov and Shvets, arXiv 1801.05746'),
    # VGG-16's 138.36 million without the last layer's 4.10, which gives way to scores of three depths.
    'fcn8s_vgg16': (134.26, None, {}, 'Simonyan and Zisserman, arXiv 1409.1556'),
}


def measure(path: Path, side: int, options: dict[str, Any] | None = None) -> Any:
    from mmseg_ext.workflows.model_sizes import measure_models

    return next(iter(measure_models([path], (side, side), options)))


@pytest.mark.parametrize('name', PUBLISHED)
def test_as_published(name: str) -> None:
    parameters, gflops, options, _ = PUBLISHED[name]
    size = measure(MODELS / f'{name}.py', 512, {f'model.{key}': value for key, value in options.items()})
    assert size.parameters / 1e6 == pytest.approx(parameters, rel=0.02)
    if gflops is not None:
        assert size.gflops == pytest.approx(gflops, rel=0.05)


def test_the_table_in_the_documentation_is_the_models() -> None:
    table = (ROOT / 'docs' / 'models.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| `([\w-]+)` \| ([\d.]+) \| ([\d.]+) \|', table, re.MULTILINE)
    found = [measure(path, 256).cells() for path in sorted(MODELS.glob('*.py')) if path.stem != 'encoder_decoder']
    # Renew it with: python tools/model_sizes.py configs/_base_/models/*.py --markdown
    assert sorted(rows) == sorted(found)
