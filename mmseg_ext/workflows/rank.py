"""Label ranking: out-of-fold probabilities, scores, and the masks from most to least suspicious."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.eda.audit import group_near_duplicates
from mmseg_ext.eda.quality import SCORES, Evidence, label_errors, make_evidence, suggest_mask
from mmseg_ext.eda.workers import count_workers
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.probability_maps import load_probabilities
from mmseg_ext.files import claim_folder, csv_text, write_json, write_text
from mmseg_ext.inference.pipelines import size_of_test
from mmseg_ext.progress import track
from mmseg_ext.reading import read_json
from mmseg_ext.reports.ranking_page import write_ranking_outputs
from mmseg_ext.runs.config import check_parts, load_config
from mmseg_ext.runs.config_names import experiment_name, find_config
from mmseg_ext.runs.environment import describe_environment
from mmseg_ext.runs.layout import PROBABILITIES
from mmseg_ext.runs.lock import work_dir_lock
from mmseg_ext.workflows.arguments import check_least
from mmseg_ext.workflows.fold_training import run_folds
from mmseg_ext.workflows.folds import divide, list_pairs
from mmseg_ext.workflows.out_of_fold import innermost, plan_folds

RANKING, SUGGESTIONS = 'ranking', 'suggestions'
FOLDS = 'folds.json'  # seed → stem → fold, as the trainings were begun
DEFAULT_SCORE = 'expected_iou'


@dataclass(frozen=True)
class RankingSettings:
    """How the masks are ranked.

    Attributes:
        data_root: The data set.
        configs: Experiments. Of several judges both the scores and the probabilities are averaged.
        labels: The label set to rank.
        split: Its split.
        folds: Number of parts into which the split is divided, at least 2.
        seeds: Seeds; each gives one division, and one training per fold.
        sides: Shorter sides in pixels of the views of the prediction, at least 32; empty for those of the config's
            test-time augmentation, or of its test where it has none.
        options: Overrides of the configs, dotted key → value.
        also: Further splits to train on, whose masks are not ranked.
        others: Folders of finished rankings of the same masks, whose judges join in.

    Raises:
        InputError: A number is too small, or two experiments have one file name.
    """

    data_root: str
    configs: tuple[str, ...]
    labels: str = 'labels'
    split: str = 'train'
    folds: int = 5
    seeds: tuple[int, ...] = (0,)
    sides: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_least(2, folds=self.folds)
        check_least(32, sides=min(self.sides, default=32))
        check_least(0, seeds=min(self.seeds))
        named: dict[str, str] = {}
        for config in self.configs:
            stem = experiment_name(config)
            if stem in named:
                problem = f'has the same file name as {named[stem]}, and judges are told apart by it'
                raise InputError(config, problem, 'rename one of them')
            named[stem] = config


def rank_labels(
    settings: RankingSettings, out: str | Path, score: str = DEFAULT_SCORE, top: int = 30, workers: str = '1'
) -> list[dict[str, Any]]:
    """Rank the masks of a split by how probably they are wrong.

    An interrupted call continues where it stopped, when it is repeated with the same settings and images.

    Args:
        settings: Data, experiments, folds.
        out: Folder of the result: ``ranking.csv``, ``.json`` and ``.html``, ``queue.txt``, ``labelme/``,
            ``suggestions/<split>/<stem>.png`` (the models' masks), ``probabilities/``, ``runs/``.
        score: Score by which they are ordered, of `mmseg_ext.eda.quality.SCORES`.
        top: Number of masks on the page and in the queue.
        workers: How many trainings run at a time, or ``dask://host:port``, as for `run_folds`.

    Returns:
        One row per mask, the most suspicious first: ``rank``, ``stem``, every score, kind and areas of the errors.

    Raises:
        InputError: Data, config or folder cannot be used.
    """
    check_least(1, top=top)
    count_workers(workers)
    if score not in SCORES:
        raise InputError(f'`score={score}`', f'must be one of {", ".join(SCORES)}')
    if settings.split in settings.also:
        raise InputError(f'`also={settings.split}`', 'is the split to rank', 'choose others')
    out = Path(out)
    classes, images, masks = _files(settings)
    for name in settings.configs:
        config = load_config(name, settings.options)
        check_parts(config, name, 'model', 'train_dataloader', 'train_cfg')
        innermost(config.train_dataloader.dataset, name)
        size_of_test(config)  # refuses what prediction, after the trainings, would
    folds = {seed: divide(images, masks, settings.folds, seed) for seed in settings.seeds}
    for other in settings.others:
        _check_other(Path(other), settings)
    common = {name: getattr(settings, name) for name in ('data_root', 'labels', 'split', 'sides', 'options')}
    common['also'] = {split: further_images(settings, split, images) for split in settings.also}
    paths = {
        'data_root': _real(settings.data_root),
        'configs': [_real(find_config(name)) for name in settings.configs],
        'others': [_real(other) for other in settings.others],
    }
    claim_folder(out, {**asdict(settings), **paths}, 'ranking')
    folds = _keep_folds(folds, out)
    tasks = [task for task in plan_folds(settings.configs, images, folds, out, common) if not task.is_done()]
    with work_dir_lock(out, argument='out'):
        for task in track(run_folds(tasks, workers), 'training', len(tasks)):
            print(f'{Path(task.work_dir).name}: {len(task.held_out)} images predicted', file=sys.stderr, flush=True)
    unordered: list[dict[str, Any]] = []
    for stem, mean, judges in track(out_of_fold_evidence(settings, out), 'scoring', len(images)):
        scores = {name: round(_score(function, mean, judges), 6) for name, function in SCORES.items()}
        unordered.append({'stem': stem, **scores, **asdict(label_errors(mean))})
        path = out / SUGGESTIONS / settings.split / f'{stem}.png'
        write_mask(path, suggest_mask(mean), classes.palette)
    unordered.sort(key=lambda row: (row[score], row['stem']))
    rows = [{'rank': rank, **row} for rank, row in enumerate(unordered, 1)]
    _write(rows, settings, score, out)
    write_ranking_outputs(rows[:top], settings.data_root, settings.labels, settings.split, out, score)
    return rows


def _keep_folds(folds: Mapping[int, Mapping[str, int]], out: Path) -> dict[int, dict[str, int]]:
    """Record how the images are divided, or return the division that an earlier call began with.

    A corrected mask changes the division, and models would judge images on which they were trained.

    Raises:
        InputError: The earlier call divided other images.
    """
    path = out / FOLDS
    if not (out / PROBABILITIES).exists():  # nothing has been trained yet
        write_json(path, folds)
    try:
        known = msgspec.convert(read_json(path) if path.is_file() else {}, dict[str, dict[str, int]])
    except msgspec.ValidationError:
        known = {}
    kept = {seed: known.get(str(seed), {}) for seed in folds}
    if any(kept[seed].keys() != fold_of.keys() for seed, fold_of in folds.items()):
        raise InputError(out, f'its {FOLDS} does not divide the images that there are now', 'choose another `out`')
    return kept


def _score(function: Callable[[Evidence], float], mean: Evidence, judges: Sequence[Evidence]) -> float:
    """Average the score of the judges' mean probabilities and the mean of their scores.

    The first finds more where the judges' errors differ, but in it one judge may hide another. For `expected_iou` half
    of each was the best, or near it, on synthetic pets and PH² (docs/label-ranking.md).
    """
    if len(judges) == 1:
        return function(mean)
    return (function(mean) + fmean(map(function, judges))) / 2


def out_of_fold_evidence(settings: RankingSettings, out: str | Path) -> Iterator[tuple[str, Evidence, list[Evidence]]]:
    """Yield, for each stem, the evidence of the judges' mean probabilities, and that of each judge.

    A judge is the models of all folds of one config and one seed, in ``out`` or in one of the ``others``.
    """
    classes, images, masks = _files(settings)
    folders = [
        folder for ranking in (out, *settings.others) for folder in sorted(Path(ranking, PROBABILITIES).iterdir())
    ]
    for stem, image in images.items():
        mask, files = read_mask(masks[stem]), [folder / f'{stem}.npz' for folder in folders]
        joint = make_evidence(
            mask, load_probabilities(files), classes.ignore_index, read_image(image), classes.background
        )
        single = [
            make_evidence(mask, load_probabilities([file]), classes.ignore_index, background=classes.background)
            for file in files
        ]
        yield stem, joint, [replace(judge, edges=joint.edges) for judge in single]


def further_images(settings: RankingSettings, split: str, ranked: Mapping[str, Path]) -> tuple[int, ...]:
    """Find the positions, among the sorted stems of a further split, of the images without a copy in the ranked one."""
    _, images, _ = _files(replace(settings, split=split))
    known = {f'{settings.split}/{stem}': path for stem, path in ranked.items()}
    groups = group_near_duplicates({**known, **{f'{split}/{stem}': path for stem, path in images.items()}})
    taken = {groups[name] for name in known if name in groups}
    return tuple(position for position, stem in enumerate(images) if groups.get(f'{split}/{stem}') not in taken)


def _files(settings: RankingSettings) -> tuple[Classes, dict[str, Path], dict[str, Path]]:
    """List the classes, images and masks of the split."""
    return list_pairs(settings.data_root, settings.labels, settings.split)


def _check_other(ranking: Path, settings: RankingSettings) -> None:
    """Refuse a ranking that is not finished, or one of other masks."""
    path = ranking / f'{RANKING}.json'
    if not path.is_file():
        raise InputError(ranking, f'holds no finished ranking ({path.name} is missing)')
    content = read_json(path)
    known = content.get('settings') if isinstance(content, dict) else None
    for name in ('data_root', 'labels', 'split'):
        found = known.get(name) if isinstance(known, dict) else None
        wanted = getattr(settings, name)
        if found != wanted and not (name == 'data_root' and _is_same_folder(found, wanted)):
            raise InputError(ranking, f'is a ranking of different masks ({name} is {found})')


def _is_same_folder(found: Any, wanted: str) -> bool:
    if not isinstance(found, str) or '\0' in found:
        return False
    return _real(found) == _real(wanted)


def _real(path: str | Path) -> str:
    return os.path.realpath(os.path.expanduser(path))


def _write(rows: Sequence[Mapping[str, Any]], settings: RankingSettings, score: str, out: Path) -> None:
    columns = list(rows[0])
    write_text(out / f'{RANKING}.csv', csv_text([columns, *([row[name] for name in columns] for row in rows)]))
    report = {'settings': asdict(settings), 'score': score, 'environment': describe_environment(sys.argv), 'rows': rows}
    write_json(out / f'{RANKING}.json', report)
