"""Coats of cats and dogs. Both use the same colours, so that colour alone does not tell the class.

A coat maps roles (``coat``, ``muzzle``, ``ear`` …) to fills; roles that it does not name are painted as ``coat``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmseg_ext.demo.fills import Colour, Fill, Flat, Patches, Solid, Spots, Stripes

Coat = dict[str, Fill]
Hair = dict[str, Colour]
Maker = Callable[[Hair, np.random.Generator], tuple[Coat, Colour]]

HAIR: Hair = {
    'white': (232, 228, 220),
    'cream': (226, 203, 166),
    'golden': (203, 158, 96),
    'ginger': (201, 124, 58),
    'brown': (126, 86, 54),
    'chocolate': (82, 55, 40),
    'black': (40, 37, 38),
    'grey': (132, 131, 133),
    'slate': (92, 97, 107),
}
IRIS = ((196, 178, 60), (120, 170, 80), (214, 148, 46), (92, 150, 190))


def cat_coat(rng: np.random.Generator, dark: bool = False) -> Coat:
    """Draw a random coat of a cat; only dark ones if ``dark``."""
    hair = _hair(rng)
    coat, base = _draw(CAT_COATS, rng, dark)(hair, rng)
    coat['iris'] = Flat(IRIS[int(rng.choice(4, p=[0.35, 0.3, 0.2, 0.15]))])
    coat['nose'] = Flat((214, 132, 128) if rng.random() < 0.6 else (92, 62, 60))
    return {**_features(base, rng), **coat}


def dog_coat(rng: np.random.Generator, dark: bool = False) -> Coat:
    """Draw a random coat of a dog; only dark ones if ``dark``."""
    hair = _hair(rng)
    coat, base = _draw(DOG_COATS, rng, dark)(hair, rng)
    coat['iris'] = Flat((84, 50, 26))
    coat['nose'] = Flat((28, 24, 25) if rng.random() < 0.8 else (78, 48, 40))
    return {**_features(base, rng), **coat}


def _draw(makers: dict[Maker, float], rng: np.random.Generator, dark: bool) -> Maker:
    """Draw a maker by its weight; only a dark one if ``dark``."""
    weights = np.array([weight if not dark or maker in DARK_COATS else 0.0 for maker, weight in makers.items()])
    return list(makers)[int(rng.choice(len(makers), p=weights / weights.sum()))]


def _hair(rng: np.random.Generator) -> Hair:
    """Vary each colour of hair: lighter or darker, warmer or colder."""
    return {name: _vary(colour, rng) for name, colour in HAIR.items()}


def _vary(colour: Colour, rng: np.random.Generator) -> Colour:
    light = rng.uniform(0.86, 1.12)
    warm = rng.uniform(0.97, 1.04)
    return min(250.0, colour[0] * light * warm), min(250.0, colour[1] * light), min(250.0, colour[2] * light / warm)


def _darker(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _paler(colour: Colour, share: float) -> Colour:
    r, g, b = (c + (235 - c) * share for c in colour)
    return r, g, b


def _choose(hair: Hair, rng: np.random.Generator, *names: str) -> Colour:
    return hair[names[int(rng.integers(len(names)))]]


def _features(base: Colour, rng: np.random.Generator) -> Coat:
    """Choose the colours that every animal has: eyes, mouth, inner ears, whiskers."""
    dark = sum(base) < 250
    return {
        'ear_inner': Solid(_vary((104, 76, 74) if dark else (196, 140, 132), rng)),
        'pupil': Flat((12, 11, 12)),
        'glint': Flat((250, 250, 250)),
        'rim': Flat((26, 20, 18)),
        'line': Flat((14, 11, 11) if dark else (38, 26, 24)),
        'whisker': Flat((245, 245, 245)) if dark or rng.random() < 0.6 else Flat((60, 56, 54)),
        'tongue': Flat((222, 112, 122)),
    }


def _tabby(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    base = _choose(hair, rng, 'brown', 'grey', 'ginger', 'golden', 'slate')
    dark = _darker(base, rng.uniform(0.32, 0.5))
    pale = Solid(hair['white'] if rng.random() < 0.4 else _paler(base, 0.5))
    fill = Stripes(base, dark, rng.uniform(0.34, 0.52))
    return {'coat': fill, 'muzzle': pale, 'chest': pale, 'paw': pale, 'mark': Flat(dark)}, base


def _spotted(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    base = _choose(hair, rng, 'golden', 'grey', 'ginger')
    dark = _darker(base, rng.uniform(0.32, 0.45))
    return {'coat': Spots(base, dark, 0.12), 'muzzle': Solid(_paler(base, 0.5)), 'mark': Flat(dark)}, base


def _solid(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    base = _choose(hair, rng, 'white', 'black', 'grey', 'slate', 'ginger', 'cream', 'black')
    return {'coat': Solid(base)}, base


def _black(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    base = _choose(hair, rng, 'black', 'black', 'chocolate')
    return {'coat': Solid(base)}, base


def _tuxedo(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    base = _choose(hair, rng, 'black', 'black', 'slate', 'chocolate')
    white = Solid(hair['white'])
    return {'coat': Solid(base), 'muzzle': white, 'chest': white, 'paw': white, 'blaze': white}, base


def _calico(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    white = Solid(hair['white'])
    fill = Patches(hair['white'], [hair['ginger'], hair['black']], rng.uniform(-0.05, 0.15))
    return {'coat': fill, 'muzzle': white, 'chest': white, 'paw': white}, hair['white']


def _tortoiseshell(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    del rng
    return {'coat': Patches(hair['black'], [hair['ginger'], hair['chocolate']], 0.1)}, hair['chocolate']


def _pointed(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    point = Solid(_choose(hair, rng, 'chocolate', 'slate', 'brown'))
    return {
        'coat': Solid(hair['cream']),
        **dict.fromkeys(('ear', 'tail', 'paw', 'leg', 'muzzle', 'mask'), point),
    }, hair['cream']


def _plain_dog(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    base = _choose(
        hair, rng, 'golden', 'golden', 'brown', 'black', 'chocolate', 'cream', 'grey', 'white', 'ginger', 'slate'
    )
    pale = Solid(_paler(base, rng.choice([0.0, 0.3])))
    return {
        'coat': Solid(base),
        'muzzle': pale,
        'chest': pale,
        'ear': Solid(_darker(base, rng.uniform(0.6, 1.0))),
    }, base


def _patched_dog(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    other = _choose(hair, rng, 'brown', 'ginger', 'black', 'chocolate')
    white = Solid(hair['white'])
    fill = Patches(hair['white'], [other], rng.uniform(0, 0.2))
    return {'coat': fill, 'ear': Solid(other), 'muzzle': white, 'paw': white, 'chest': white}, hair['white']


def _tan_points(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    base = _choose(hair, rng, 'black', 'chocolate')
    tan = Solid(_choose(hair, rng, 'ginger', 'golden', 'brown'))
    return {'coat': Solid(base), 'muzzle': tan, 'paw': tan, 'chest': tan, 'brow': tan}, base


def _saddled(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    tan = Solid(_choose(hair, rng, 'ginger', 'golden', 'brown'))
    coat: Coat = {
        'coat': Patches(hair['golden'], [hair['black']], 0.1),
        'muzzle': Solid(hair['black']),
        'ear': Solid(hair['brown']),
    }
    return {**coat, 'leg': tan, 'chest': tan, 'paw': tan}, hair['golden']


def _dalmatian(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    fill = Spots(hair['white'], hair['black'], rng.uniform(0.22, 0.36))
    return {'coat': fill, 'ear': Solid(hair['black']), 'muzzle': Solid(hair['white'])}, hair['white']


def _brindle(hair: Hair, rng: np.random.Generator) -> tuple[Coat, Colour]:
    del rng
    fill = Stripes(hair['brown'], hair['black'], 0.3, 0.7)
    return {'coat': fill, 'muzzle': Solid(hair['black']), 'chest': Solid(hair['white'])}, hair['brown']


CAT_COATS: dict[Maker, float] = {
    _tabby: 0.4,
    _solid: 0.14,
    _black: 0.06,
    _tuxedo: 0.12,
    _calico: 0.1,
    _tortoiseshell: 0.05,
    _pointed: 0.08,
    _spotted: 0.05,
}
DOG_COATS: dict[Maker, float] = {
    _plain_dog: 0.34,
    _black: 0.05,
    _patched_dog: 0.17,
    _tuxedo: 0.12,
    _tan_points: 0.1,
    _saddled: 0.07,
    _dalmatian: 0.09,
    _brindle: 0.06,
}
DARK_COATS = (_black, _tuxedo, _tan_points, _tortoiseshell)
