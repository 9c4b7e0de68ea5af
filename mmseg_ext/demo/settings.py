"""What a demo data set is made from, and which files it consists of."""

from __future__ import annotations

from dataclasses import dataclass

from mmseg_ext.errors import InputError

SPLITS = ('train', 'val', 'test')
LABEL_SETS = ('labels_true', 'labels')
RECORD = 'defects.json'
MIN_SIZE = 64


@dataclass(frozen=True)
class DemoSettings:
    """What a demo data set is made from; the same settings give the same files.

    Attributes:
        train: Number of train images.
        val: Number of val images.
        test: Number of test images; their ``labels`` are the truth.
        size: Side of the square images in pixels, at least 64.
        seed: Seed of all chance, 0 or more.
        defects: Share (0–1) of the train and val images that get a defect.

    Raises:
        InputError: A value is out of range.
    """

    train: int = 120
    val: int = 40
    test: int = 40
    size: int = 256
    seed: int = 0
    defects: float = 0.4

    def __post_init__(self) -> None:
        for split in SPLITS:
            if self.count(split) < 0:
                raise InputError(f'--{split} {self.count(split)}: a number of images cannot be negative')
        if not any(self.count(split) for split in SPLITS):
            raise InputError('--train, --val and --test are all 0: ask for at least one image')
        if self.size < MIN_SIZE:
            raise InputError(f'--size {self.size}: must be at least {MIN_SIZE} pixels')
        if self.seed < 0:
            raise InputError(f'--seed {self.seed}: must be 0 or more')
        if not 0 <= self.defects <= 1:
            raise InputError(f'--defects {self.defects}: is a share from 0 to 1')

    def count(self, split: str) -> int:
        """The number of images of a split."""
        return int(getattr(self, split))

    def stems(self, split: str) -> list[str]:
        """The file names without suffix of a split; no two images of the set share one."""
        return [f'{split}_{index:05d}' for index in range(self.count(split))]

    def files(self) -> set[str]:
        """The files of the complete set, relative to its root."""
        files = {'dataset.yaml', RECORD}
        for split in SPLITS:
            for stem in self.stems(split):
                files.add(f'img/{split}/{stem}.jpg')
                files.update(f'{label_set}/{split}/{stem}.png' for label_set in LABEL_SETS)
        return files
