"""The rule on objects of which only a rim was filled."""

from __future__ import annotations

import numpy as np

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.cleaning.geometry import GROUND, Map, around, depth, find_holes
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.eda.regions import find_regions


def hollow(mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Fill an object of which only a thin rim is there.

    A gap between legs leaves a body beside it that is as thick as before; a hollow leaves a rim that is thin all
    around. So the holes of a region are filled if they take ``hollow_share`` of the filled region and the rim is
    nowhere thicker than ``hollow_depth`` of it. Classes that are rings by nature need this rule left out.
    """
    filled = mask.copy()
    for value in np.unique(mask[known & (mask != GROUND)]):
        rims = find_regions(known & (mask == value))
        room = rims.boxes[:, 2] * rims.boxes[:, 3]  # a filled region takes no more than its box
        for index in np.flatnonzero(room - rims.areas >= limits.hollow_share * room):
            near = around(rims.boxes[index], 1, mask.shape)
            rim = rims.labels[near] == index + 1
            # Ground alone: what else lies in a hole (another object) is none of this rule's business.
            hole = (find_holes(rim, ~known[near]).labels > 0) & (mask[near] == GROUND)
            taken = np.count_nonzero(hole)
            if taken == 0 or taken < limits.hollow_share * (taken + rims.areas[index]):
                continue
            if depth(rim).max() <= limits.hollow_depth * depth(rim | hole).max():
                filled[near][hole] = value
    return filled
