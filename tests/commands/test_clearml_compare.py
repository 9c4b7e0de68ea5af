"""Runs compared and searched by way of ClearML: the real SDK against a server on the loopback that can be asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clearml_server import QueryServer

pytest.importorskip('clearml')

Tool = Callable[..., subprocess.CompletedProcess[str]]
WriteConfig = Callable[..., Path]
OneLine = Callable[..., None]
Environment = dict[str, str]

BACKEND = (
    "visualizer = dict(vis_backends=[dict(type='mmseg_ext.ClearMLBackend', project='Tiere', probe_timeout=30)])\n"
    "custom_hooks = [*_base_.custom_hooks, dict(type='mmseg_ext.ClearMLHook', interval=1)]\n"
)
SEARCH = """
import sys
sys.path.insert(0, '.')
from mmseg_ext.workflows.search import agents
agents.search_on_queue.__defaults__ = (1, 0.02)
from clearml.automation import HyperParameterOptimizer
HyperParameterOptimizer._report_daemon = lambda self: None  # it sleeps for 15 s
from mmseg_ext.commands.main import run_verb
sys.argv = ['tools/search.py', *sys.argv[1:]]
run_verb('search')
"""


@pytest.fixture(scope='module')
def make_server() -> Iterator[Callable[[], QueryServer]]:
    servers = []

    def make() -> QueryServer:
        servers.append(QueryServer())
        return servers[-1]

    yield make
    for server in servers:
        server.silent.clear()
        server.kill()


def environment_of(server: Any, home: Path) -> Environment:
    unset = {name: '' for name in os.environ if name.startswith(('CLEARML_', 'TRAINS_'))}
    return {**unset, 'HOME': str(home), **server.environment()}


@pytest.fixture(scope='module')
def logged(
    make_server: Callable[[], Any], fast_tool: Tool, write_config: WriteConfig, tmp_path_factory: Any
) -> tuple[Any, Path, Environment]:
    """A server with two seeds of the tiny experiment, and their work dirs."""
    server, folder = make_server(), tmp_path_factory.mktemp('logged')
    environment = environment_of(server, folder)
    config = write_config(folder / 'tiny.py', BACKEND)
    for seed in (0, 1):
        result = fast_tool('train', config, '--work-dir', folder / f'run-s{seed}', '--seed', seed, env=environment)
        assert result.returncode == 0, result.stderr
    return server, folder, environment


def test_the_server_tells_what_the_folders_tell(
    logged: tuple[Any, Path, Environment], fast_tool: Tool, tmp_path: Path
) -> None:
    server, folder, environment = logged
    page = tmp_path / 'page.html'
    result = fast_tool('compare', '--clearml', 'Tiere', '--json', '-', '--out', page, env=environment)
    assert (result.returncode, result.stderr) == (0, '')
    remote = json.loads(result.stdout)
    local = json.loads(fast_tool('compare', folder / 'run-s0', folder / 'run-s1', '--json', '-').stdout)
    assert 'run-s1' in page.read_text()
    assert len(remote['runs']) == 2
    for there, here in zip(remote['runs'], local['runs'], strict=True):
        same = ('name', 'experiment', 'status', 'seed', 'parameters', 'gflops', 'commit')
        assert {name: there[name] for name in same} == {name: here[name] for name in same}
        assert there['minutes'] == pytest.approx(here['minutes'], abs=0.1)
        assert there['images_per_second'] > 0
        for name, score in here['scores']['val'].items():
            assert there['scores']['val'][name]['value'] == pytest.approx(score['value'], abs=1e-3)
        assert there['scores']['val']['mDice']['low'] is None
        assert there['hyperparameters'].keys() == here['hyperparameters'].keys()
        assert there['hyperparameters']['data_fingerprint'] == here['hyperparameters']['data_fingerprint']
    (group,) = remote['groups']
    assert (group['label'], group['seeds']) == ('run', [0, 1])
    assert not server.unknown


def test_tables_and_charts_are_published(
    logged: tuple[Any, Path, Environment], fast_tool: Tool, tmp_path: Path
) -> None:
    server, folder, environment = logged
    other = shutil.copytree(folder / 'run-s1', tmp_path / 'other-s1')
    record = json.loads((other / 'run.json').read_text())
    (other / 'run.json').write_text(json.dumps(record | {'config': 'other.py'}))
    project = next(project['id'] for project in server.projects.values() if project['name'] == 'Tiere')
    own = [task['id'] for task in server.tasks.values() if task['type'] == 'training']
    common = {'type': 'training', 'project': project, 'user': 'u', 'execution': {}, 'script': {}, 'last_iteration': 0}
    more = [
        {'id': 'broken', 'status': 'failed', 'status_message': 'out of memory'},
        {'id': 'draft', 'status': 'created'},
    ]
    more += [{'id': 'archived', 'status': 'completed', 'system_tags': ['archived']}]
    more += [{'id': 'elsewhere', 'status': 'completed', 'project': 'another'}]
    server.tasks |= {task['id']: {'name': task['id'], **common, **task} for task in more}
    before = len(server.events)
    arguments = ['compare', other, '--clearml', 'Tiere', '--markdown', '-', '--publish']
    result = fast_tool(*arguments, env=environment)
    for task in more:
        server.tasks.pop(task['id'])
    assert result.returncode == 0, result.stderr
    assert result.stderr == 'broken: failed: out of memory; has logged no val/mDice\n'
    lines = result.stdout.splitlines()
    (task,) = [task for task in server.tasks.values() if task['name'] == 'comparison']
    assert (task['type'], task['status'], task['project']) == ('qc', 'completed', project)
    assert lines[-2].startswith(f'published: {server.url}/projects/{project}/')
    assert task['id'] in lines[-2]
    ids = ','.join([own[1], own[0], 'broken'])  # the run that was given as a folder comes first, and once
    assert lines[-1] == f'compare: {server.url}/projects/{project}/compare-tasks;ids={ids}/scalars/graph'
    assert task['comment'] in lines[-1]
    assert {line.split(' | ')[0] for line in lines[2:4]} == {'| `other`', '| `tiny`'}

    plots = [event for event in server.events[before:] if event['type'] == 'plot']
    assert {event['task'] for event in plots} == {task['id']}
    places = {(event['metric'], event['variant']): json.loads(event['plot_str']) for event in plots}
    assert {metric for metric, _ in places} == {'table', 'curves', 'bars', 'confusion', 'pareto'}
    table = places['table', 'groups']['data'][0]
    assert table['cells']['values'][0] == ['other-s1', 'run-s0', 'broken']
    curve = next(trace for trace in places['curves', 'val/mDice']['data'] if trace['name'] == 'run-s0')
    logged_there = [e['value'] for e in server.events if e['task'] == own[0] and e.get('metric') == 'val/mDice']
    assert curve['y'] == pytest.approx(logged_there, abs=1e-3)
    assert not server.unknown

    first = fast_tool('compare', folder / 'run-s0', '--clearml', 'nirgends', env=environment)
    assert (first.returncode, first.stderr) == (
        2, 'error: --clearml nirgends: the server has no such project\n'
    )  # fmt: skip


def test_a_server_that_cannot_be_used_is_one_line(
    make_server: Callable[[], Any], fast_tool: Tool, tmp_path: Path, one_line: OneLine
) -> None:
    server = make_server()
    server.fail('refused')
    result = fast_tool('compare', '--clearml', 'Tiere', env=environment_of(server, tmp_path))
    one_line(result, 'cannot be reached (Connection refused)')


def test_wrong_use(fast_tool: Tool, tmp_path: Path, one_line: OneLine) -> None:
    unset = {name: '' for name in os.environ if name.startswith(('CLEARML_', 'TRAINS_'))}
    environment = {**unset, 'HOME': str(tmp_path)}
    one_line(fast_tool('compare', '--clearml', 'Tiere', env=environment), 'not configured', 'clearml-init')
    one_line(fast_tool('compare', tmp_path, '--publish'), '--publish', 'give one with --clearml')
    offline = {**environment, 'CLEARML_AUTH_TOKEN': 'x', 'CLEARML_OFFLINE_MODE': '1'}
    one_line(fast_tool('compare', '--clearml', 'Tiere', env=offline), 'CLEARML_OFFLINE_MODE', 'unset')
    space = ['--space', 'train_cfg.max_iters=1:64:log']
    one_line(fast_tool('search', 'x.py', *space), '--out', '--clearml-queue')
    one_line(fast_tool('search', 'x.py', '--out', 'x', '--clearml-queue', 'gpu', *space), '--out', '--clearml-queue')
    one_line(fast_tool('search', 'x.py', '--clearml-queue', 'gpu', *space), 'whole numbers', 'list the values')


def test_a_search_trains_on_agents(
    make_server: Callable[[], Any], fast_tool: Tool, write_config: WriteConfig, repo_root: Path, tmp_path: Path,
    tiny_data: Path, one_line: OneLine,
) -> None:  # fmt: skip
    pytest.importorskip('optuna')
    server = make_server()
    environment = environment_of(server, tmp_path)
    config = write_config(tmp_path / 'tiny.py', BACKEND)
    space = ['optim_wrapper.optimizer.lr=1e-4:1e-2:log', 'train_cfg.max_iters=3:4']
    arguments = [config, '--trials', '2', '--seed', '1', '--space', *space, '--cfg-options', 'train_cfg.val_interval=1']
    one_line(fast_tool('search', *arguments, '--clearml-queue', 'nowhere', env=environment), 'no such queue', 'gpu')
    assert not server.tasks
    searching = subprocess.Popen(
        [sys.executable, '-c', SEARCH, *map(str, arguments), '--clearml-queue', 'gpu'],
        cwd=repo_root, env={**os.environ, 'DEMO_DATA': str(tiny_data), **environment}, text=True,
        stdout=subprocess.PIPE, stderr=(tmp_path / 'stderr').open('w'),
    )  # fmt: skip
    enqueued: list[str] = []
    entries = server.queues['q1']['entries']
    while searching.poll() is None:
        if entries:
            enqueued.append(entries.pop(0))
            if len(enqueued) == 1:  # the first one is broken
                server.tasks[enqueued[0]]['status'] = 'failed'
                continue
            result = fast_tool('train', env={**environment, 'CLEARML_TASK_ID': enqueued[1]}, cwd=tmp_path)
            assert result.returncode == 0, result.stderr
            server.tasks[enqueued[1]]['status'] = 'completed'  # which an agent sets by the exit code
        time.sleep(0.1)
    out = searching.communicate()[0]
    assert searching.returncode == 0, (tmp_path / 'stderr').read_text()
    assert not server.unknown
    asked = [
        {name: entry['value'] for name, entry in server.tasks[identity]['hyperparams']['Args'].items()}
        for identity in enqueued
    ]
    rate = 'option.optim_wrapper.optimizer.lr'
    assert all(1e-4 <= float(arguments[rate]) <= 1e-2 for arguments in asked)
    assert len({arguments[rate] for arguments in asked}) == 2
    section = server.tasks[enqueued[1]]['hyperparams']['Hyperparameters']
    used = {name: entry['value'] for name, entry in section.items()}
    assert float(used['lr']) == pytest.approx(float(asked[1][rate]))
    assert used['iterations'] == asked[1]['option.train_cfg.max_iters']
    assert (tmp_path / 'work_dirs' / enqueued[1] / 'scalars.json').is_file()
    (own,) = [task for task in server.tasks.values() if task['type'] == 'optimizer']
    assert own['status'] == 'completed'
    assert {server.tasks[identity]['parent'] for identity in enqueued} == {own['id']}
    (draft,) = [t for t in server.tasks.values() if t['type'] == 'training' and t['id'] not in enqueued]
    assert (draft['status'], draft['script']['entry_point']) == ('created', 'tools/train.py')
    best = max(e['value'] for e in server.events if e.get('metric') == 'val/mDice' and e.get('variant') == 'mDice')
    assert f'{best:.2f}' in out
    assert 'failed' in out
    assert 'mmseg-ext compare --clearml Tiere' in out
    assert own['id'] in out
