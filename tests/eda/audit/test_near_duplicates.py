from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmseg_ext.eda.audit.near_duplicates import group_near_duplicates


def test_copies_of_a_photograph_share_the_first_stem(tmp_path: Path) -> None:
    def photograph(seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        return cv2.resize(noise, (128, 128), interpolation=cv2.INTER_CUBIC)

    pictures = {'a': photograph(0), 'b': photograph(1), 'c': photograph(0), 'd': photograph(2)}
    pictures['e'] = cv2.resize(pictures['a'], (96, 96), interpolation=cv2.INTER_AREA)
    for stem, picture in pictures.items():
        cv2.imwrite(str(tmp_path / f'{stem}.png'), picture)
    images = {stem: tmp_path / f'{stem}.png' for stem in pictures}
    assert group_near_duplicates(images) == {'a': 'a', 'c': 'a', 'e': 'a'}
    assert group_near_duplicates({'b': images['b'], 'd': images['d']}) == {}
