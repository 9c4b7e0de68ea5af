"""requirements.txt (what was tested together) against pyproject.toml (what is allowed)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.fixture(scope='module')
def project(repo_root: Path) -> dict:
    return tomllib.loads((repo_root / 'pyproject.toml').read_text(encoding='utf-8'))['project']


@pytest.fixture(scope='module')
def pins(repo_root: Path) -> dict[str, str]:
    found = {}
    for line in (repo_root / 'requirements.txt').read_text(encoding='utf-8').splitlines():
        if line and not line.startswith('#'):
            (specifier,) = (requirement := Requirement(line)).specifier
            assert specifier.operator == '==', line
            found[canonicalize_name(requirement.name)] = specifier.version
    return found


def by_name(lines: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, lines)}


def test_the_pins_are_the_core_and_the_train_extra(project: dict, pins: dict[str, str]) -> None:
    allowed = by_name(project['dependencies'] + project['optional-dependencies']['train'])
    assert set(pins) == set(allowed)
    outside = {name: str(allowed[name]) for name, pin in pins.items() if not allowed[name].specifier.contains(pin)}
    assert outside == {}


def test_every_range_has_a_floor(project: dict) -> None:
    extras = project['optional-dependencies']
    exact = ('dev', 'docs', 'weights')
    lines = [*project['dependencies'], *(line for name, extra in extras.items() if name not in exact for line in extra)]
    assert [line for line in lines if '>=' not in line] == []


def test_the_dev_tools_are_exact(project: dict) -> None:
    assert [line for line in project['optional-dependencies']['dev'] if '==' not in line] == []


def test_the_licence_is_the_standard_text(project: dict, repo_root: Path) -> None:
    assert project['license'] == 'Apache-2.0'
    text = (repo_root / 'LICENSE').read_text(encoding='utf-8')
    assert 'Apache License\n                           Version 2.0, January 2004' in text
    assert 'END OF TERMS AND CONDITIONS' in text
