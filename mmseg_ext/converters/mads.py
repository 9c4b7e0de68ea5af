"""MADS: people in frames of martial arts, dancing and sports, with their outlines.

Zhang et al., "Martial Arts, Dancing and Sports dataset", Image and Vision Computing 61 (2017), as the 1,192
frames with masks published on Kaggle (tapakah68/segmentation-full-body-mads-dataset)::

    images/HipHop_HipHop1_C0_00180.png         a frame: category, performance, camera, number
    masks/HipHop_HipHop1_C0_00180.png          the person white on black, as RGB or RGBA

The archive nests them in one or two folders ``segmentation_full_body_mads_dataset_1192_img``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from mmseg_ext.converters.output import Converted, Sample, write_data_set
from mmseg_ext.converters.source import (
    INCOMPLETE,
    UNPACK_AGAIN,
    check_size,
    find_folder,
    read_foreground,
    require_files,
)
from mmseg_ext.converters.split import check_shares, deal_groups, group_of
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, list_stems
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError

MADS = Classes(('background', 'person'), ((0, 0, 0), (240, 150, 40)))
# All cameras, and both views of the stereo camera, show the same performance: splits may leak by performance.
GROUP = r'(.+?)(?:_(?:C\d+|Left|Right))?_\d+'


def convert_mads(
    source: str | Path,
    root: str | Path,
    *,
    val: float = 0.2,
    test: float = 0.2,
    seed: int = 0,
    group: str = GROUP,
    overwrite: bool = False,
) -> Converted:
    """Convert the unpacked archive; all frames of a performance go to one split.

    Args:
        source: Folder with ``images`` and ``masks``, or one up to two levels above them.
        root: Data set to write.
        val: Share of the frames for val.
        test: Share for test; the rest is train. Since performances stay whole, the shares are only approximate.
        seed: Seed of the order in which performances are dealt.
        group: Regular expression that matches a whole stem; stems with the same first group stay together.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: A frame lacks its mask or the reverse, or an option cannot be used.
    """
    check_shares(val, test)
    folder = find_folder(source, 'images', '*/images', '*/*/images').parent
    if not (folder / 'masks').is_dir():
        raise InputError(folder / 'masks', 'not found', INCOMPLETE)
    frames, masks = (list_stems(folder / name, IMAGE_SUFFIXES) for name in ('images', 'masks'))
    if not frames:
        raise InputError(folder / 'images', 'holds no image', UNPACK_AGAIN)
    for stem in sorted(frames.keys() ^ masks.keys()):
        name = 'masks' if stem in frames else 'images'
        raise InputError(f'{folder / name / stem}.png', 'not found', INCOMPLETE)
    require_files([*frames.values(), *masks.values()])
    split_of = deal_groups({stem: group_of(stem, group) for stem in frames}, val, test, seed)
    samples = [
        Sample(split_of[stem], stem, frame.suffix.lower(), partial(_make, frame, masks[stem]))
        for stem, frame in frames.items()
    ]
    settings = {'val': val, 'test': test, 'seed': seed, 'group': group}
    return write_data_set(root, MADS, samples, 'mads', settings, overwrite)


def _make(frame: Path, mask_path: Path) -> tuple[Path, Mask]:
    mask = read_foreground(mask_path).astype(np.uint8)
    check_size(frame, read_image(frame), mask)
    return frame, mask
