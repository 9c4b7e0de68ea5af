"""The wheel, as a user has it: built, installed without the train packages, used in an empty folder."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

TRAIN = ('torch', 'mmengine', 'mmcv', 'mmseg', 'clearml', 'pyarrow')
SOURCES = ('mmseg_ext', 'configs', 'pyproject.toml', 'setup.py', 'README.md', 'LICENSE')
UNET = 'pets/fcn_unet-s5-d16_ce-sgd-100e_pets-256x256'

Run = Callable[..., subprocess.CompletedProcess[str]]


def top_level_names(wheel: Path) -> set[str]:
    """Names in site-packages of the dependencies of a wheel without extras, and of theirs."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        lines = archive.read(metadata).decode().splitlines()
    open_ = [line.partition(': ')[2] for line in lines if line.startswith('Requires-Dist: ')]
    names: set[str] = set()
    seen: set[str] = set()
    while open_:
        requirement = Requirement(open_.pop())
        if requirement.name in seen or (requirement.marker and not requirement.marker.evaluate({'extra': ''})):
            continue
        seen.add(requirement.name)
        try:
            found = importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            pytest.fail(f'{requirement.name}, on which the core depends, is not installed')
        names |= {file.parts[0] for file in found.files or () if file.parts[0] not in ('..', '__pycache__')}
        open_ += found.requires or []
    return names


@pytest.fixture(scope='module')
def wheel(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip('setuptools', minversion='77')
    folder = tmp_path_factory.mktemp('wheel')
    for name in SOURCES:  # a build leaves folders behind
        if (repo_root / name).is_dir():
            shutil.copytree(repo_root / name, folder / 'source' / name, ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy(repo_root / name, folder / 'source' / name)
    command = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '--no-index']
    done = subprocess.run(
        [*command, '-w', str(folder), str(folder / 'source')], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob('mmseg_ext-*.whl')
    return path


def test_an_editable_installation_is_not_shadowed_by_a_checkout_of_that_name(wheel: Path, tmp_path: Path) -> None:
    checkout = shutil.copytree(wheel.parent / 'source', tmp_path / 'mmseg_ext')
    code = f'from setuptools.build_meta import build_editable; build_editable({str(tmp_path)!r})'
    subprocess.run([sys.executable, '-c', code], cwd=checkout, check=True, capture_output=True)
    (built,) = tmp_path.glob('*.whl')
    with zipfile.ZipFile(built) as archive:
        (pth,) = (name for name in archive.namelist() if name.endswith('.pth'))
        (path,) = archive.read(pth).decode().split()
    # Without the site-packages of this environment, where mmseg_ext is installed too.
    code = f'import sys; sys.path.append({path!r}); import mmseg_ext; print(mmseg_ext.__file__)'
    clean = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    done = subprocess.run(
        [sys.executable, '-S', '-c', code], cwd=tmp_path, env=clean, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).samefile(checkout / 'mmseg_ext' / '__init__.py')


@pytest.fixture(scope='module')
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs `mmseg-ext` of an environment that holds the wheel and the dependencies of the core, and nothing else.

    With ``train=True``, the packages of the environment that runs the tests can be imported, too.
    """
    folder = tmp_path_factory.mktemp('installed')
    venv.create(folder / 'venv', symlinks=True)
    python = folder / 'venv' / 'bin' / 'python'
    command = [sys.executable, '-m', 'pip', '--python', str(python), 'install', '-q', '--no-deps', '--no-index']
    subprocess.run([*command, '--no-compile', str(wheel)], check=True, capture_output=True)
    (folder / 'packages').mkdir()
    for name in top_level_names(wheel):
        for path in (Path(entry) / name for entry in sys.path if (Path(entry) / name).exists()):
            (folder / 'packages' / name).symlink_to(path)
            break
    (site,) = (folder / 'venv' / 'lib').glob('python*/site-packages')
    (site / 'core.pth').write_text(f'{folder / "packages"}\n')

    def run(*arguments: str, cwd: Path, train: bool = False, program: str = 'mmseg-ext') -> subprocess.CompletedProcess:
        environment = {key: value for key, value in os.environ.items() if not key.startswith('PYTHON')}
        if train:
            environment['PYTHONPATH'] = sysconfig.get_path('purelib')
        return subprocess.run(
            [str(python.with_name(program)), *arguments], cwd=cwd, env={**environment, 'OMP_NUM_THREADS': '1'},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    return run


def test_it_holds_every_module_page_and_config(wheel: Path, repo_root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    package, configs = repo_root / 'mmseg_ext', repo_root / 'configs'
    files = [path for path in package.rglob('*') if path.suffix in ('.py', '.html', '.css', '.js')]
    assert {path.relative_to(repo_root).as_posix() for path in files} <= packed
    wanted = {f'mmseg_ext/configs/{path.relative_to(configs).as_posix()}' for path in configs.rglob('*.py')}
    assert len(wanted) > 40
    assert wanted <= packed
    assert {name.partition('/')[0] for name in packed if '.dist-info' not in name} == {'mmseg_ext'}


def test_the_core_works_alone_in_an_empty_folder(core: Run, tmp_path: Path) -> None:
    probe = f'import importlib.util; print([name for name in {TRAIN} if importlib.util.find_spec(name)])'
    assert core('-c', probe, program='python', cwd=tmp_path).stdout == '[]\n'

    def run(*arguments: str, code: int = 0) -> str:
        done = core(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (code, '')
        return done.stdout

    run('demo', 'pets', '--train', '4', '--val', '1', '--test', '1', '--size', '64', '--defects', '1')
    assert run('audit', 'pets', '--out', 'audit', '--fail-on', 'never', '--overwrite')
    summary = json.loads((tmp_path / 'audit' / 'audit.json').read_text())['summary']
    assert summary['images'] == 6
    assert (tmp_path / 'audit' / 'audit.html').is_file()
    run('labelme', 'export', 'pets', '--labels', 'labels', '--out', 'labelme')
    assert len(list((tmp_path / 'labelme').rglob('*.json'))) == 6
    assert 'Class balance' in run('stats', 'pets', '--out', 'stats')
    assert (tmp_path / 'stats' / 'statistics.md').is_file()
    run('clean', 'pets', '--labels', 'labels', '--to', 'labels_clean')
    assert (tmp_path / 'pets' / 'labels_clean' / 'cleaning.html').is_file()
    assert UNET in run('configs', '--names').split()
    bases = "print(*__import__('mmseg_ext').base_configs('models/fpn_r18', 'schedules/adamw_400it'), sep='\\n')"
    found = [Path(line) for line in core('-c', bases, program='python', cwd=tmp_path).stdout.splitlines()]
    assert [path.name for path in found] == ['fpn_r18.py', 'adamw_400it.py']
    assert all(path.is_file() and 'site-packages' in path.parts for path in found)
    refused = core('train', UNET, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.endswith('is not installed: pip install -e ".[train]" in the checkout\n')
    assert refused.stderr.count('\n') == 1


def test_with_the_train_packages_configs_are_found_by_name(core: Run, tmp_path: Path) -> None:
    pytest.importorskip('mmseg')
    assert UNET in core('configs', 'unet', cwd=tmp_path, train=True).stdout
    shown = core('train', '--help', cwd=tmp_path, train=True)
    assert (shown.returncode, shown.stderr) == (0, '')
    assert shown.stdout.startswith('usage: mmseg-ext train ')
    sizes = core('model-sizes', UNET, '_base_/models/fpn_r18', '--size', '32', cwd=tmp_path, train=True)
    assert (sizes.returncode, sizes.stderr) == (0, '')
    assert Path(UNET).name in sizes.stdout
