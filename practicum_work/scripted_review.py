#!/usr/bin/env python
"""Review of the reference task's train masks by a script that knows the corrected ones.

It calls what the server of ``mmseg-ext review`` calls for its page, and decides as a reviewer would who sees which of
two masks is nearer to the animal:

- *suggestions*: among the first masks of a ranking, the models' mask is accepted wherever its IoU with the corrected
  mask is higher than that of the given mask; the others are kept;
- *boxes*: without any model, each wrong mask (IoU below 0.8) is painted over by a box around each animal, 5 % wider on
  each side, and every box is snapped to the image.

Both are written as label sets of a copy of the data set, and their journals are left in the result folder.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.commands.cli import ArgumentParser, run
from mmseg_ext.data import DataSet, Mask, read_mask
from mmseg_ext.data.dataset import Key
from mmseg_ext.eda.agreement import WRONG_IOU, object_iou
from mmseg_ext.eda.regions import find_regions
from mmseg_ext.files import make_folder, write_json
from mmseg_ext.review import Entry, Review, read_queue, snap_region
from mmseg_ext.review.journal import FILE_NAME as JOURNAL

EXAMPLE = 'python practicum_work/scripted_review.py data/pets work_dirs/ranking --out work_dirs/scripted-review'
BOX_MARGIN = 0.05  # of a box's width and height, on each side
MIN_ANIMAL_SHARE = 0.01  # of the image, from which on an animal gets a box


def accept_nearer(review: Review, key: Key, truth: Mask) -> None:
    """Accept the suggestion if it is nearer to the corrected mask than the given one, else keep the mask."""
    (given, version), suggested = review.mask(key), review.suggestion(key)
    nearer = suggested is not None and object_iou(suggested, truth) > object_iou(given, truth)
    review.decide(key, 'accept' if nearer else 'keep', version)


def box_and_snap(review: Review, key: Key, truth: Mask) -> None:
    """Replace the mask by a rough box around each animal, snapped to the edges of the image."""
    image, painted = review.image(key), np.zeros_like(truth)
    for box, value in rough_boxes(truth):
        painted[snap_region(image, box)] = value
    review.decide(key, 'edit', review.mask(key)[1], painted)


def rough_boxes(truth: Mask) -> list[tuple[NDArray[np.bool_], int]]:
    """Draw a box around each animal of a mask, shape (H, W); return their maps and classes."""
    regions, boxes = find_regions(truth > 0), []
    for number, (left, top, width, height) in enumerate(regions.boxes, 1):
        if regions.areas[number - 1] >= MIN_ANIMAL_SHARE * truth.size:
            x, y, box = round(BOX_MARGIN * width), round(BOX_MARGIN * height), np.zeros(truth.shape, bool)
            box[max(0, top - y) : top + height + y, max(0, left - x) : left + width + x] = True
            boxes.append((box, int(np.bincount(truth[regions.labels == number]).argmax())))
    return boxes


def mean_iou(data: DataSet, labels: str, truth: str, split: str, stems: Sequence[str]) -> float:
    """Average the object IoU of two label sets over images."""
    first, second = data.label_set(labels), data.label_set(truth)
    pairs = ([read_mask(masks.path(split, stem)) for masks in (first, second)] for stem in stems)
    return float(np.mean([object_iou(a, b) for a, b in pairs]))


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, review twice, print and write the figures."""
    parser = ArgumentParser(__doc__.splitlines()[0], EXAMPLE)
    parser.add_argument('data', metavar='DATA', help='data set; it is copied, not changed')
    parser.add_argument('ranking', help='folder that mmseg-ext rank wrote')
    parser.add_argument('--truth', metavar='NAME', default='labels_fixed', help='corrected label set')
    parser.add_argument('--top', type=int, default=30, metavar='N', help='masks of the ranking that are looked at')
    parser.add_argument('--out', metavar='D', required=True, help='folder of the copy, the journals and the figures')
    args = parser.parse_args(argv)
    out, source = make_folder(args.out), DataSet(args.data)
    queue = read_queue(args.ranking, source, 'labels')
    labels, split = str(queue.labels), queue.entries[0].split
    root = out / 'data'
    for name in ('img', labels, args.truth):
        shutil.copytree(source.root / name / split, root / name / split)
    shutil.copy(source.root / 'dataset.yaml', root)
    data = DataSet(root)
    given, fixed = data.label_set(labels), data.label_set(args.truth)
    truths = {entry.stem: read_mask(fixed.path(split, entry.stem)) for entry in queue.entries}
    stems = list(truths)
    wrong = [stem for stem in stems if object_iou(read_mask(given.path(split, stem)), truths[stem]) < WRONG_IOU]
    plans = {
        'suggestions': (accept_nearer, stems[: args.top], queue.suggestions),
        'boxes': (box_and_snap, wrong, None),
    }
    figures: dict[str, object] = {
        'masks': len(stems), 'wrong': len(wrong), 'mean_iou': round(mean_iou(data, labels, args.truth, split, stems), 4)
    }  # fmt: skip
    for name, (decide, looked_at, suggestions) in plans.items():
        review = Review(root, labels, [Entry(split, stem) for stem in looked_at], name, suggestions)
        for stem in looked_at:
            decide(review, (split, stem), truths[stem])
        decisions = review.decisions().values()
        figures[name] = {
            'looked_at': len(looked_at),
            'changed': sum(decision.changed > 0 for decision in decisions),
            'mean_iou': round(mean_iou(data, name, args.truth, split, stems), 4),
            'of_those_looked_at': [
                round(mean_iou(data, which, args.truth, split, looked_at), 4) for which in (labels, name)
            ],
            'of_the_wrong': [round(mean_iou(data, which, args.truth, split, wrong), 4) for which in (labels, name)],
        }
        shutil.copyfile(root / name / JOURNAL, out / f'{name}.{JOURNAL}')
    write_json(out / 'figures.json', figures)
    for key, value in figures.items():
        print(f'{key}: {value}')
    return 0


if __name__ == '__main__':
    sys.exit(run(main))
