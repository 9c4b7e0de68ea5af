from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from mmseg_ext.eda.audit.item_checks import MASK_CHECKS
from mmseg_ext.eda.audit.rules import RULES, compares_images, read_rules
from mmseg_ext.errors import InputError


def test_every_check_has_a_rule_with_just_its_thresholds() -> None:
    for name, check in MASK_CHECKS.items():
        wanted = [p.name for p in inspect.signature(check).parameters.values() if p.kind is p.KEYWORD_ONLY]
        assert list(RULES[name].thresholds) == wanted


def test_file_then_settings(tmp_path: Path) -> None:
    path = tmp_path / 'rules.toml'
    path.write_text('[fragments]\nmost = 8\nseverity = "error"\n[noise]\nbelow = 4\n')
    rules = read_rules(path, ['fragments.most=9', 'pinholes.severity=off'])
    assert rules['fragments'].thresholds == {'most': 9}
    assert rules['fragments'].severity == 'error'
    assert rules['noise'].thresholds == {'below': 4}
    assert rules['pinholes'].severity == 'off'
    assert rules['holes'] == RULES['holes']
    assert read_rules() == RULES


def test_off_is_off() -> None:
    assert compares_images(RULES)
    off = [f'{check}.severity=off' for check in ('duplicate_image', 'split_leak', 'conflicting_masks')]
    assert compares_images(read_rules(settings=off[:2]))
    assert not compares_images(read_rules(settings=off))


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('[fragmens]\nmost = 8\n', ['fragmens', 'fragments']),
        ('[fragmens]\n', ['fragmens', 'fragments']),
        ('[fragments]\nmoust = 8\n', ['moust', 'most']),
        ('[fragments]\nmost = "8"\n', ['fragments.most', "'8'"]),
        ('[fragments]\nmost = true\n', ['fragments.most', 'True']),
        ('[fragments]\nmost = nan\n', ['fragments.most', 'nan']),
        ('[fragments]\nmost = -1\n', ['fragments.most', '-1']),
        ('[fragments]\nseverity = "loud"\n', ['severity', 'loud', 'warning']),
        ('most = 8\n', ['most']),
        ('[fragments\n', ['TOML']),
    ],
)
def test_wrong_file(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / 'rules.toml'
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_rules(path)
    for word in ['rules.toml', *words]:
        assert word in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('setting', ['fragments', 'fragments=8', 'x.most=8', 'fragments.x=8', 'fragments.most=many'])
def test_wrong_setting(setting: str) -> None:
    with pytest.raises(InputError, match=re.escape(f'`settings={setting}`')):
        read_rules(settings=[setting])


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'no\.toml'):
        read_rules(tmp_path / 'no.toml')


def test_the_documented_defaults_are_the_defaults(repo_root: Path) -> None:
    rows = re.findall(r'^\| `(\w+)` \|.*$', text := (repo_root / 'docs' / 'audit.md').read_text(), re.MULTILINE)
    assert rows == list(RULES)
    for check, rule in RULES.items():
        row = next(line for line in text.splitlines() if line.startswith(f'| `{check}` |'))
        cells = [cell.strip() for cell in row.strip('|').split('|')]
        stated = {name: float(number) for name, number in re.findall(r'`(\w+)` ([\d.]+)', cells[2])}
        assert stated == rule.thresholds, check
        assert cells[3] == rule.severity, check
