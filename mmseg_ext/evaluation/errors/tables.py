"""Tables of an error analysis, made from the content of ``errors.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_ext.eda.table import Cell, Table
from mmseg_ext.evaluation.bootstrap import Estimate
from mmseg_ext.evaluation.errors.objects import PREDICTED_OUTCOMES, TRUE_OUTCOMES

Summary = Mapping[str, Any]
SCORES = ('precision', 'recall', 'F1', 'SQ', 'PQ')
MAX_CLASS_COLUMNS = 6  # more would make a table too wide to read


def error_tables(summary: Summary) -> dict[str, Table]:
    """Make all tables.

    Args:
        summary: Result of `summarize_errors`, or read from ``errors.json``.

    Returns:
        ``causes``, ``slices``, ``worst``, ``objects``, ``true``, ``predicted``, ``borders``, ``trimap``, and with
        probabilities ``calibration`` and ``suspects``.
    """
    tables = {
        'causes': _causes(summary),
        'slices': _slices(summary),
        'worst': _worst(summary),
        'objects': _objects(summary),
        'true': _outcomes(summary, 'true', TRUE_OUTCOMES, 'Outcomes of the true objects'),
        'predicted': _outcomes(summary, 'predicted', PREDICTED_OUTCOMES, 'Outcomes of the predicted objects'),
        'borders': _borders(summary),
        'trimap': _trimap(summary),
    }
    if summary['calibration'] is not None:
        tables['calibration'] = _calibration(summary['calibration'])
    if summary['label_suspects'] is not None:
        tables['suspects'] = _suspects(summary['label_suspects'])
    return tables


def text(entry: Summary, decimals: int = 1, sign: bool = False) -> str:
    """Format an entry ``{"value", "low", "high"}`` as `Estimate.text` does."""
    values = (float('nan') if entry[name] is None else entry[name] for name in ('value', 'low', 'high'))
    return Estimate(*values).text(decimals, sign)


def _causes(summary: Summary) -> Table:
    causes = sorted(summary['causes'], key=lambda cause: -(cause['gain']['value'] or 0))
    rows: list[Sequence[Cell]] = [
        [cause['cause'], cause['pixels'], cause['images'], text(cause['share']), text(cause['gain'], 2, sign=True)]
        for cause in causes
    ]
    rows.append(['all', sum(cause['pixels'] for cause in causes), None, '100', None])
    columns = dict.fromkeys(('cause', 'wrong pixels', 'images', '% of all wrong pixels', 'mDice points by repair'))
    note = (
        'mDice points by repair: the gain from setting the pixels of the cause to the ground truth, with all others '
        'unchanged; an upper bound, since annotators differ too. Brackets: 95 % bootstrap intervals over images. '
        'Shares add up to 100; gains do not add up.'
    )
    return Table('Causes of the wrong pixels', columns, rows, note)


def _class_columns(summary: Summary) -> list[str]:
    names = list(summary['objects']['classes'])
    return names if len(names) <= MAX_CLASS_COLUMNS else []


def _slice_row(piece: Summary, classes: Sequence[str]) -> list[Cell]:
    return [
        piece['objects'],
        text(piece['object_dice']),
        text(piece['gap'], sign=True),
        *(piece['class_dice'][name] for name in classes),
    ]


def _slices(summary: Summary) -> Table:
    classes = _class_columns(summary)
    rows: list[Sequence[Cell]] = [
        [piece['feature'], piece['name'], piece['limits'], *_slice_row(piece, classes)] for piece in summary['slices']
    ]
    columns: dict[str, int | None] = {
        **dict.fromkeys(('feature', 'slice', 'limits', 'objects', 'object Dice', 'against the rest')),
        **dict.fromkeys(classes, 1),
    }
    note = (
        'Quantities are split into thirds of the objects. Object Dice: 2 Σ TP / Σ (true + predicted) over all object '
        'classes, with counts summed over the zones of the objects (the pixels nearest to each). Against the rest: '
        'difference from all other objects. Class columns: Dice of the class over the same zones. Intervals as above; '
        'none below five images. Rows are not corrected for multiple comparisons.'
    )
    return Table('Slices', columns, rows, note)


def _worst(summary: Summary) -> Table:
    classes, search = _class_columns(summary), summary['worst_slices']
    rows: list[Sequence[Cell]] = [
        [piece['name'], piece['limits'], *_slice_row(piece, classes), piece['p']] for piece in search['found']
    ]
    columns: dict[str, int | None] = {
        **dict.fromkeys(('slice', 'limits', 'objects', 'object Dice', 'against the rest')),
        **dict.fromkeys(classes, 1),
        'p': 3,
    }
    note = (
        f'The worst of {search["tried"]} slices of one or two features with at least {search["least"]} objects, by '
        'standard errors below the rest. p: probability of a gap this large in any of them if quality did not depend '
        'on the features (permutation test, maximum statistic). The slices were chosen for low scores, so true gaps '
        'are probably smaller than the intervals suggest.'
    )
    return Table('Worst slices', columns, rows, note)


def _objects(summary: Summary) -> Table:
    objects = summary['objects']
    rows: list[Sequence[Cell]] = [
        [name, sum(entry['true'].values()), sum(entry['predicted'].values()), *(text(entry[score]) for score in SCORES)]
        for name, entry in objects['classes'].items()
    ]
    rows.append([
        'all', *(sum(row[column] for row in rows) for column in (1, 2)),  # type: ignore[misc]
        *(text(objects['all'][score]) for score in SCORES),
    ])  # fmt: skip
    columns = dict.fromkeys(('class', 'true objects', 'predicted', *SCORES))
    note = (
        'Scores in percent. An object is a region of one class that covers at least 0.01 % of the image, so a small '
        'piece of a prediction counts as much as a whole object. A match has the same class and IoU above 0.5. SQ: '
        'mean IoU of the matches; PQ = SQ · F1.'
    )
    return Table('Objects', columns, rows, note)


def _outcomes(summary: Summary, side: str, outcomes: Sequence[str], title: str) -> Table:
    objects = summary['objects']
    rows: list[Sequence[Cell]] = [
        [name, *(entry[side][outcome] for outcome in outcomes)] for name, entry in objects['classes'].items()
    ]
    note = ''
    if side == 'true':
        confused = ', '.join(f'{pair["true"]} → {pair["predicted"]}: {pair["objects"]}' for pair in objects['confused'])
        note = (
            'Another class: a predicted object of another class has IoU above 0.5; mixed classes: only a region of '
            'all classes together does; missed: less than a tenth of it is predicted as any object. '
            f'Predicted as another class: {confused or "none"}. Of {objects["several"]} images with several objects, '
            f'{objects["second_missed"]} have one object found and another missed.'
        )
    return Table(title, dict.fromkeys(('class', *outcomes)), rows, note)


def _borders(summary: Summary) -> Table:
    borders = summary['borders']
    rows: list[Sequence[Cell]] = [
        [
            name,
            text(entry['boundary_iou']),
            text(entry['nsd']),
            entry['hd95_median'],
            entry['hd95_mean'],
            entry['images_with_both'],
            entry['images'] - entry['images_with_both'],
        ]
        for name, entry in borders['classes'].items()
    ]
    columns: dict[str, int | None] = {
        **dict.fromkeys(('class', 'Boundary IoU %', 'NSD %')),
        'HD95 median px': 1,
        'HD95 mean px': 1,
        'images with both': None,
        'with one of the two': None,
    }
    note = (
        'Boundary IoU: over all images, boundary regions 2 % of the diagonal wide, by erosion with a 3×3 square as '
        'published. NSD: mean over the images with the class in ground truth or prediction; tolerance '
        f'{borders["tolerance"]:g} px; 0 where only one of the two has it. HD95: only where both have it.'
    )
    return Table('Borders', columns, rows, note)


def _trimap(summary: Summary) -> Table:
    rows: list[Sequence[Cell]] = [
        [row['width'], row['pixels'], row['errors'], text(row['mDice'])] for row in summary['borders']['trimap']
    ]
    columns: dict[str, int | None] = {'within px': None, 'pixels %': 1, 'wrong pixels %': 1, 'mDice there': None}
    note = (
        'The pixels within a distance of a true border: their share of all pixels, of all wrong ones, and their mDice.'
    )
    return Table('Trimap curve', columns, rows, note)


def _calibration(calibration: Summary) -> Table:
    rows: list[Sequence[Cell]] = [
        ['expected calibration error, %', text(calibration['ece'], 2)],
        ['mean confidence, %', f'{calibration["mean_confidence"]:.2f}'],
        ['accuracy, %', f'{calibration["accuracy"]:.2f}'],
        ['rank correlation of confidence and object Dice', text(calibration['rank_correlation'], 2)],
        [
            f'worst {100 * calibration["worst"]:.0f} % of masks found among as many of the least confident, %',
            f'{calibration["caught"]:.0f}',
        ],
    ]
    note = (
        'All pixels, 15 bins. Confidence of a mask: the object Dice that its probabilities predict. Random confidences '
        f'would find {100 * calibration["worst"]:.0f} % of the worst masks.'
    )
    return Table('Calibration and confidence', dict.fromkeys(('measure', 'value')), rows, note)


def _suspects(suspects: Summary) -> Table:
    correction = suspects['corrected']
    rows: list[Sequence[Cell]] = [
        [
            image['stem'],
            image['kind'],
            image['agreement'],
            image['object_dice'],
            *([image['corrected_agreement']] if correction else []),
        ]
        for image in suspects['found']
    ]
    note = (
        f'Rule: {suspects["rule"]}, that is, confident probabilities contradict the mask on more than a fifth of the '
        f'object. {suspects["worst_suspected"]} of the {suspects["worst_cases"]} worst images are among the suspects, '
        f'which contain {suspects["wrong_pixels"]:.1f} % of all wrong pixels. A suspicion is a reason to check the '
        'mask, not a verdict: a model that is confident but wrong looks the same.'
    )
    columns: dict[str, int | None] = {'image': None, 'suspected': None, 'agreement': 2, 'object Dice': 1}
    if correction:
        columns['agreement with corrected'] = 2
        note += f' {correction_sentence(correction)}'
    return Table('Suspected ground-truth masks', columns, rows, note)


def correction_sentence(correction: Summary) -> str:
    """Compare the suspected masks with a corrected label set, in one sentence.

    Args:
        correction: The entry ``corrected`` of ``label_suspects``.
    """
    return (
        f'The label set {correction["labels"]} differs from the ground truth on more than a fifth of the object in '
        f'{correction["changed"]} masks, {correction["confirmed"]} of them among the suspects; scored against it, '
        f'mDice is {correction["mDice"]:.2f}.'
    )
