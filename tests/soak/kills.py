"""SIGKILLs of the commands that write: ``python -m tests.soak.kills --kills 12 --seed 0``.

A command runs on toy data, is killed at a random moment and started again, until it has been killed ``--kills`` times;
then it may end. Half of the moments are random times, half the moment before a random operation on files (an `open` to
write, a rename, a removal). After each kill the sources must be as they were, whatever counts as a finished result
complete, and no process left; at the end the result must be that of a run without kills, and nothing hidden be left.
The command ends with 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).parents[2]
CHILDREN_TIMEOUT_S = 60  # for the processes of a killed command to end; the machine may be busy
EXACT = ('.png', '.jpg', '.npz', '.yaml', '.csv', '.txt')  # files without times and paths: the same bytes each time

# Kills the process before the operation on files number KILL_AT; counts them into KILL_COUNT.
HOOK = """
import atexit, os, signal, sys
at, count_file, folder = int(os.environ.pop('KILL_AT')), os.environ.pop('KILL_COUNT'), os.environ.pop('KILL_FOLDER')
count, begun = 0, False
def hook(event, args):
    global count, begun
    if event not in ('open', 'os.rename', 'os.remove', 'os.mkdir', 'os.rmdir'):
        return
    if event == 'open' and not (isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)):
        return
    begun = begun or folder in str(args[0])
    if begun:
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
def note():
    with open(count_file, 'w') as stream:
        stream.write(str(count))
atexit.register(note)
"""


@dataclass
class Case:
    """A command that is killed.

    Attributes:
        make: Writes its sources into a folder.
        command: Its arguments, relative to that folder; the result is ``out``.
        check: Fails where a finished result in ``out`` is not complete: takes the folder, and that of the reference.
        sources: What must stay as it is.
        environment: Further variables.
        before: A command before each fresh start, which writes an earlier result for ``--overwrite``.
        redone: What a fresh start lacks of a finished result, so that only this is done; by default everything.
        exact: Whether a repeated run writes the same bytes.
    """

    make: Callable[[Path], None]
    command: tuple[str, ...]
    check: Callable[[Path, Path], None]
    sources: tuple[str, ...] = ('data',)
    environment: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] | None = None
    redone: tuple[str, ...] = ()
    exact: bool = True


def make_data(folder: Path) -> None:
    """A data set of a few small images."""
    from mmseg_ext.demo import DemoSettings, make_demo_data

    make_demo_data(folder / 'data', DemoSettings(train=8, val=4, test=4, size=64))


def make_experiment(folder: Path) -> None:
    """The same with the tiny experiment of the tests."""
    sys.path.insert(0, str(REPOSITORY / 'tests/commands'))
    from conftest import BASE, TINY  # type: ignore[import-not-found]

    make_data(folder)
    (folder / 'tiny.py').write_text(TINY.format(base=REPOSITORY / BASE))


def make_shapes(folder: Path) -> None:
    """Drawn shapes for ``auto``."""
    sys.path.insert(0, str(REPOSITORY / 'tests/support'))
    from drawn_shapes import make_drawn_shapes  # type: ignore[import-not-found]

    make_drawn_shapes(folder / 'data', side=32, train=10, val=2)


def tree(folder: Path) -> dict[str, str]:
    """Relative path → digest of each file."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def compare(found: Path, wanted: Path, exact: bool = True) -> None:
    """Fail where two results differ in their names or, of files that hold no times, in their bytes."""
    one, other = tree(found), tree(wanted)
    assert one.keys() == other.keys(), f'{found}: files differ: {sorted(one.keys() ^ other.keys())[:5]}'
    if exact:
        differing = [name for name in one if one[name] != other[name] and name.endswith(EXACT)]
        assert not differing, f'{found}: {differing[:5]} differ'
    check_files(found)


def check_files(folder: Path) -> None:
    """Fail where a file that has its final name cannot be read."""
    from mmseg_ext.data import read_image

    for path in folder.rglob('*'):
        if not path.is_file() or path.name.startswith('.'):
            continue
        if path.suffix == '.json' and path.name != 'scalars.json':
            json.loads(path.read_text())
        elif path.suffix in ('.png', '.jpg'):
            read_image(path)
        elif path.suffix == '.npz':
            with np.load(path) as arrays:
                assert all(arrays[name].size for name in arrays)


def whole(out: Path, reference: Path) -> None:
    """For results that appear as a unit: there is nothing, or all."""
    if out.exists():
        compare(out, reference)


def old_or_new(out: Path, reference: Path) -> None:
    """For results that replace another: there is the old one, the new one, or, between two renames, none."""
    if out.exists():
        try:
            compare(out, reference)
        except AssertionError:
            compare(out, reference.with_name('before'))


