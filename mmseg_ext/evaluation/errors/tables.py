"""The tables of an error analysis, made from the content of ``errors.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_ext.eda.statistics.table import Cell, Table
from mmseg_ext.evaluation.errors.estimate import Estimate
from mmseg_ext.evaluation.errors.objects import PREDICTED_FATES, TRUE_FATES

Summary = Mapping[str, Any]
SCORES = ('precision', 'recall', 'F1', 'SQ', 'PQ')
MOST_CLASS_COLUMNS = 6  # more classes would make a table too wide to read


def error_tables(summary: Summary) -> dict[str, Table]:
    """Make all tables.

    Args:
        summary: Of `summarize_errors`, or read from ``errors.json``.

    Returns:
        ``causes``, ``slices``, ``worst``, ``objects``, ``true``, ``predicted``, ``borders``, ``trimap``, and with
        probabilities ``calibration`` and ``suspects``.
    """
    tables = {
        'causes': _causes(summary),
        'slices': _slices(summary),
        'worst': _worst(summary),
        'objects': _objects(summary),
        'true': _fates(summary, 'true', TRUE_FATES, 'What became of the true objects'),
        'predicted': _fates(summary, 'predicted', PREDICTED_FATES, 'What the predicted objects are'),
        'borders': _borders(summary),
        'trimap': _trimap(summary),
    }
    if summary['calibration'] is not None:
        tables['calibration'] = _calibration(summary['calibration'])
    if summary['label_suspects'] is not None:
        tables['suspects'] = _suspects(summary['label_suspects'])
    return tables


def text(entry: Summary, decimals: int = 1, sign: bool = False) -> str:
    """An entry ``{"value", "low", "high"}`` for a reader."""
    values = (float('nan') if entry[name] is None else entry[name] for name in ('value', 'low', 'high'))
    return Estimate(*values).text(decimals, sign)


def _causes(summary: Summary) -> Table:
    found = sorted(summary['causes'], key=lambda one: -(one['gain']['value'] or 0))
    rows: list[Sequence[Cell]] = [
        [one['cause'], one['pixels'], one['images'], text(one['share']), text(one['gain'], 2, sign=True)]
        for one in found
    ]
    rows.append(['all', sum(one['pixels'] for one in found), None, '100', None])
    columns = dict.fromkeys(('cause', 'wrong pixels', 'images', '% of all wrong pixels', 'mDice points by repair'))
    note = (
        'mDice points by repair: what is gained by setting the pixels of the cause to the truth and leaving all '
        'others, an upper bound: two people who draw one border differ too. In brackets 95 % bootstrap intervals over '
        'images. Shares add up to 100, gains do not add up.'
    )
    return Table('Causes of the wrong pixels', columns, rows, note)


def _class_columns(summary: Summary) -> list[str]:
    names = list(summary['objects']['classes'])
    return names if len(names) <= MOST_CLASS_COLUMNS else []


def _slice_row(one: Summary, classes: Sequence[str]) -> list[Cell]:
    return [
        one['objects'],
        text(one['object_dice']),
        text(one['gap'], sign=True),
        *(one['class_dice'][name] for name in classes),
    ]


def _slices(summary: Summary) -> Table:
    classes = _class_columns(summary)
    rows: list[Sequence[Cell]] = [
        [one['feature'], one['name'], one['limits'], *_slice_row(one, classes)] for one in summary['slices']
    ]
    columns: dict[str, int | None] = {
        **dict.fromkeys(('feature', 'slice', 'limits', 'objects', 'object Dice', 'against the rest')),
        **dict.fromkeys(classes, 1),
    }
    note = (
        'Thirds of the objects for quantities. Object Dice: 2 Σ TP / Σ (true + predicted) over all object classes, the '
        'counts summed over the zones of its objects (the pixels nearest to each); against the rest: the '
        'difference to all other objects. Class columns: Dice of the class over the same zones. Intervals as above, '
        'none below five images. None of these rows is corrected for how many there are.'
    )
    return Table('Slices', columns, rows, note)


def _worst(summary: Summary) -> Table:
    classes, search = _class_columns(summary), summary['worst_slices']
    rows: list[Sequence[Cell]] = [
        [one['name'], one['limits'], *_slice_row(one, classes), one['p']] for one in search['found']
    ]
    columns: dict[str, int | None] = {
        **dict.fromkeys(('slice', 'limits', 'objects', 'object Dice', 'against the rest')),
        **dict.fromkeys(classes, 1),
        'p': 3,
    }
    note = (
        f'The worst of {search["tried"]} slices of one or two features with at least {search["least"]} objects, by '
        'standard errors below the rest. p: chance of so large a gap anywhere among them if quality had nothing to do '
        'with the features (permutation test, maximum statistic). The intervals are those of slices chosen for being '
        'low, so the true gaps are probably smaller.'
    )
    return Table('Worst slices', columns, rows, note)


def _objects(summary: Summary) -> Table:
    found = summary['objects']
    rows: list[Sequence[Cell]] = [
        [name, sum(one['true'].values()), sum(one['predicted'].values()), *(text(one[score]) for score in SCORES)]
        for name, one in found['classes'].items()
    ]
    rows.append([
        'all', *(sum(row[column] for row in rows) for column in (1, 2)),  # type: ignore[misc]
        *(text(found['all'][score]) for score in SCORES),
    ])  # fmt: skip
    columns = dict.fromkeys(('class', 'true objects', 'predicted', *SCORES))
    note = (
        'Percent. An object is a region of one class of at least 0.01 % of the image, so that a scrap of a prediction '
        'counts as much as a whole object; a match has the same class and IoU above 0.5. SQ: mean IoU of the matches; '
        'PQ = SQ · F1.'
    )
    return Table('Objects', columns, rows, note)


def _fates(summary: Summary, side: str, fates: Sequence[str], title: str) -> Table:
    found = summary['objects']
    rows: list[Sequence[Cell]] = [
        [name, *(one[side][fate] for fate in fates)] for name, one in found['classes'].items()
    ]
    note = ''
    if side == 'true':
        confused = ', '.join(f'{one["true"]} → {one["predicted"]}: {one["objects"]}' for one in found['confused'])
        note = (
            'Another class: outlined by IoU above 0.5 under a wrong name; mixed classes: only all classes together '
            'outline it so; missed: less than a tenth of it is predicted as any object. '
            f'Called another class: {confused or "none"}. Of {found["several"]} images with several objects, '
            f'{found["second_missed"]} have one found and another missed.'
        )
    return Table(title, dict.fromkeys(('class', *fates)), rows, note)


def _borders(summary: Summary) -> Table:
    borders = summary['borders']
    rows: list[Sequence[Cell]] = [
        [
            name,
            text(one['boundary_iou']),
            text(one['nsd']),
            one['hd95_median'],
            one['hd95_mean'],
            one['images_with_both'],
            one['images'] - one['images_with_both'],
        ]
        for name, one in borders['classes'].items()
    ]
    columns: dict[str, int | None] = {
        **dict.fromkeys(('class', 'Boundary IoU %', 'NSD %')),
        'HD95 median px': 1,
        'HD95 mean px': 1,
        'images with both': None,
        'with one of the two': None,
    }
    note = (
        'Boundary IoU over all images, regions of 2 % of the diagonal; NSD: mean over the images with the class in '
        f'truth or prediction, tolerance {borders["tolerance"]:g} px, 0 where only one of the two has it. HD95 exists '
        'only where both have it.'
    )
    return Table('Borders', columns, rows, note)


def _trimap(summary: Summary) -> Table:
    rows: list[Sequence[Cell]] = [
        [one['width'], one['pixels'], one['errors'], text(one['mDice'])] for one in summary['borders']['trimap']
    ]
    columns: dict[str, int | None] = {'within px': None, 'pixels %': 1, 'wrong pixels %': 1, 'mDice there': None}
    note = (
        'The pixels within a distance of a true border: their share of all pixels, of all wrong ones, and their mDice.'
    )
    return Table('Trimap curve', columns, rows, note)


def _calibration(found: Summary) -> Table:
    rows: list[Sequence[Cell]] = [
        ['expected calibration error, %', text(found['ece'], 2)],
        ['mean confidence, %', f'{found["mean_confidence"]:.2f}'],
        ['accuracy, %', f'{found["accuracy"]:.2f}'],
        ['rank correlation of confidence and object Dice', text(found['rank_correlation'], 2)],
        [f'worst {100 * found["worst"]:.0f} % of masks among as many least confident, %', f'{found["caught"]:.0f}'],
    ]
    note = (
        'All pixels, 15 bins. Confidence of a mask: the object Dice that its probabilities predict. Chance alone would '
        f'find {100 * found["worst"]:.0f} % of the worst masks.'
    )
    return Table('Calibration and confidence', dict.fromkeys(('measure', 'value')), rows, note)


def _suspects(found: Summary) -> Table:
    checked = found['corrected']
    rows: list[Sequence[Cell]] = [
        [
            one['stem'],
            one['kind'],
            one['agreement'],
            one['object_dice'],
            *([one['corrected_agreement']] if checked else []),
        ]
        for one in found['found']
    ]
    note = (
        f'Rule: {found["rule"]}, that is, sure probabilities contradict the mask on more than a fifth of the object. '
        f'{found["worst_suspected"]} of the {found["worst_cases"]} worst images are among them; together they hold '
        f'{found["wrong_pixels"]:.1f} % of all wrong pixels. A suspicion is a reason to look and no verdict: a model '
        'that is sure and wrong looks the same.'
    )
    columns: dict[str, int | None] = {'image': None, 'suspected': None, 'agreement': 2, 'object Dice': 1}
    if checked:
        columns['agreement with corrected'] = 2
        note += f' {correction_sentence(checked)}'
    return Table('Masks of the truth that are suspected', columns, rows, note)


def correction_sentence(checked: Summary) -> str:
    """What the corrected masks say of the suspicions."""
    return (
        f'The label set {checked["labels"]} differs from the truth on more than a fifth of the object in '
        f'{checked["changed"]} masks, {checked["confirmed"]} of them among the suspected; scored on it, mDice is '
        f'{checked["mDice"]:.2f}.'
    )
