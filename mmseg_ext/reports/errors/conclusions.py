"""Conclusions of an error analysis: which cause costs most, which objects fail most, what to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_ext.eda.audit.findings import counted
from mmseg_ext.evaluation.errors.slices import MIN_IMAGES_FOR_INTERVAL
from mmseg_ext.reports.wording import interval_text, p_text

Summary = Mapping[str, Any]

SIGNIFICANT_P = 0.05
FLIPPED = (('value', 'value'), ('low', 'high'), ('high', 'low'))  # ends of an interval whose sign changes
REMEDIES = {
    'background hallucination': 'add images without objects, showing the things that are mistaken for one',
    'missed object': 'add images of objects like the missed ones',
    'class swap': 'check the masks of the classes that are mistaken for each other, and add images of these classes',
    'missed thin part': 'train and predict at a higher resolution',
    'boundary band': 'train and predict at a higher resolution (not all can be gained: annotators differ too)',
    'mixed classes': 'use larger crops, so that the network sees whole objects',
    'hole': 'fill the holes in the prediction',
    'missed part': 'use larger crops, so that the network sees whole objects',
    'spill-over': 'add images with similar backgrounds',
}


def conclude(summary: Summary) -> list[str]:
    """Return three sentences: on the costliest cause, on the worst slice, on what to try; one where nothing is wrong.

    Args:
        summary: Of `mmseg_ext.evaluation.errors.summarize_errors`, or read from ``errors.json``.
    """
    images = counted(summary['result']['images'], 'image')
    if not summary['scores']['pixels']:
        return [f'Nothing to evaluate: no pixel of the {images} has a class in the ground truth.']
    causes = rank_causes(summary)
    if not causes:
        return [f'No errors: every pixel of the {images} matches the ground truth.']
    return [_costliest(causes, summary), _worst_slice(summary), _remedy(causes, summary)]


def rank_causes(summary: Summary) -> list[Summary]:
    """Return the causes that occur, from the costliest: by gain in mDice, then by pixels."""
    found = [cause for cause in summary['causes'] if cause['pixels']]
    return sorted(found, key=lambda cause: (-(cause['gain']['value'] or 0), -cause['pixels']))


def firm_interval(entry: Summary, images: int, decimals: int, label: str = '') -> str:
    """Write an interval (``low``, ``high``); nothing where it rests on too few images to mean anything."""
    return (
        '' if images < MIN_IMAGES_FOR_INTERVAL else interval_text(entry['low'], entry['high'], label, decimals=decimals)
    )


def _costliest(causes: Sequence[Summary], summary: Summary) -> str:
    images, gain = summary['result']['images'], causes[0]['gain']
    if gain['value'] is None:
        return (
            f'The cause "{causes[0]["cause"]}" has the most wrong pixels: {causes[0]["share"]["value"]:.1f} % of them.'
        )
    tied = [cause for cause in causes if cause['gain']['value'] == gain['value']]
    names = ' and '.join(f'"{cause["cause"]}"' for cause in tied)
    points = f'{gain["value"]:.2f} points of mDice{firm_interval(gain, images, 2, "95 % interval ")}'
    if len(tied) > 1:
        shares = ' and '.join(f'{cause["share"]["value"]:.1f} %' for cause in tied)
        return (
            f'The causes {names} tie for the highest cost: correcting one of them would gain {points}; they account '
            f'for {shares} of the wrong pixels.'
        )
    share = causes[0]['share']['value']
    sentence = f'The cause {names} costs most: correcting it would gain {points}'
    sentence += f', and it accounts for {share:.1f} % of the wrong pixels'
    if len(causes) > 1:
        second = causes[1]
        points = f'{second["gain"]["value"] or 0:.2f} points{firm_interval(second["gain"], images, 2)}'
        sentence += f'; next is "{second["cause"]}" with {points}'
    return f'{sentence}.'


def _worst_slice(summary: Summary) -> str:
    search, objects = summary['worst_slices'], summary['result']['objects']
    if not objects:
        return 'The ground truth has no objects, so there are no slices to compare.'
    if not search['tried']:
        return (
            f'Too few objects to compare slices ({objects}): a slice needs at least {search["least"]}, and as many '
            'outside it.'
        )
    if not search['found']:
        return f'No slice scores below the other objects ({counted(search["tried"], "slice")} tried).'
    worst = worst_slices(summary)
    slices = 'slice is' if len(worst) == 1 else 'slices are'
    p = worst[0]['p']
    tried = f'corrected for {counted(search["tried"], "slice")} tried'
    return (
        f'The worst {slices} {" and ".join(map(_slice_name, worst))}, '
        f'{"by more than chance" if p <= SIGNIFICANT_P else "possibly by chance"} ({p_text(p)}, {tried}): object Dice '
        f'{" and ".join(map(_gap, worst))} below the other objects.'
    )


def _gap(piece: Summary) -> str:
    """Write 'a %, b points (low to high)'; a gap of -13 is 13 points below."""
    below = {end: None if piece['gap'][other] is None else -piece['gap'][other] for end, other in FLIPPED}
    interval = firm_interval(below, piece['images'], 1, '95 % interval ')
    return f'{piece["object_dice"]["value"]:.1f} %, {below["value"]:.1f} points{interval}'


def worst_slices(summary: Summary) -> list[Summary]:
    """Return the worst slice of the search, or all that tie with it."""
    found = summary['worst_slices']['found']
    return [piece for piece in found if (piece['statistic'], piece['p']) == (found[0]['statistic'], found[0]['p'])]


def _slice_name(piece: Summary) -> str:
    if not piece['limits']:
        return f'"{piece["name"]}"'
    of = f'{piece["feature"]}:' if ' and ' in piece['feature'] else piece['feature']
    return f'"{piece["name"]}" ({of} {piece["limits"]})'


def _remedy(causes: Sequence[Summary], summary: Summary) -> str:
    """Name what to try, the cheapest first: suspected masks, the costliest cause, the worst slice if it is real."""
    steps = []
    suspects = summary['label_suspects']
    if suspects and suspects['found']:
        count = len(suspects['found'])
        masks = counted(count, 'suspected ground-truth mask')
        steps.append(f'check the {masks} ({suspects["wrong_pixels"]:.1f} % of the wrong pixels)')
    steps.append(f'for "{causes[0]["cause"]}", {REMEDIES[causes[0]["cause"]]}')
    if summary['worst_slices']['found'] and (worst := worst_slices(summary))[0]['p'] <= SIGNIFICANT_P:
        steps.append(f'add images of {" or ".join(map(_slice_name, worst))}')
    return f'Next steps: {"; ".join(steps)}.'