def convertible(out: Path, reference: Path) -> None:
    """For conversions: complete where there is a dataset.yaml; each file under its final name is as it should be."""
    if not out.exists():
        return
    wanted = tree(reference)
    for name, digest in tree(out).items():
        if not Path(name).name.startswith('.') and name.endswith(EXACT):
            assert wanted.get(name) == digest, name
    if (out / 'dataset.yaml').is_file():
        assert not {name for name in wanted if name not in tree(out)}


def steps(*marks: str) -> Callable[[Path, Path], None]:
    """For commands of several steps: where a mark is there, so is all that the reference has in its folder."""

    def check(out: Path, reference: Path) -> None:
        if not out.exists():
            return
        check_files(out)
        for mark in marks:
            if (out / mark).is_file() and (folder := (out / mark).parent) != out:
                lacks = tree((reference / mark).parent).keys() - tree(folder).keys()
                assert not {name for name in lacks if not name.startswith(('log/', '2'))}, f'{mark}: lacks {lacks}'

    return check


RANK = ('rank', 'data', 'tiny.py', '--folds', '2', '--sides', '64', '--top', '3', '--out', 'out')
RANKED = ('ranking.csv', 'ranking.json', 'ranking.html', 'queue.txt', 'labelme', 'suggestions')
SPACE = 'optim_wrapper.optimizer.lr=1e-5:1e-3:log'
AUTO = ('auto', 'data', '--out', 'out', '--minutes', '0.27', '--device', 'cpu', '--backbone', 'scratch')
AUTO_STEPS = steps('audit/audit.html', 'test/metrics.json', 'errors/errors.json')
REMAP = ('remap', 'data', '--labels', 'labels', '--to', 'out', '--map', '1=dog', '2=cat', '--keep-others')
CONVERT = 'convert', 'folder', 'data/img/train', 'data/labels/train', 'out', '--classes', 'background,cat,dog'
TILE = ('tile', 'data', '--out', 'out', '--size', '24', '--overlap', '4')
CASES = {
    'tile': Case(make_data, TILE, whole),
    'tile --overwrite': Case(
        make_data, (*TILE, '--overwrite'), old_or_new, before=(*TILE[:-4], '--size', '32', '--overlap', '4')
    ),
    'convert': Case(make_data, CONVERT, convertible),
    'audit --overwrite': Case(
        make_data, ('audit', 'data', '--out', 'out', '--overwrite'), lambda out, _: check_files(out), exact=False,
        before=('audit', 'data', '--labels', 'labels_true', '--out', 'out'),
    ),
    'remap': Case(make_data, REMAP, whole),
    'rank': Case(make_experiment, RANK, steps(), environment={'DEMO_DATA': 'data'}),
    'search': Case(
        make_experiment, ('search', 'tiny.py', '--trials', '2', '--out', 'out', '--space', SPACE), steps(),
        environment={'DEMO_DATA': 'data'}, exact=False,
    ),
    'auto': Case(make_shapes, AUTO, AUTO_STEPS, exact=False),
    'rank, trained': Case(make_experiment, RANK, steps(), environment={'DEMO_DATA': 'data'}, redone=RANKED),
    'auto, tested': Case(make_shapes, AUTO, AUTO_STEPS, exact=False, redone=('audit', 'errors', 'index.html')),
}  # fmt: skip


class Runner:
    """Starts a case's command in a folder, and kills it."""

    def __init__(self, case: Case, folder: Path, rng: random.Random) -> None:
        self.case, self.folder, self.rng = case, folder, rng
        self.hook = folder / 'hook'
        self.hook.mkdir()
        (self.hook / 'sitecustomize.py').write_text(HOOK)

    def start(self, arguments: Sequence[str], at: int | None = None) -> subprocess.Popen[str]:
        """Start a command in a session of its own."""
        environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPOSITORY), **self.case.environment}
        if at is not None:
            environment['PYTHONPATH'] = f'{self.hook}{os.pathsep}{REPOSITORY}'
            environment |= {'KILL_AT': str(at), 'KILL_COUNT': str(self.hook / 'count'), 'KILL_FOLDER': 'out'}
        command = [sys.executable, '-B', '-m', 'mmseg_ext', *arguments]
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, start_new_session=True, text=True,
            stdout=subprocess.DEVNULL, stderr=(self.folder / 'errors.txt').open('w'),
        )  # fmt: skip

    def run(self, arguments: Sequence[str], at: int | None = None) -> tuple[int, float]:
        """Run a command to its end; return its exit code and the seconds that it took."""
        began = time.monotonic()
        code = self.start(arguments, at).wait()
        return code, time.monotonic() - began

    def errors(self) -> str:
        """What the last command printed to stderr."""
        return (self.folder / 'errors.txt').read_text()


