from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.commands.ranking_quality import main
from mmseg_ext.data.masks import write_mask
from mmseg_ext.errors import InputError

PALETTE = [(0, 0, 0), (255, 0, 0), (0, 255, 0)]


def test_the_command_measures_every_score_against_the_corrected_masks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import cv2

    data, ranking = tmp_path / 'data', tmp_path / 'ranking'
    (data / 'img' / 'train').mkdir(parents=True)
    (data / 'dataset.yaml').write_text('classes: [background, cat]\npalette: [[0,0,0],[255,0,0]]\n')
    true = np.zeros((32, 32), np.uint8)
    true[8:24, 8:24] = 1
    half = true.copy()
    half[:, 16:] = 0
    for number, stem in enumerate('abc'):
        noise = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(data / 'img' / 'train' / f'{stem}.png'), noise)
        write_mask(data / 'labels' / 'train' / f'{stem}.png', half if stem == 'b' else true, PALETTE[:2])
        write_mask(data / 'fixed' / 'train' / f'{stem}.png', true, PALETTE[:2])
    rows = [
        {'rank': i, 'stem': s, 'good': g, 'bad': 1 - g}
        for i, (s, g) in enumerate(zip('bac', (0.1, 0.5, 0.9), strict=True))
    ]
    ranking.mkdir()
    content = {'settings': {'labels': 'labels', 'split': 'train'}, 'rows': rows}
    (ranking / 'ranking.json').write_text(json.dumps(content))
    assert main([str(ranking), str(data), '--truth', 'fixed', '--out', str(tmp_path / 'out.json')]) == 0
    measured = json.loads((tmp_path / 'out.json').read_text())
    assert (measured['masks'], measured['wrong'], measured['severe']) == (3, 1, 0)
    assert measured['scores']['good']['average_precision'] == 1
    assert measured['scores']['bad']['average_precision'] == pytest.approx(1 / 3, abs=1e-4)
    assert 'audit findings' in measured['scores']
    assert '3 masks, 1 wrong' in capsys.readouterr().out

    other = tmp_path / 'other'
    other.mkdir()
    rows = [{**row, 'good': row['bad'], 'bad': row['good']} for row in rows]
    (other / 'ranking.json').write_text(json.dumps({**content, 'rows': rows}))
    arguments = [str(ranking), str(other), str(data), '--truth', 'fixed', '--out', str(tmp_path / 'both.json')]
    assert main(arguments) == 0
    with pytest.raises(InputError, match=r'both\.json: exists'):
        main(arguments)
    assert main([*arguments, '--overwrite']) == 0
    assert 'mean and worst of 2 rankings' in capsys.readouterr().out
    both = json.loads((tmp_path / 'both.json').read_text())
    assert both['rankings'][str(ranking)] == measured
    assert both['spread']['good']['average_precision'] == {'mean': pytest.approx(2 / 3, abs=1e-3), 'worst': 0.3333}
