#!/usr/bin/env python
"""Coefficients of the label-quality score `expected_iou`, fitted on masks whose errors are known.

The images are synthetic pets and PH² (real texture); no mask of the pets data set takes part. True masks are drawn once
more as another person would draw them, or spoiled by the defects of hasty annotators. Judges of all strengths are made
of two parts:

- a classifier of pixels by colours, edges and place, cross-fitted over three folds;
- the true mask, drawn by another person, blended with that classifier's logits, by a weight that differs from image to
  image (some are hard for every judge), and smooth noise; in some images an animal, or a part of it, is overlooked.

Each component of the disagreement between a mask and a judge is then an example: its cues, and the share of its pixels
on which the mask is wrong. The logistic regression over them is the score's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.commands.cli import ArgumentParser, run
from mmseg_ext.data import DataSet, Mask, read_image, read_mask
from mmseg_ext.demo.defects import plant
from mmseg_ext.eda.agreement import WRONG_IOU
from mmseg_ext.eda.quality import SCORES, make_evidence
from mmseg_ext.eda.quality.components import CUES, find_components
from mmseg_ext.eda.quality.edges import edge_support
from mmseg_ext.eda.quality.ranking import average_precision
from mmseg_ext.eda.regions import find_regions
from mmseg_ext.errors import InputError
from mmseg_ext.files import make_folder, write_json
from mmseg_ext.progress import track

EXAMPLE = 'python practicum_work/fit_label_score.py demo21 demo22 ph2 --out work_dirs/label-score'
IMAGES = 20  # of each data set
SIDE_PX = 256  # of images and masks
GRID = 64  # side of the pixel classifier's output
FOLDS = 3
SEED = 0
RIVALS = ('soft_iou', 'corroborated_agreement', 'supported_agreement')
WRONG_SHARE = 0.13  # of the masks in a ranking that is measured
MASKS = 4  # of each image, half of them spoiled
DRAWS = 20  # rankings of one mask of each image
FloatMap = NDArray[np.float32]
Table = NDArray[np.float64]


@dataclass(frozen=True)
class Judge:
    """A judge's strength.

    Attributes:
        difficulty: Median weight of the pixel classifier's logits, 0–1; the rest is the truth's.
        blur: Pixels over which its outline fades.
        gain: Logit of an object that it sees clearly.
        noise: Standard deviation of the smooth noise, in logits.
        overlooked: Share of images in which it overlooks an animal or a part of one.
    """

    difficulty: float
    blur: float
    gain: float
    noise: float
    overlooked: float


JUDGES = (
    Judge(0.08, 3, 4, 0.5, 0.05),
    Judge(0.2, 4, 3, 0.8, 0.1),
    Judge(0.28, 3, 6, 0.9, 0.2),
    Judge(0.35, 6, 2.5, 1.0, 0.15),
    Judge(0.5, 8, 2, 1.2, 0.2),
)


JOINT = len(JUDGES) + 1  # the mean of these and of the classifier of pixels; its components take no part in the fit


@dataclass(frozen=True)
class Image:
    """An image with its true mask (1: an object), both of `SIDE_PX` on the longer side."""

    stem: str
    pixels: NDArray[np.uint8]
    truth: Mask


def read_images(root: str) -> list[Image]:
    """Read the first images of a data set's train split and their true masks."""
    data = DataSet(root)
    labels = 'labels_true' if (data.root / 'labels_true').is_dir() else 'labels'
    images, masks = data.split('train').images(), data.split('train', labels).masks()
    found = []
    for stem in list(images)[:IMAGES]:
        pixels, mask = read_image(images[stem]), read_mask(masks[stem])
        factor = SIDE_PX / max(mask.shape)
        size = round(mask.shape[1] * factor), round(mask.shape[0] * factor)
        truth = cv2.resize((mask > 0).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        found.append(Image(stem, cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), truth))
    return found


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> FloatMap:
    """Draw smooth noise of mean 0 and standard deviation 1, shape (H, W)."""
    small = rng.normal(size=(shape[0] // 4 + 2, shape[1] // 4 + 2)).astype(np.float32)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / 4)
    return np.asarray(cv2.resize(blurred / (blurred.std() + 1e-6), shape[::-1]), np.float32)


def redraw(truth: Mask, rng: np.random.Generator, amplitude: float | None = None) -> Mask:
    """Draw a mask as another person would: moved by a smooth field, a little wider or narrower, and as polygons."""
    scale = min(max(float(np.sqrt(truth.sum())) / 60, 0.6), 2)
    amplitude = rng.uniform(0.3, 2.5) * scale if amplitude is None else amplitude
    y, x = np.mgrid[: truth.shape[0], : truth.shape[1]].astype(np.float32)
    sigma = rng.uniform(6, 20)
    dx, dy = (smooth_noise(rng, truth.shape, sigma) * np.float32(amplitude) for _ in range(2))
    moved = cv2.remap(truth, x + dx, y + dy, cv2.INTER_NEAREST)
    wider = int(np.clip(rng.normal(0.4, 0.9), -1, 2))
    square = np.ones((2 * abs(wider) + 1,) * 2, np.uint8)
    if wider > 0:
        moved = cv2.dilate(moved, square)
    elif wider < 0 and cv2.erode(moved, square).sum() > 0.8 * moved.sum():
        moved = cv2.erode(moved, square)
    contours, hierarchy = cv2.findContours(moved, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    drawn, tolerance = np.zeros_like(truth), rng.uniform(0.3, 2)
    for is_hole in (False, True):
        for contour, parents in zip(contours, hierarchy[0] if len(contours) else (), strict=True):
            if (parents[3] >= 0) == is_hole and not (is_hole and cv2.contourArea(contour) < 40):
                cv2.fillPoly(drawn, [cv2.approxPolyDP(contour, tolerance, True)], int(not is_hole))
    return drawn if drawn.any() else truth


def ellipse(size: float) -> NDArray[np.uint8]:
    """Return a disc of a radius in pixels."""
    side = 2 * max(2, round(size)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def sliver(truth: Mask, rng: np.random.Generator) -> Mask:
    """Keep a strip along a part of the outline."""
    depth = cv2.distanceTransform(np.pad(truth, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    ys, xs = np.nonzero(truth)
    angles = np.arctan2(ys - ys.mean(), xs - xs.mean()) - rng.uniform(-np.pi, np.pi)
    sector = np.zeros_like(truth)
    sector[ys, xs] = np.abs((angles + np.pi) % (2 * np.pi) - np.pi) < rng.uniform(0.2, 1.2)
    return truth * sector * (depth <= rng.uniform(1.5, 6)).astype(np.uint8)


def cut(truth: Mask, rng: np.random.Generator) -> Mask:
    """Leave out a leg, a head or a tail: 8 to 30 % on one side."""
    angle, (y, x) = rng.uniform(0, 2 * np.pi), np.indices(truth.shape)
    position = x * np.cos(angle) + y * np.sin(angle)
    return truth * (position < np.quantile(position[truth > 0], 1 - rng.uniform(0.08, 0.3))).astype(np.uint8)


def drop_animal(truth: Mask, rng: np.random.Generator) -> Mask:
    """Leave out one of several animals; a part of the only one."""
    regions = find_regions(truth)
    large = np.flatnonzero(regions.areas > 60) + 1
    return cut(truth, rng) if len(large) < 2 else truth * (regions.labels != rng.choice(large)).astype(np.uint8)


def add_blob(truth: Mask, rng: np.random.Generator) -> Mask:
    """Add an ellipse, more often at the animal than elsewhere."""
    size, (ys, xs) = np.sqrt(truth.sum()), np.nonzero(truth)
    pick = int(rng.integers(len(ys)))
    centre = (int(xs[pick]), int(ys[pick]))
    if rng.random() < 0.4:
        centre = (int(rng.uniform(0.1, 0.9) * truth.shape[1]), int(rng.uniform(0.1, 0.9) * truth.shape[0]))
    axes = int(size * rng.uniform(0.25, 0.6)), int(size * rng.uniform(0.15, 0.5))
    return np.asarray(cv2.ellipse(truth.copy(), centre, axes, rng.uniform(0, 180), 0, 360, 1, -1), np.uint8)


def box(truth: Mask, rng: np.random.Generator) -> Mask:
    """Paint the bounding box of an animal, or an ellipse of its size."""
    regions, drawn = find_regions(truth), truth.copy()
    left, top, width, height = regions.boxes[rng.choice(len(regions), p=regions.areas / regions.areas.sum())]
    if rng.random() < 0.5:
        drawn[top : top + height, left : left + width] = 1
        return drawn
    centre = int(left + width / 2), int(top + height / 2)
    return np.asarray(cv2.ellipse(drawn, centre, (int(width * 0.55), int(height * 0.55)), 0, 0, 360, 1, -1), np.uint8)


def loose(truth: Mask, rng: np.random.Generator) -> Mask:
    """Draw far outside of the outline."""
    return np.asarray(cv2.dilate(truth, ellipse(np.sqrt(truth.sum()) * rng.uniform(0.06, 0.2))), np.uint8)


def tight(truth: Mask, rng: np.random.Generator) -> Mask:
    """Draw far inside of the outline."""
    return np.asarray(cv2.erode(truth, ellipse(np.sqrt(truth.sum()) * rng.uniform(0.05, 0.15))), np.uint8)


def planted(kind: str) -> Callable[[Mask, np.random.Generator], Mask]:
    """Return a defect of the demo."""
    return lambda truth, rng: plant(kind, truth, np.zeros(truth.shape, bool), rng)[0]


DEFECTS: tuple[Callable[[Mask, np.random.Generator], Mask], ...] = (
    sliver, cut, drop_animal, drop_animal, add_blob, box, loose, tight,
    *map(planted, ('fragments', 'holes', 'partial_mask', 'partial_mask', 'shifted_mask', 'oversized_polygon')),
    *map(planted, ('other_object', 'scrap')),
)  # fmt: skip


def spoil(truth: Mask, rng: np.random.Generator) -> Mask:
    """Spoil a mask by one defect."""
    for _ in range(20):
        spoiled = (DEFECTS[rng.integers(len(DEFECTS))](truth, rng) > 0).astype(np.uint8)
        if spoiled.any() and (spoiled != truth).any():
            return spoiled
    return truth


def judge(image: Image, strength: Judge, weak: FloatMap, shared: float, rng: np.random.Generator) -> FloatMap:
    """Simulate a judge's probability of an object, shape (H, W).

    Args:
        image: The image.
        strength: The judge.
        weak: Logits of the pixel classifier, shape (H, W).
        shared: How hard the image is for every judge, 0–1.
        rng: Random generator.
    """
    hard = ((shared + rng.random()) / 2) ** (np.log(strength.difficulty) / np.log(0.5))
    seen = redraw(image.truth, rng, strength.blur / 2)
    if rng.random() < strength.overlooked:
        seen = (cut, drop_animal, lambda mask, _: np.zeros_like(mask))[rng.integers(3)](seen, rng)
    distance = np.full(seen.shape, -99, np.float32)
    if seen.any():
        distance = cv2.distanceTransform(seen, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - seen, cv2.DIST_L2, 5)
    logits = (1 - hard) * strength.gain * np.tanh(distance / strength.blur) + hard * 1.5 * weak
    logits += strength.noise * smooth_noise(rng, seen.shape, 12)
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def cross_fit(images: Sequence[Image]) -> list[FloatMap]:
    """Return a pixel classifier's logits of each image, which it has not been trained on, shape (H, W).

    It sees colours at four scales, edges and the place in the image.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(SEED)
    features, targets = [], []
    for image in images:
        small = cv2.resize(image.pixels, (GRID, GRID), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        lab = cv2.cvtColor(small, cv2.COLOR_RGB2Lab)
        scales = [lab, *(cv2.GaussianBlur(lab, (0, 0), sigma) for sigma in (2, 5, 12))]
        edges = cv2.resize(edge_support(image.pixels), (GRID, GRID), interpolation=cv2.INTER_AREA)
        features.append(np.dstack([*scales, edges, *np.indices(edges.shape)]).reshape(GRID * GRID, -1))
        targets.append(cv2.resize(image.truth, (GRID, GRID), interpolation=cv2.INTER_NEAREST).ravel())
    fold = rng.permutation(len(images)) % FOLDS
    logits: list[FloatMap] = [np.zeros(0, np.float32)] * len(images)
    for left_out in range(FOLDS):
        train = np.flatnonzero(fold != left_out)
        taken = [rng.choice(GRID * GRID, 400, replace=False) for _ in train]
        model = HistGradientBoostingClassifier(max_iter=60, max_depth=5, random_state=SEED)
        model.fit(
            np.concatenate([features[i][pixels] for i, pixels in zip(train, taken, strict=True)]),
            np.concatenate([targets[i][pixels] for i, pixels in zip(train, taken, strict=True)]),
        )
        for i in np.flatnonzero(fold == left_out).tolist():
            flat = model.decision_function(features[i]).reshape(GRID, GRID).astype(np.float32)
            smooth = cv2.resize(cv2.GaussianBlur(flat, (0, 0), 1.5), images[i].truth.shape[::-1])
            logits[i] = np.clip(smooth, -4.6, 4.6)
    return logits


def examples(images: Sequence[Image], weak: Sequence[FloatMap]) -> tuple[Table, Table]:
    """Compare masks of known errors with every judge.

    Returns:
        The components (number of the comparison, side, share of the area, share of it on which the mask is wrong, cues)
        and the comparisons (image, mask, judge, IoU of mask and truth, areas of mask, prediction and intersection,
        `RIVALS`).
    """
    components: list[list[Any]] = []
    comparisons: list[list[Any]] = []
    for index, (image, logits) in enumerate(zip(track(images, 'components', len(images)), weak, strict=True)):
        rng = np.random.default_rng([SEED, index])
        edges, shared = edge_support(image.pixels), rng.random()
        masks = [draw(image.truth, rng) for draw in (redraw, spoil) for _ in range(MASKS // 2)]
        judged = [judge(image, strength, logits, shared, rng) for strength in JUDGES]
        weakest: FloatMap = (1 / (1 + np.exp(-logits))).astype(np.float32)
        joint = np.mean([*judged, weakest], 0, np.float32)
        for who, probability in enumerate([*judged, weakest, joint]):
            for which, mask in enumerate(masks):
                evidence = replace(make_evidence(mask, np.stack([1 - probability, probability])), edges=edges)
                wrong, areas = mask != image.truth, (mask.sum(), evidence.predicted.sum())
                common = np.sum(evidence.predicted & evidence.labelled)
                iou = np.sum(mask & image.truth) / np.sum(mask | image.truth)
                for found in find_components(evidence):
                    size = found.region.sum()
                    target = wrong[found.region].mean()
                    components.append(
                        [len(comparisons), found.extra, size / (sum(areas) - common), target, *found.cues]
                    )
                rivals = (SCORES[name](evidence) for name in RIVALS)
                comparisons.append([index, which, who, iou, *areas, common, *rivals])
    return np.array(components, np.float64), np.array(comparisons, np.float64)


def fit(table: NDArray[np.float64]) -> dict[str, list[float]]:
    """Fit one logistic regression for each side; a component counts by its share of the area.

    Returns:
        ``extra`` and ``missing``: the intercept and a coefficient for each of the cues.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    coefficients = {}
    for name, value in (('extra', 1), ('missing', 0)):
        rows = table[table[:, 1] == value]
        weight, target = rows[:, 2], rows[:, 3]
        scaler = StandardScaler().fit(rows[:, 4:])
        cues = scaler.transform(rows[:, 4:])
        model = LogisticRegression(C=1.0, max_iter=1000)
        both = np.r_[weight * target, weight * (1 - target)]
        model.fit(np.vstack([cues, cues]), np.r_[np.ones(len(cues)), np.zeros(len(cues))], both / weight.mean())
        slopes = model.coef_[0] / scaler.scale_
        coefficients[name] = [float(model.intercept_[0] - slopes @ scaler.mean_), *map(float, slopes)]
    return coefficients


def expected_ious(components: Table, comparisons: Table, coefficients: dict[str, list[float]]) -> Table:
    """Compute the score of every comparison, as `expected_iou` does."""
    weights = np.array([coefficients['missing'], coefficients['extra']])[components[:, 1].astype(int)]
    probability = 1 / (1 + np.exp(-weights[:, 0] - (weights[:, 1:] * components[:, 4:]).sum(1)))
    of_label, of_models, common = comparisons[:, 4:7].T
    area = of_label + of_models - common
    wrong = components[:, 2] * probability
    of = components[:, 0].astype(int)
    extra, missing = (np.bincount(of, wrong * (components[:, 1] == side), len(comparisons)) * area for side in (1, 0))
    return (of_label - extra) / (of_label + missing)


def measure(comparisons: Table, scores: Table, rng: np.random.Generator) -> float:
    """Average the average precision over rankings of one mask of each image, `WRONG_SHARE` of them wrong."""
    found = []
    for _ in range(DRAWS):
        drawn = []
        for image in np.unique(comparisons[:, 0]):
            own = np.flatnonzero(comparisons[:, 0] == image)
            wrong = comparisons[own, 3] < WRONG_IOU
            wanted = wrong if wrong.all() or (wrong.any() and rng.random() < WRONG_SHARE) else ~wrong
            drawn.append(rng.choice(own[wanted]))
        order = np.array(drawn)[np.argsort(scores[drawn])]
        found.append(average_precision(list(comparisons[order, 3] < WRONG_IOU)))
    return float(np.nanmean(found))


def compare(tables: dict[str, tuple[Table, Table]]) -> None:
    """Print the average precision on each data set, with coefficients of the others: by judge, and of all together."""
    for name, (components, comparisons) in tables.items():
        others = [of_single_judges(*table) for other, table in tables.items() if other != name]
        fitted = fit(np.vstack(others or [of_single_judges(components, comparisons)]))
        scores = {'expected_iou': expected_ious(components, comparisons, fitted)}
        scores |= {rival: comparisons[:, 7 + place] for place, rival in enumerate(RIVALS)}
        for score, values in scores.items():
            grid = values.reshape(-1, JOINT + 1, MASKS)  # every judge compares the same masks in the same order
            table = comparisons.reshape(*grid.shape, -1)
            single = [measure(table[:, who].reshape(-1, table.shape[-1]), grid[:, who].ravel(), same_draws())
                      for who in range(JOINT)]  # fmt: skip
            mean, joint = grid[:, :JOINT].mean(1), grid[:, JOINT]
            combined = [
                measure(table[:, 0].reshape(-1, table.shape[-1]), of_all.ravel(), same_draws())
                for of_all in (mean, joint, (mean + joint) / 2)
            ]
            values_text, combined_text = (' '.join(f'{value:.3f}' for value in part) for part in (single, combined))
            summary = f'mean {np.mean(single):.3f}, worst {np.min(single):.3f}'
            print(f'{name:12} {score:24} judges {values_text}, {summary}; mean score, joint, half each {combined_text}')


def same_draws() -> np.random.Generator:
    """Return a generator of the same draws for every score."""
    return np.random.default_rng(SEED)


def of_single_judges(components: Table, comparisons: Table) -> Table:
    """Return the components without those of the joint judge."""
    return components[comparisons[components[:, 0].astype(int), 2] != JOINT]


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, make examples, fit, print the coefficients."""
    parser = ArgumentParser(__doc__.splitlines()[0], EXAMPLE)
    parser.add_argument('data', metavar='DATA', nargs='+', help='data sets with true masks (labels_true, or labels)')
    parser.add_argument('--out', metavar='D', required=True, help='folder of the table of components')
    args = parser.parse_args(argv)
    out = make_folder(args.out)
    tables: dict[str, tuple[Table, Table]] = {}
    for root in args.data:
        path = out / f'{Path(root).name}.npz'
        if not path.is_file():
            images = read_images(root)
            components, comparisons = examples(images, cross_fit(images))
            np.savez(path, components=components, comparisons=comparisons)
        with np.load(path) as content:
            tables[path.stem] = content['components'], content['comparisons']
        if len(np.unique(tables[path.stem][1][:, 2])) != JOINT + 1:
            raise InputError(path, 'holds other judges', 'remove it')
    compare(tables)
    components = np.vstack([of_single_judges(*table) for table in tables.values()])
    coefficients = fit(components)
    write_json(out / 'coefficients.json', coefficients)
    print(f'{len(components)} components')
    for place, cue in enumerate(('intercept', *CUES)):
        print(f'{cue:12} {coefficients["extra"][place]:8.3f} {coefficients["missing"][place]:8.3f}')
    return 0


if __name__ == '__main__':
    sys.exit(run(main))