def processes_of(session: int) -> list[str]:
    """Return the processes of a session that still live."""
    found = []
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = path.read_text().rpartition(')')[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != 'Z':
            found.append(path.parent.name)
    return found


def wait_for_end(session: int) -> None:
    """Fail where processes of a killed command live on."""
    until = time.monotonic() + CHILDREN_TIMEOUT_S
    while left := processes_of(session):
        assert time.monotonic() < until, f'processes {left} are left'
        time.sleep(0.1)


def run_case(name: str, kills: int, seed: int, root: Path) -> list[str]:
    """Kill a command ``kills`` times; return what was wrong, and print what was seen."""
    case, rng = CASES[name], random.Random(f'{name}/{seed}')
    folder = root / name.replace(' ', '').replace(',', '-')
    folder.mkdir()
    case.make(folder)
    runner = Runner(case, folder, rng)
    out = folder / ('data/out' if 'remap' in name else 'out')
    reference = root / f'{folder.name}-reference/new'
    reference.parent.mkdir()
    if case.before:
        assert runner.run(case.before)[0] in (0, 1), runner.errors()
        shutil.copytree(out, reference.with_name('before'))
    code, seconds = runner.run(case.command, at=0)
    assert code in (0, 1), runner.errors()
    operations = int((runner.hook / 'count').read_text())
    shutil.move(out, reference)

    def prepare() -> None:
        if case.before and not list(folder.glob('.out-*')):
            runner.run(case.before)
        if case.redone:
            shutil.copytree(reference, out)
            for redone in case.redone:
                shutil.rmtree(out / redone) if (out / redone).is_dir() else (out / redone).unlink()

    if case.redone:
        prepare()
        code, seconds = runner.run(case.command, at=0)
        operations = int((runner.hook / 'count').read_text())
        compare(out, reference, case.exact)
    sources = {source: tree(folder / source) for source in case.sources}
    seen, wrong = Counter[str](), []
    done = 0
    begun = time.monotonic()
    while done < kills:
        if not out.exists():
            prepare()
        at = rng.randint(1, operations) if done % 2 else None
        process = runner.start(case.command, at)
        try:
            process.wait(None if at else seconds * rng.uniform(0.2, 1))
        except subprocess.TimeoutExpired:
            process.kill()
        code = process.wait()
        moment = f'{name}, seed {seed}, kill {done} ' + (f'at operation {at}' if at else 'at a time')
        try:
            wait_for_end(process.pid)
            for source, content in sources.items():
                now = {
                    key: value for key, value in tree(folder / source).items() if not key.startswith(('out/', '.out-'))
                }
                assert now == content, f'{source} has changed'
            case.check(out, reference)
            if code == -signal.SIGKILL:
                done += 1
                seen['killed' + (', result there' if out.exists() else '')] += 1
            elif code in (0, 1):
                seen['finished before the kill'] += 1
                compare(out, reference, case.exact)
                check_leftovers(folder, moment)
                shutil.rmtree(out)
            else:
                line = runner.errors().strip()
                assert '\n' not in line, line[-1500:]
                assert line.startswith('error: '), line
                assert 'out' in line, line
                seen[f'refused: {line.partition("out")[2][:60]}'] += 1
                shutil.rmtree(out)
        except AssertionError as error:
            wrong.append(f'{moment}: {str(error)[:1500]}')
            shutil.rmtree(out, ignore_errors=True)
            done += 1
    code, _ = runner.run(case.command)
    try:
        if code == 2 and '--overwrite' in runner.errors():
            seen['at the end: refused, names --overwrite'] += 1
        else:
            assert code in (0, 1), runner.errors()[-1500:]
        compare(out, reference, case.exact) if 'search' not in name else check_files(out)
        check_leftovers(folder, name)
    except AssertionError as error:
        wrong.append(f'{name}, at the end: {str(error)[:1500]}')
    minutes = (time.monotonic() - begun) / 60
    print(
        f'{name}: {done} kills, {len(wrong)} faults, {operations} operations, {minutes:.1f} min; {dict(seen)}',
        flush=True,
    )
    return wrong


def check_leftovers(folder: Path, moment: str) -> None:
    """Fail where a finished run has left something hidden beside or in its result."""
    left = [str(path.relative_to(folder)) for path in folder.rglob('.*') if path.name != '.lock']
    assert not left, f'{moment}: left {left[:5]}'


def run_review(kills: int, seed: int, root: Path) -> list[str]:
    """Kill the page of a review while it takes decisions: what it has acknowledged must be there."""
    from mmseg_ext.data import read_mask

    rng = random.Random(f'review/{seed}')
    folder = root / 'review'
    folder.mkdir()
    make_data(folder)
    target = folder / 'data/reviewed'
    runner = Runner(Case(make_data, (), whole), folder, rng)
    sources = tree(folder / 'data')
    acknowledged: dict[str, np.ndarray] = {}
    wrong: list[str] = []
    lines = decisions = done = 0
    command = ('review', 'data', '--to', 'reviewed', '--port', '0')
    while done < kills:
        at = rng.randint(1, 60) if done % 2 else 0
        environment = {'KILL_AT': str(at), 'KILL_COUNT': str(runner.hook / 'count'), 'KILL_FOLDER': 'reviewed'}
        process = subprocess.Popen(
            [sys.executable, '-B', '-m', 'mmseg_ext', *command], cwd=folder, text=True, stdout=subprocess.PIPE,
            stderr=(folder / 'errors.txt').open('w'), start_new_session=True,
            env={**os.environ, **environment, 'PYTHONPATH': f'{runner.hook}{os.pathsep}{REPOSITORY}'},
        )  # fmt: skip
        assert process.stdout is not None
        line = next((line for line in process.stdout if line.startswith('http')), '')
        until = time.monotonic() + rng.uniform(0.05, 2) + 60 * bool(at)
        pending: tuple[str, np.ndarray] | None = None
        try:
            if line:
                port = int(line.split('/')[2].rpartition(':')[2])
                keys = [entry['key'] for entry in json.loads(ask(port, 'GET', '/state')[1])['entries']]
            elif process.wait() != -signal.SIGKILL:
                raise AssertionError(f'does not start: {runner.errors()}')
            while line and time.monotonic() < until:
                key = rng.choice(keys)
                name = key.replace('/', '%2F')
                item = json.loads(ask(port, 'GET', f'/item?key={name}')[1])
                mask = np.frombuffer(ask(port, 'GET', f'/mask?key={name}')[1], np.uint8).reshape(
                    item['height'], item['width']
                )
                if key in acknowledged and not np.array_equal(mask, acknowledged[key]):
                    wrong.append(f'kill {done}: the decision on {key} is lost')
                new = np.roll(mask, 1, 0)
                pending = key, new
                status, _ = ask(
                    port, 'POST', f'/decision?key={name}&kind=edit', new.tobytes(), {'If-Match': f'"{item["version"]}"'}
                )
                assert status == 200, status
                acknowledged[key], pending = new, None
                decisions += 1
                lines += 1
            process.kill()
        except (OSError, http.client.HTTPException):
            pass
        except AssertionError as error:
            wrong.append(f'kill {done}: {error}')
            process.kill()
        process.wait()
        process.stdout.close()
        done += 1
        wait_for_end(process.pid)
        now = {
            key: value for key, value in tree(folder / 'data').items() if not key.startswith(('reviewed', '.reviewed'))
        }
        if now != sources:
            wrong.append(f'kill {done}: sources have changed')
        if pending is not None:  # it may be there or not; whole in either case
            mask = read_mask(target / f'{pending[0]}.png')
            old = acknowledged.get(pending[0], read_mask(folder / 'data/labels' / f'{pending[0]}.png'))
            if not np.array_equal(mask, pending[1]) and not np.array_equal(mask, old):
                wrong.append(f'kill {done}: {pending[0]} is neither old nor new')
            acknowledged[pending[0]] = mask
        check_files(target) if target.exists() else None
        journal = target / 'review.jsonl'
        if journal.is_file():
            written = journal.read_text().splitlines()
            if not lines <= len(written) <= lines + 1:
                wrong.append(f'kill {done}: {lines} decisions were acknowledged, {len(written)} are in the journal')
            lines = len(written)
    left = [str(path.relative_to(folder)) for path in folder.rglob('.*')]
    if left:
        wrong.append(f'review: left {left[:5]} ({len(left)})')
    print(f'review: {done} kills, {len(wrong)} faults, {decisions} decisions', flush=True)
    return wrong


def ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Send a request; return status and body."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def main() -> int:
    """Parse, kill, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=12)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--cases', help='some of them, separated by semicolons (default: all)')
    args = parser.parse_args()
    names = args.cases.split(';') if args.cases else ['review', *CASES]
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix='mmseg-ext-kills-') as root:
        for name in names:
            if name == 'review':
                wrong += run_review(args.kills, args.seed, Path(root))
            else:
                wrong += run_case(name, args.kills, args.seed, Path(root))
    print(*wrong, sep='\n')
    return int(bool(wrong))


if __name__ == '__main__':
    sys.exit(main())
