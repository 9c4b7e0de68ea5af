"""Scenes hold the animals that were asked for; the rest is random."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.demo.cats import POSES as CAT_POSES
from mmseg_ext.demo.coats import CAT_COATS, DARK_COATS, DOG_COATS, HAIR, cat_coat, dog_coat
from mmseg_ext.demo.dogs import POSES as DOG_POSES
from mmseg_ext.demo.figure import Stroke
from mmseg_ext.demo.fills import Flat, Solid
from mmseg_ext.demo.painter import Painter
from mmseg_ext.demo.props import PROPS
from mmseg_ext.demo.scene import Scene, render_scene

SIZE = 64


def render(seed: int, first_class: int = 1) -> Scene:
    return render_scene(np.random.default_rng(seed), SIZE, first_class)


@pytest.fixture(scope='module')
def scenes() -> list[tuple[int, Scene]]:
    return [(1 + seed % 2, render(seed, 1 + seed % 2)) for seed in range(40)]


def test_the_same_seed_gives_the_same_scene() -> None:
    first, second, other = render(3), render(3), render(4)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.mask, second.mask)
    np.testing.assert_array_equal(first.objects, second.objects)
    assert (first.image != other.image).any()


def test_scenes_have_the_promised_form(scenes: list[tuple[int, Scene]]) -> None:
    for first_class, scene in scenes:
        assert scene.image.shape == (SIZE, SIZE, 3)
        assert scene.image.dtype == np.uint8
        assert scene.mask.shape == scene.objects.shape == (SIZE, SIZE)
        assert scene.mask.dtype == np.uint8
        assert set(np.unique(scene.mask)) <= {0, 1, 2}
        assert (scene.mask == first_class).any()
        assert not (scene.objects & (scene.mask > 0)).any()


def test_animals_are_of_many_sizes_but_never_tiny_or_huge(scenes: list[tuple[int, Scene]]) -> None:
    shares = np.array([np.mean(scene.mask > 0) for _, scene in scenes])
    assert shares.min() > 0.015
    assert shares.max() < 0.42
    assert np.quantile(shares, 0.9) > 2.5 * np.quantile(shares, 0.1)


def test_some_scenes_are_dark_some_hold_both_classes_some_hold_things(scenes: list[tuple[int, Scene]]) -> None:
    brightness = [scene.image.mean() for _, scene in scenes]
    assert min(brightness) < 75
    assert max(brightness) > 120
    assert any({1, 2} <= set(np.unique(scene.mask)) for _, scene in scenes)
    assert sum(scene.objects.any() for _, scene in scenes) > len(scenes) / 2


@pytest.mark.parametrize(
    ('pose', 'coat'),
    [(pose, cat_coat) for pose in CAT_POSES.values()] + [(pose, dog_coat) for pose in DOG_POSES.values()],
)
def test_every_pose_is_one_connected_animal(pose: object, coat: object) -> None:
    import cv2

    assert callable(pose)
    assert callable(coat)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        colours = coat(rng)
        figure = pose(rng, colours.keys()).transformed(scale=12, offset=(60, 60))
        sprite = Painter(figure, colours, 12.0, (0.3, 0.9), rng).paint()
        count, _, stats, _ = cv2.connectedComponentsWithStats((sprite.alpha >= 0.5).astype(np.uint8), connectivity=8)
        largest = stats[1:, cv2.CC_STAT_AREA].max()
        assert largest >= 0.99 * stats[1:, cv2.CC_STAT_AREA].sum(), count


def test_whiskers_are_the_mark_of_the_cat() -> None:
    rng = np.random.default_rng(0)

    def whiskers(pose: object) -> int:
        assert callable(pose)
        return sum(isinstance(item, Stroke) and item.free for item in pose(rng, ()).items)

    assert all(whiskers(pose) >= 4 for pose in CAT_POSES.values())
    assert not any(whiskers(pose) for pose in DOG_POSES.values())


def test_cats_and_dogs_share_their_colours() -> None:
    """A classifier by base colour alone must fail: every dark coat and at least four base colours occur in both."""
    assert {maker for maker in DARK_COATS if maker in CAT_COATS} & set(DOG_COATS)

    def nearest(colour: tuple[float, float, float]) -> str:
        return min(HAIR, key=lambda name: float(np.linalg.norm(np.subtract(HAIR[name], colour))))

    seen = []
    for maker in (cat_coat, dog_coat):
        coats = [maker(np.random.default_rng(seed))['coat'] for seed in range(120)]
        seen.append({nearest(coat.base) for coat in coats if isinstance(coat, Solid)})
    assert len(seen[0] & seen[1]) >= 4


def test_dark_coats_are_dark() -> None:
    for maker in (cat_coat, dog_coat):
        for seed in range(20):
            coat = maker(np.random.default_rng(seed), dark=True)['coat']
            assert not isinstance(coat, Flat)
            assert sum(coat.base) / 3 < 120  # type: ignore[attr-defined]


@pytest.mark.parametrize('name', PROPS)
def test_every_prop_can_be_painted(name: str) -> None:
    rng = np.random.default_rng(0)
    figure, coat = PROPS[name](rng)
    sprite = Painter(figure.transformed(scale=10), coat, 10.0, (0.3, 0.9), rng).paint()
    assert np.count_nonzero(sprite.alpha >= 0.5) > 50
    assert np.isfinite(sprite.colour).all()
