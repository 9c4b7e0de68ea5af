from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip('mmseg')

import torch
from mmengine.logging import MessageHub

from mmseg_ext.errors import InputError
from mmseg_ext.models.batch_mix import BatchMix, ClassMix, CutMix, MixUp
from mmseg_ext.models.batch_mix.mixes import PairMix, StepRng, box
from mmseg_ext.registry import MODELS

Sample = Callable[..., Any]
IGNORED = 255
KINDS: dict[str, Callable[..., PairMix]] = {'MixUp': MixUp, 'CutMix': CutMix, 'ClassMix': ClassMix}

batches = st.tuples(st.integers(2, 4), st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**32 - 1))
property_test = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_batch(sample: Sample, ids: Any) -> tuple[torch.Tensor, list[Any]]:
    """Images whose first channel is the number of the image, the second the class id, the third the position."""
    ids = torch.as_tensor(ids)
    position = torch.arange(ids[0].numel()).view(ids[0].shape)
    images = torch.stack(
        [
            torch.stack([torch.full(position.shape, float(k)), image_ids.float(), position.float()])
            for k, image_ids in enumerate(ids)
        ]
    )
    return images, [sample(image_ids) for image_ids in ids]


def random_ids(count: int, height: int, width: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.choice([0, 1, 2, IGNORED], (count, height, width))


def masks(samples: list[Any]) -> list[torch.Tensor]:
    return [sample.gt_sem_seg.data for sample in samples]


def ready(kind: str, **options: Any) -> PairMix:
    mix = KINDS[kind](**options)
    mix.num_classes = 3
    return mix


# Arrays computed by hand


def test_mixup_by_hand(sample: Sample) -> None:
    mix = MixUp()
    mix.num_classes = 3
    image, other = torch.tensor([[[8.0, 8.0, 8.0, 8.0]]]), torch.tensor([[[0.0, 4.0, -8.0, 8.0]]])
    maps, other_maps = ({'gt_sem_seg': torch.tensor([[ids]])} for ids in ([0, 1, 2, IGNORED], [0, 2, IGNORED, 1]))
    mixed, mixed_maps = mix.blend(image, maps, other, other_maps, 0.75)
    assert mixed.tolist() == [[[6.0, 7.0, 4.0, 8.0]]]
    assert mixed_maps['gt_sem_seg'].tolist() == [
        [[1.0, 0.0, -1.0, -1.0]],
        [[0.0, 0.75, -1.0, -1.0]],
        [[0.0, 0.25, -1.0, -1.0]],
    ]


@pytest.mark.parametrize('lam', [0.0, 0.0019, 0.9981, 1.0])
def test_mixup_with_no_visible_share_of_one_image_is_the_other(lam: float, sample: Sample) -> None:
    mix = ready('MixUp')
    images, samples = as_batch(sample, [[[0, IGNORED]], [[IGNORED, 2]]])
    first, second = ({'gt_sem_seg': mask} for mask in masks(samples))
    mixed, maps = mix.blend(images[0], first, images[1], second, lam)
    chosen = 0 if lam > 0.5 else 1
    assert torch.equal(mixed, images[chosen])
    assert torch.equal(maps['gt_sem_seg'], masks(samples)[chosen])  # class ids; the other's ignored pixels do not count


def test_mixup_takes_edges_of_the_heavier_image(sample: Sample) -> None:
    mix = ready('MixUp')
    maps, other = ({'gt_sem_seg': torch.tensor([[[0]]]), 'gt_edge_map': torch.tensor([[[edge]]])} for edge in (0, 1))
    image = torch.zeros(3, 1, 1)
    for lam, edge in ((0.9, 0), (0.1, 1)):
        assert mix.blend(image, maps, image, other, lam)[1]['gt_edge_map'].item() == edge


@pytest.mark.parametrize(
    ('share', 'top', 'left', 'rows', 'columns'),
    [
        (0.25, 0.0, 0.0, slice(0, 2), slice(0, 3)),
        (0.25, 0.99, 0.99, slice(2, 4), slice(3, 6)),
        (0.25, 0.5, 0.3, slice(1, 3), slice(1, 4)),  # 0.5 of the rows 0, 1, 2 is 1; 0.3 of the columns 0 to 3 is 1
        (1.0, 0.7, 0.7, slice(0, 4), slice(0, 6)),
        (0.0, 0.5, 0.5, slice(0, 0), slice(0, 0)),
        (0.5, 1.0, 1.0, slice(1, 4), slice(2, 6)),  # 2.83 rows are 3, 4.24 columns are 4
    ],
)
def test_box_by_hand(share: float, top: float, left: float, rows: slice, columns: slice) -> None:
    expected = torch.zeros(4, 6, dtype=torch.bool)
    expected[rows, columns] = True
    assert torch.equal(box(torch.zeros(4, 6), share, top, left), expected)


def test_a_box_can_lie_anywhere() -> None:
    mix, rng, ids = CutMix(), np.random.default_rng(0), torch.zeros(3, 4, dtype=torch.int64)
    count = sum(mix.pasted(ids, ids, rng).float() for _ in range(3000)) / 3000
    assert count.min() > 0.25
    assert count.mean() == pytest.approx(0.5, abs=0.05)  # Beta(1, 1) has the mean 1/2


def test_classmix_by_hand(sample: Sample) -> None:
    images, samples = as_batch(sample, [[[0, 0, 1], [IGNORED, 1, 0]], [[2, IGNORED, 0], [2, 2, 0]]])
    mix = ClassMix(prob=1, classes=(1, 2))  # of both classes of the other image only 2 may be pasted, or 1 vice versa
    mixed, samples = mix(images, samples)
    first, second = masks(samples)
    assert first.tolist() == [[[2, 0, 1], [2, 2, 0]]]
    assert second.tolist() == [[[2, IGNORED, 1], [2, 1, 0]]]
    assert mixed[0, 0].tolist() == [[1, 0, 0], [1, 1, 0]]
    assert mixed[1, 0].tolist() == [[1, 1, 0], [1, 0, 1]]


@pytest.mark.parametrize(('shown', 'pasted'), [([0, 0], 1), ([0, 1], 1), ([0, 1, 2], 2), ([0, 1, 2, 3], 2)])
def test_classmix_pastes_half_of_the_classes(shown: list[int], pasted: int) -> None:
    other = torch.tensor([[*shown, IGNORED]])
    mix, rng = ClassMix(), np.random.default_rng(1)
    seen = set()
    for _ in range(50):
        taken = mix.pasted(torch.zeros_like(other), other, rng)
        chosen = set(other[taken].tolist())
        assert len(chosen) == pasted
        assert torch.equal(taken, torch.isin(other, torch.tensor(sorted(chosen))))
        seen |= chosen
    assert seen == set(shown)


def test_classmix_pastes_nothing_of_an_image_without_its_classes(sample: Sample) -> None:
    images, samples = as_batch(sample, [[[0, 1]], [[0, IGNORED]]])
    mixed, samples = ClassMix(prob=1, classes=(2,))(images, samples)
    assert torch.equal(mixed, images)
    assert [mask.tolist() for mask in masks(samples)] == [[[[0, 1]]], [[[0, IGNORED]]]]


# Properties


@pytest.mark.parametrize('kind', KINDS)
@property_test
@given(batches)
def test_probability_zero_and_batches_of_one_are_left_alone(
    kind: str, sample: Sample, batch: tuple[int, int, int, int]
) -> None:
    ids = random_ids(*batch)
    for prob, count in ((0, len(ids)), (1, 1)):
        images, samples = as_batch(sample, ids[:count])
        mixed, samples = ready(kind, prob=prob)(images, samples)
        assert torch.equal(mixed, images)
        assert [mask.tolist() for mask in masks(samples)] == [[image_ids.tolist()] for image_ids in ids[:count]]


@property_test
@given(batches, st.floats(0.05, 5))
def test_mixup_gives_image_and_target_the_same_share(
    sample: Sample, batch: tuple[int, int, int, int], alpha: float
) -> None:
    ids = random_ids(*batch)
    images, samples = as_batch(sample, ids)
    before = images.clone()
    mix = ready('MixUp', prob=0.7, alpha=alpha)
    rng = np.random.default_rng(batch[-1])
    mix.make_rng = lambda: rng
    mixed, samples = mix(images, samples)
    assert torch.equal(images, before)  # the mixtures are of the batch as it was
    targets = masks(samples)
    assert len({target.dtype for target in targets}) == 1
    if not targets[0].is_floating_point():
        return
    for index, target in enumerate(targets):
        assert target.shape == (3, *ids[0].shape)
        valid = (target >= 0).all(0)
        assert torch.equal(valid, (target >= 0).any(0))
        assert (target[:, ~valid] == -1).all()
        assert torch.allclose(target.sum(0)[valid], torch.ones(int(valid.sum())))
        # The class channel of the image is linear in the ids, and so is the expectation of the target.
        expected = (target * torch.arange(3.0).view(3, 1, 1)).sum(0)
        assert torch.allclose(mixed[index, 1][valid], expected[valid], atol=1e-4)
        assert torch.equal(mixed[index, 2], images[index, 2])
        # Ignored is what either image ignores; in an image taken as it is, what it ignores itself.
        assert len(mixed[index, 0].unique()) == 1
        unknown = torch.as_tensor(ids == IGNORED)
        assert any(torch.equal(~valid, ignored) for other in unknown for ignored in (other, unknown[index] | other))


@pytest.mark.parametrize('kind', ['CutMix', 'ClassMix'])
@property_test
@given(batches)
def test_pasting_moves_image_and_mask_together(kind: str, sample: Sample, batch: tuple[int, int, int, int]) -> None:
    ids = random_ids(*batch)
    images, samples = as_batch(sample, ids)
    rng = np.random.default_rng(batch[-1])
    mix = ready(kind, prob=1)
    mix.make_rng = lambda: rng
    mixed, samples = mix(images, samples)
    for index, target in enumerate(masks(samples)):
        assert target.dtype == torch.int64
        assert torch.equal(mixed[index, 1], target[0].float())  # each pixel has the class of the image that it is from
        assert torch.equal(mixed[index, 2], images[index, 2])  # at its own place
        sources = mixed[index, 0].long()
        assert len(set(sources.unique().tolist()) - {index}) <= 1
        expected = torch.as_tensor(ids).gather(0, sources.unsqueeze(0))
        assert torch.equal(target, expected)
        if kind == 'ClassMix':
            assert not (target[0][sources != index] == IGNORED).any()


def test_every_other_image_can_be_the_partner_and_never_the_image_itself(sample: Sample) -> None:
    ids = np.zeros((4, 1, 1), dtype=int)
    seen: dict[int, set[int]] = {index: set() for index in range(4)}
    mix = ClassMix(prob=1)
    for _ in range(60):
        mixed, _ = mix(*as_batch(sample, ids))
        for index in range(4):
            seen[index].add(int(mixed[index, 0]))
    assert seen == {index: {0, 1, 2, 3} - {index} for index in range(4)}


def test_images_are_mixed_with_their_probability(sample: Sample) -> None:
    mix = ClassMix(prob=0.3)
    ids = np.zeros((4, 1, 1), dtype=int)
    count = 0
    for _ in range(500):
        mixed, _ = mix(*as_batch(sample, ids))
        count += int((mixed[:, 0, 0, 0] != torch.arange(4)).sum())
    assert count / 2000 == pytest.approx(0.3, abs=0.04)


def test_one_soft_image_makes_all_soft_and_none_keeps_all_hard(sample: Sample) -> None:
    ids = random_ids(4, 3, 3, 0)
    mix = ready('MixUp', prob=0.3, alpha=1.0)
    kinds = set()
    for _ in range(40):
        images, samples = as_batch(sample, ids)
        mixed, samples = mix(images, samples)
        changed = [not torch.equal(image, original) for image, original in zip(mixed, images, strict=True)]
        soft = {mask.is_floating_point() for mask in masks(samples)}
        assert soft == {any(changed)}
        for index in [k for k in range(4) if not changed[k]]:
            data = masks(samples)[index]
            hard = torch.where(data[0] < 0, IGNORED, data.argmax(0)) if any(changed) else data[0]
            assert hard.tolist() == ids[index].tolist()
        kinds |= soft
    assert kinds == {True, False}


def test_further_maps_are_pasted_with_the_mask(sample: Sample) -> None:
    samples = [sample([[0, 1]], gt_edge_map=[[0, 9]]), sample([[2, 0]], gt_edge_map=[[7, 0]])]
    ClassMix(prob=1, classes=(1, 2))(torch.zeros(2, 3, 1, 2), samples)
    assert [sample.gt_edge_map.data.tolist() for sample in samples] == [[[[7, 9]]], [[[7, 9]]]]


# Random generators


def test_the_generator_depends_on_seed_and_iteration_alone() -> None:
    hub = MessageHub.get_current_instance()

    def draw(make_rng: StepRng, seed: int, iteration: int) -> float:
        torch.manual_seed(seed)
        hub.update_info('iter', iteration)
        return float(make_rng().random())

    running = StepRng()
    drawn = [draw(running, 0, iteration) for iteration in range(5)]
    assert len(set(drawn)) == 5
    resumed = StepRng()
    assert [draw(resumed, 0, iteration) for iteration in (3, 4)] == drawn[3:]  # as if it had not stopped
    assert draw(StepRng(), 1, 3) != drawn[3]
    torch.manual_seed(0)
    hub.update_info('iter', 4)
    torch.rand(7), np.random.rand(3)
    assert float(StepRng()().random()) == drawn[4]  # whatever else was drawn


def test_outside_a_training_no_draw_is_repeated() -> None:
    make_rng = StepRng()
    assert len({float(make_rng().random()) for _ in range(5)}) == 5


def test_processes_draw_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import mmseg_ext.models.batch_mix.mixes as module

    drawn = set()
    for rank in range(3):
        monkeypatch.setattr(module, 'get_rank', lambda rank=rank: rank)
        drawn.add(float(StepRng()().random()))
    assert len(drawn) == 3


def test_the_global_generators_are_not_used() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    StepRng()().random(9)
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # type: ignore[index]


# Configs


def test_batch_mix_chooses_by_weight(sample: Sample) -> None:
    mix = MODELS.build(
        dict(
            type='mmseg_ext.BatchMix',
            mixes=[dict(type='mmseg_ext.MixUp', prob=1, alpha=5), dict(type='mmseg_ext.CutMix', prob=1)],
            weights=[3, 1],
        )
    )
    assert mix.soft
    mix.num_classes = 3
    soft = 0
    for _ in range(400):
        _, samples = mix(*as_batch(sample, random_ids(2, 3, 3, 0)))
        soft += masks(samples)[0].is_floating_point()
    assert soft / 400 == pytest.approx(0.75, abs=0.07)


def test_batch_mix_of_pastes_is_hard() -> None:
    assert not BatchMix([CutMix(), ClassMix()]).soft


def test_mixup_alone_says_what_it_needs(sample: Sample) -> None:
    with pytest.raises(InputError, match=r'MixUp makes soft targets; add dict.*SoftTargetsHook'):
        MixUp(prob=0)(*as_batch(sample, random_ids(2, 2, 2, 0)))
    with pytest.raises(InputError, match='BatchMix makes soft targets'):
        BatchMix([CutMix(), MixUp()])(*as_batch(sample, random_ids(2, 2, 2, 0)))


def test_unknown_class_ids_are_named(sample: Sample) -> None:
    mix = ready('MixUp', prob=1)
    with pytest.raises(ValueError, match='class id 3 in a mask: expected 0 to 2 or 255'):
        mix(*as_batch(sample, [[[0]], [[3]]]))


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='MixUp', prob=1.5), 'prob 1.5'),
        (dict(type='CutMix', alpha=0), 'alpha 0'),
        (dict(type='MixUp', alpha=float('nan')), 'alpha nan'),
        (dict(type='ClassMix', classes=()), 'classes'),
        (dict(type='ClassMix', classes=(255,)), 'classes'),
        (dict(type='BatchMix', mixes=[]), '0 mixes'),
        (dict(type='BatchMix', mixes=[dict(type='mmseg_ext.CutMix')], weights=[0]), r'weights \[0\]'),
    ],
)
def test_wrong_arguments_are_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MODELS.build({**config, 'type': f'mmseg_ext.{config["type"]}'})
