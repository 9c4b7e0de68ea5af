"""Classes that a foreign source names: their order, colours, background and ignored value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmseg_ext.converters.output import MAX_CLASSES, distinct_colours
from mmseg_ext.converters.report import Report
from mmseg_ext.data.classes import IGNORE_INDEX, Classes
from mmseg_ext.errors import InputError

Colour = tuple[int, int, int]
BACKGROUND = 'background'
BACKGROUND_NAMES = ('background', '_background_', '__background__')
IGNORED_NAMES = ('__ignore__', '_ignore_', 'ignored', 'ignore', 'void')  # the first one in a source counts


@dataclass(frozen=True)
class Naming:
    """Classes of a converted data set.

    Attributes:
        classes: Content of ``dataset.yaml``.
        values: Name in the source → value in our masks; a name that was not chosen is missing.
    """

    classes: Classes
    values: Mapping[str, int]

    def shown(self, name: str) -> str:
        """Return the name of our class for a chosen name of the source."""
        value = self.values[name]
        return Report(self.classes.names).ignored if value == self.classes.ignore_index else self.classes.names[value]


def name_classes(
    labels: Mapping[str, Colour | None],
    chosen: Sequence[str] | None = None,
    ignored: Sequence[str] | None = None,
    *,
    add_background: bool = True,
) -> Naming:
    """Number the classes of a source.

    A background (``background``, ``_background_``) is class 0.

    Args:
        labels: Name → RGB colour, or None if the source gives none, in the order of the source.
        chosen: Names to take, in the order of their values; all by default.
        ignored: Names whose pixels get the ignored value 255; by default the first of `IGNORED_NAMES` that the source
            has and ``chosen`` does not name.
        add_background: Put a background first if the source names none; otherwise the first class is 0.

    Raises:
        InputError: A name is unknown or given twice, or there are none or too many.
    """
    for argument, names in (('classes', chosen or ()), ('ignored', ignored or ())):
        for name in names:
            if name not in labels:
                known = ', '.join(labels)
                raise InputError(f'`{argument}={name}`', 'is not a class of the source', f'it has {known or "none"}')
    if ignored is None:
        ranks = {name: ignored_rank(name) for name in labels if name not in (chosen or ())}
        first_rank = min(ranks.values(), default=len(IGNORED_NAMES))
        ignored = [name for name, rank in ranks.items() if rank == first_rank < len(IGNORED_NAMES)]
    background = next(filter(is_background, labels), None)
    names = [name for name in (chosen or labels) if name not in ignored and name != background]
    if len(set(names)) < len(names):
        raise InputError(f'`classes={",".join(names)}`', 'lists a class twice')
    if not names or len(names) > MAX_CLASSES:
        raise InputError('source', f'lists {len(names)} classes, expected 1 to {MAX_CLASSES}', 'choose with `classes`')
    first = [background] if background else [BACKGROUND] if add_background else []
    order = [*first, *names]
    values = {name: position for position, name in enumerate(order)} | dict.fromkeys(ignored, IGNORE_INDEX)
    shown = [BACKGROUND, *names] if first else names
    palette = _palette(order, labels, bool(first))
    return Naming(Classes(tuple(shown), palette, IGNORE_INDEX, background=0 if first else None), values)


def is_background(name: str) -> bool:
    """Return whether a source's class name means its background.

    >>> [is_background(name) for name in ('Background', '__background__', 'sky')]
    [True, True, False]
    """
    return name.casefold() in BACKGROUND_NAMES


def ignored_rank(name: str) -> int:
    """Return the position of a name in `IGNORED_NAMES`, or their number for any other name.

    >>> ignored_rank('Void')
    4
    """
    name = name.casefold()
    return IGNORED_NAMES.index(name) if name in IGNORED_NAMES else len(IGNORED_NAMES)


def _palette(order: Sequence[str], labels: Mapping[str, Colour | None], background: bool) -> tuple[Colour, ...]:
    """Return the colours of the source if every class has a distinct one, otherwise new colours."""
    given = [labels.get(name) for name in order]
    if background and given[0] is None:
        given[0] = (0, 0, 0)
    colours = [colour for colour in given if colour is not None]
    if len(set(colours)) == len(order):
        return tuple(colours)
    return ((0, 0, 0), *distinct_colours(len(order) - 1)) if background else tuple(distinct_colours(len(order)))
