"""Ensembles of networks whose outputs are known: as predictors, as files, as one ONNX model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmseg_ext.data.classes import Classes
from mmseg_ext.errors import InputError
from mmseg_ext.inference.ensemble import Entry, read_ensemble, write_ensemble
from mmseg_ext.inference.network import ModelInfo
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.inference.views import Views

MakeOnnx = Callable[..., Path]
RNG = np.random.default_rng(0)
OTHER_WEIGHTS = np.array([[0.1, 0.0, 0.3], [0.0, 0.2, 0.1], [0.3, 0.1, 0.0]], np.float32)
ONE_OUTPUT = np.array([[0.05, -0.02, 0.01]], np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    scores = np.exp(logits.astype(np.float64) - logits.max(axis=0))
    return scores / scores.sum(axis=0)


def noise(height: int = 64, width: int = 96) -> np.ndarray:
    return RNG.integers(0, 60, (height, width, 3), dtype=np.uint8)


def smooth(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width] / max(height, width)
    channels = [np.sin(9 * x + phase) * np.cos(7 * y - phase) for phase in range(3)]
    return (127 + 100 * np.stack(channels, -1)).astype(np.uint8)


class TestPredictor:
    def test_the_weighted_mean_of_probabilities(self, colour_network: Any, info: ModelInfo) -> None:
        image = noise()
        networks = colour_network(), colour_network(replace(info, channels='bgr', mean=(1, 2, 3)), OTHER_WEIGHTS)
        result = Predictor.ensemble([Predictor(network) for network in networks], [3, 1]).predict(image)
        planes = image.transpose(2, 0, 1).astype(np.float32)
        one, other = (softmax(np.einsum('kc,chw->khw', network.weights, planes)) for network in networks)
        np.testing.assert_allclose(result.probabilities, (3 * one + other) / 4, atol=1e-5)
        np.testing.assert_array_equal(result.mask, ((3 * one + other) / 4).argmax(axis=0))
        assert (result.mask != ((one + 3 * other) / 4).argmax(axis=0)).any()

    def test_each_member_keeps_its_views_and_many_views_weigh_no_more(self, colour_network: Any) -> None:
        image = noise()
        one = Predictor(colour_network(), views=Views(((32, 32), (64, 64)), flip=True))
        other = Predictor(colour_network(weights=OTHER_WEIGHTS))
        both = Predictor.ensemble([one, other])
        expected = (one.predict(image).probabilities + other.predict(image).probabilities) / 2
        np.testing.assert_allclose(both.predict([image])[0].probabilities, expected, atol=1e-6)
        assert repr(both).startswith('Predictor(ColourNetwork + ColourNetwork: background, cat, dog; 32x32 + 64x64, ')
        nested = Predictor.ensemble([both, other])
        expected = expected / 2 + other.predict(image).probabilities / 2
        np.testing.assert_allclose(nested.predict(image).probabilities, expected, atol=1e-6)

    def test_some_members_alone(self, colour_network: Any) -> None:
        image = noise()
        one, other = Predictor(colour_network()), Predictor(colour_network(weights=OTHER_WEIGHTS))
        chosen = Predictor.ensemble([one, other]).choose([1])
        np.testing.assert_array_equal(chosen.predict(image).mask, other.predict(image).mask)
        assert (chosen.predict(image).mask != one.predict(image).mask).any()

    def test_given_sides_are_those_of_all_members_which_keep_their_flips(self, colour_network: Any) -> None:
        views = Views(((64, 64),), flip=True), Views(flip=False, tile=64)
        predictors = [Predictor(colour_network(), views=one) for one in views]
        changed = Predictor.ensemble(predictors).with_sides((32, 96))
        assert [member.views for member in changed.members] == [
            replace(one, sizes=((math.inf, 32), (math.inf, 96))) for one in views
        ]
        assert [member.views for member in predictors[0].with_sides(()).members] == [views[0]]

    def test_thresholds_are_averaged_as_the_probabilities_are(self, colour_network: Any, info: ModelInfo) -> None:
        two = replace(info, classes=Classes(('background', 'cat'), ((0, 0, 0), (220, 60, 60))), threshold=0.9)
        image = noise()
        one = Predictor(colour_network(two, ONE_OUTPUT))
        other = Predictor(colour_network(replace(two, threshold=None), OTHER_WEIGHTS[:2]))
        both = Predictor.ensemble([one, other]).predict(image)
        np.testing.assert_array_equal(both.mask, both.probabilities[1] > 0.7)
        assert (both.mask != (both.probabilities[1] > 0.5)).any()

    @pytest.mark.parametrize('names', [('background', 'dog', 'cat'), ('background', 'cat')])
    def test_other_classes_are_refused(self, colour_network: Any, info: ModelInfo, names: tuple[str, ...]) -> None:
        other = replace(info, classes=Classes(names, info.classes.palette[: len(names)]))
        with pytest.raises(InputError, match=r'classes are background, .*the same classes in the same order'):
            Predictor.ensemble([Predictor(colour_network()), Predictor(colour_network(other))])

    def test_weights_that_mean_nothing_are_refused(self, colour_network: Any) -> None:
        one = Predictor(colour_network())
        for weights in ([1.0], [1.0, 0.0], [1.0, float('nan')], [1.0, float('inf')]):
            with pytest.raises(InputError, match='`weights'):
                Predictor.ensemble([one, one], weights)


class TestFile:
    def test_it_moves_with_its_models(self, tmp_path: Path, make_onnx: MakeOnnx) -> None:
        old = tmp_path / 'old'
        (old / 'sub').mkdir(parents=True)
        models = make_onnx(old / 'a.onnx'), make_onnx(old / 'sub' / 'b.onnx', weights=OTHER_WEIGHTS)
        entries = [Entry(models[0], weight=2.0), Entry(models[1], size=64, tta=True, mode='whole')]
        write_ensemble(old / 'both.yaml', entries)
        assert str(tmp_path) not in (old / 'both.yaml').read_text()
        new = old.rename(tmp_path / 'new')
        found = read_ensemble(new / 'both.yaml')
        assert [replace(entry, model=Path(entry.model.name)) for entry in found] == [
            replace(entry, model=Path(entry.model.name)) for entry in entries
        ]
        predictor = Predictor(new / 'both.yaml')
        assert [member.weight for member in predictor.members] == [2, 1]
        assert [member.views.flip for member in predictor.members] == [False, True]
        assert len(predictor.members[1].views.sizes) == 3
        image = noise()
        members = [Predictor(found[0].model), Predictor(found[1].model, size=64, tta=True)]
        expected = Predictor.ensemble(members, [2, 1]).predict(image).probabilities
        np.testing.assert_array_equal(predictor.predict(image).probabilities, expected)
        assert all(member.views.flip for member in Predictor(new / 'both.yaml', tta=True).members)

    def test_a_member_without_augmentation_is_named(self, tmp_path: Path, make_onnx: MakeOnnx, info: ModelInfo) -> None:
        entries = [
            Entry(make_onnx(tmp_path / 'a.onnx')),
            Entry(make_onnx(tmp_path / 'b.onnx', replace(info, tta_flip=False))),
        ]
        write_ensemble(tmp_path / 'both.yaml', entries)
        with pytest.raises(InputError, match=r'/b\.onnx: has no further views for `tta`'):
            Predictor(tmp_path / 'both.yaml', tta=True)
        members = Predictor(tmp_path / 'both.yaml', tta=None).members
        assert [member.views.flip for member in members] == [True, False]

    @pytest.mark.parametrize(
        ('text', 'words'),
        [
            ('members: [', 'is not valid YAML'),
            ('- a.onnx', 'must hold `members:`'),
            ('members: []', 'must hold `members:`'),
            ('members: [{model: a.onnx}]\nweights: [1]', 'nothing else'),
            ('members: [a.onnx]', 'member 1: must hold `model:`'),
            ('members: [{config: a.py}]', 'member 1: must hold `model:`'),
            ('members: [{model: a.pth}]', 'must end in .onnx'),
            ('members: [{model: [a.onnx]}]', '`model:` must be a path'),
            ('members: [{model: a.onnx, wait: 2}]', 'holds wait'),
            ('members: [{model: a.onnx, weight: 0}]', '`weight:` must be'),
            ('members: [{model: a.onnx, weight: .inf}]', '`weight:` must be'),
            ('members: [{model: a.onnx, weight: true}]', '`weight:` must be'),
            (f'members: [{{model: a.onnx, weight: 1{"0" * 400}}}]', '`weight:` must be'),
            ('members: [{model: a.onnx, size: 31}]', '`size:` must be'),
            (f'members: [{{model: a.onnx, size: 1{"0" * 400}}}]', '`size:` must be'),
            ('members: [{model: a.onnx, mode: tiles}]', '`mode:` must be'),
            ('members: [{model: a.onnx, tta: 1}]', '`tta:` must be'),
            ('!!python/object/apply:os.system ["false"]', 'is not valid YAML'),
        ],
    )
    def test_what_it_must_not_hold(self, tmp_path: Path, text: str, words: str) -> None:
        (tmp_path / 'bad.yaml').write_text(text)
        with pytest.raises(InputError) as caught:
            read_ensemble(tmp_path / 'bad.yaml')
        assert words in str(caught.value)

    @pytest.mark.parametrize(
        ('member', 'words'),
        [
            ('model: {name}.onnx', 'no such model file'),
            ('config: {name}.py, checkpoint: a.pth', 'config not found'),
        ],
    )
    def test_names_longer_than_a_file_system_allows(self, tmp_path: Path, member: str, words: str) -> None:
        pytest.importorskip('mmseg')
        (tmp_path / 'bad.yaml').write_text(f'members: [{{{member.format(name="a" * 300)}}}, {{model: b.onnx}}]')
        with pytest.raises(InputError, match=words):
            Predictor(tmp_path / 'bad.yaml')

    def test_missing_or_huge(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match='write it with mmseg-ext ensemble'):
            Predictor(tmp_path / 'none.yaml')
        (tmp_path / 'huge.yaml').write_bytes(b' ' * 2_000_001)
        with pytest.raises(InputError, match='more than 1,048,576'):
            Predictor(tmp_path / 'huge.yaml')


class TestExport:
    @pytest.fixture
    def export(self, tmp_path: Path) -> Callable[..., tuple[Predictor, Predictor, Any]]:
        pytest.importorskip('torch')
        from mmseg_ext.inference.export_ensemble import export_ensemble

        def run(entries: list[Entry], images: list[np.ndarray]) -> tuple[Predictor, Predictor, Any]:
            write_ensemble(tmp_path / 'e.yaml', entries)
            agreement = export_ensemble(tmp_path / 'e.yaml', tmp_path / 'e.onnx', images)
            return Predictor(tmp_path / 'e.yaml'), Predictor(tmp_path / 'e.onnx'), agreement

        return run

    def test_members_of_one_size(
        self, tmp_path: Path, make_onnx: MakeOnnx, info: ModelInfo, export: Callable[..., Any]
    ) -> None:
        """Other normalisation and channel order, mirrored views, weights: the same probabilities."""
        wide = replace(info, size=(96.0, 64.0))
        shifted = replace(wide, channels='bgr', mean=(1.0, 2.0, 3.0), std=(7.0, 8.0, 9.0), tta_flip=False)
        entries = [
            Entry(make_onnx(tmp_path / 'a.onnx', wide, OTHER_WEIGHTS), weight=2.0, tta=True),
            Entry(make_onnx(tmp_path / 'b.onnx', shifted, OTHER_WEIGHTS[::-1])),
        ]
        original, exported, agreement = export(entries, [noise(), noise(64, 64), noise(40, 100)])
        image = noise()
        expected = original.predict(image).probabilities
        np.testing.assert_allclose(exported.predict(image).probabilities, expected, atol=1e-5)
        assert agreement.images == 3
        assert agreement.equal > 0.999
        assert exported.members[0].network.info.size == (96, 64)
        assert exported.members[0].network.info.tta_flip is False  # one member must not see mirror images
        # several images of one shape are one batch
        batch = [noise(), noise()]
        for one, other in zip(exported.predict(batch), original.predict(batch), strict=True):
            np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)

    def test_members_of_several_sizes(
        self, tmp_path: Path, make_onnx: MakeOnnx, info: ModelInfo, export: Callable[..., Any]
    ) -> None:
        """Sizes of one member share its weights; shrinking twice or once makes a small difference."""
        large = replace(info, size=(192.0, 192.0), tta_sizes=((128.0, 128.0), (192.0, 192.0)))
        small = replace(info, size=(128.0, 96.0))
        entries = [
            Entry(make_onnx(tmp_path / 'a.onnx', large, OTHER_WEIGHTS), tta=True),
            Entry(make_onnx(tmp_path / 'b.onnx', small, OTHER_WEIGHTS[[1, 2, 0]])),
        ]
        original, exported, agreement = export(entries, [smooth(200, 260), smooth(192, 192)])
        assert agreement.equal > 0.99
        image = smooth(230, 150)
        difference = np.abs(exported.predict(image).probabilities - original.predict(image).probabilities)
        assert difference.mean() < 0.01
        assert len({member.network.info.size for member in original.members}) == 2

    def test_one_output_and_two(
        self, tmp_path: Path, make_onnx: MakeOnnx, info: ModelInfo, export: Callable[..., Any]
    ) -> None:
        two = replace(info, classes=Classes(('background', 'cat'), ((0, 0, 0), (220, 60, 60))), size=(96.0, 64.0))
        entries = [
            Entry(make_onnx(tmp_path / 'a.onnx', replace(two, threshold=0.8), ONE_OUTPUT), weight=3.0),
            Entry(make_onnx(tmp_path / 'b.onnx', two, OTHER_WEIGHTS[:2])),
        ]
        original, exported, _ = export(entries, [noise()])
        image = noise()
        one, other = original.predict(image), exported.predict(image)
        np.testing.assert_allclose(other.probabilities, one.probabilities, atol=1e-5)
        np.testing.assert_array_equal(other.mask, one.mask)
        assert exported.members[0].network.info.threshold == pytest.approx(0.725)
        # The file has two outputs and a threshold, and may be a member itself.
        (tmp_path / 'e.onnx').rename(tmp_path / 'joined.onnx')
        nested, exported, _ = export([Entry(tmp_path / 'joined.onnx'), entries[0]], [noise()])
        one, other = nested.predict(image), exported.predict(image)
        np.testing.assert_allclose(other.probabilities, one.probabilities, atol=1e-5)
        np.testing.assert_array_equal(other.mask, one.mask)

    def test_tiles_are_refused_and_so_is_what_disagrees(
        self,
        tmp_path: Path,
        make_onnx: MakeOnnx,
        info: ModelInfo,
        export: Callable[..., Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        model = make_onnx(tmp_path / 'a.onnx', replace(info, size=(96.0, 64.0)), OTHER_WEIGHTS)
        with pytest.raises(InputError, match='uses sliding tiles'):
            export([Entry(model, mode='slide')], [noise()])
        from mmseg_ext.inference import export_ensemble

        monkeypatch.setattr(export_ensemble._Graph, 'mirror', lambda graph, image: graph.op('Neg', image))
        with pytest.raises(InputError, match='was not written') as caught:
            export([Entry(model, tta=True)], [noise()])
        assert caught.value.exit_code == 1
        assert not (tmp_path / 'e.onnx').exists()
