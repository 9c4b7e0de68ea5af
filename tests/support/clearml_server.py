"""Stand-in for ClearML's API and file server on the loopback, which keeps what arrives.

It answers the SDK's requests: login, projects, tasks, events, models, queues, files. It can also fail as real servers
do: refuse, fall silent, answer 401 or 503, die and come back on the same port.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import hashlib
import json
import re
import socket
import threading
import time
import uuid
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

API_VERSION = '2.30'
SINGLE_VALUE_STEP = -(2**31)  # the iteration under which the SDK reports single values


def token() -> str:
    parts = [{'alg': 'none'}, {'exp': int(time.time()) + 86400, 'api_version': API_VERSION, 'server_version': '1.16.0'}]
    return (
        '.'.join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip('=') for part in parts) + '.c2ln'
    )


class ContractServer:
    """Attributes hold what has arrived: ``tasks`` and ``models`` by id, ``events`` in order, ``files`` by path."""

    def __init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.projects: dict[str, dict[str, Any]] = {}
        self.queues = {'q1': {'id': 'q1', 'name': 'gpu', 'entries': []}}
        self.events: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.calls: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.statuses: list[tuple[str, str]] = []
        self.status = 200  # 401 and 503: the answer to everything
        self.broken: set[str] = set()  # endpoints that answer 500
        self.silent = threading.Event()
        self.port = 0
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None
        self.start()

    def fail(self, failure: str) -> None:
        """Answer every request with one failure: ``refused``, ``silent``, ``unauthorized`` or ``unavailable``."""
        if failure == 'refused':
            self.kill()
        elif failure == 'silent':
            self.silent.set()
        else:
            self.status = {'unauthorized': 401, 'unavailable': 503}[failure]

    def start(self) -> None:
        """Listen; after `kill`, on the same port."""
        contract = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def setup(self) -> None:
                super().setup()
                contract._connections.add(self.connection)

            def finish(self) -> None:
                contract._connections.discard(self.connection)
                super().finish()

            def log_message(self, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                contract._handle(self)

            do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *args: Any) -> None:
                pass

        self._server = Server(('127.0.0.1', self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def kill(self) -> None:
        """Refuse connections and cut those that are open."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.port}'

    def environment(self) -> dict[str, str]:
        """What configures the SDK for this server."""
        return {
            **{f'CLEARML_{name}_HOST': self.url for name in ('API', 'WEB', 'FILES')},
            'CLEARML_API_ACCESS_KEY': 'key',
            'CLEARML_API_SECRET_KEY': 'secret',
        }

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get('Content-Length') or 0)
        body = request.rfile.read(length)
        if self.silent.is_set():
            while self.silent.is_set() and self._server is not None:
                time.sleep(0.05)
            request.close_connection = True
            return
        path = request.path.partition('?')[0]
        call = re.fullmatch(r'/(?:v[\d.]+/)?([a-z_]+\.[a-z_]+)/?', path)
        code, content = self.status, b''
        if call is not None:
            name = call[1]
            self.calls[name] += 1
            if self.status == 200 and name in self.broken:
                code = 500
            data: dict[str, Any] = {}
            with self._lock:
                if code == 200:
                    data = self._call(name, _parse(name, body))
            meta = {'result_code': code, 'result_subcode': 0, 'id': 'r', 'trx': 'r', 'endpoint': {'name': name}}
            meta |= {'result_msg': 'OK' if code == 200 else 'refused', 'error_stack': None}
            content = json.dumps({'meta': meta, 'data': data}).encode()
        elif request.command in ('POST', 'PUT'):
            if self.status == 200:
                self.files.update(_form(request.headers.get('Content-Type', ''), body) or {path: body})
        elif path in self.files:
            content = self.files[path]
        else:
            code = 404
        request.send_response(code)
        request.send_header('Content-Type', 'application/json')
        request.send_header('Content-Length', str(len(content)))
        request.end_headers()
        if request.command != 'HEAD':
            request.wfile.write(content)

    def _call(self, name: str, body: Any) -> dict[str, Any]:
        service, _, action = name.partition('.')
        handler = getattr(self, f'_{service}_{action}', None)
        if handler is None:
            self.unknown[name] += 1
            return {}
        answer: dict[str, Any] = handler(body)
        return answer

    def _auth_login(self, body: dict[str, Any]) -> dict[str, Any]:
        return {'token': token()}

    def _debug_ping(self, body: dict[str, Any]) -> dict[str, Any]:
        return {'msg': 'pong'}

    def _users_get_current_user(self, body: dict[str, Any]) -> dict[str, Any]:
        return {'user': {'id': 'u', 'name': 'u', 'company': {'id': 'c', 'name': 'c'}}}

    def _projects_get_all(self, body: dict[str, Any]) -> dict[str, Any]:
        name = (body.get('name') or '').strip('^$').replace('\\', '')
        return {'projects': [project for project in self.projects.values() if not name or project['name'] == name]}

    _projects_get_all_ex = _projects_get_all

    def _projects_create(self, body: dict[str, Any]) -> dict[str, Any]:
        identity = uuid.uuid4().hex
        self.projects[identity] = {'id': identity, 'default_output_destination': None, **body}
        return {'id': identity}

    def _projects_get_by_id(self, body: dict[str, Any]) -> dict[str, Any]:
        return {'project': self.projects[body['project']]}

    def _tasks_create(self, body: dict[str, Any]) -> dict[str, Any]:
        identity = uuid.uuid4().hex
        own = {'id': identity, 'status': 'created', 'last_iteration': 0, 'user': 'u', 'output': {'destination': ''}}
        self.tasks[identity] = {**own, 'execution': {}, 'script': {}, **body}
        return {'id': identity}

    def _tasks_get_by_id(self, body: dict[str, Any]) -> dict[str, Any]:
        return {'task': self.tasks[body['task']]}

    def _tasks_get_all(self, body: dict[str, Any]) -> dict[str, Any]:
        wanted = body.get('id')
        found = (
            [self.tasks[identity] for identity in wanted if identity in self.tasks]
            if wanted
            else list(self.tasks.values())
        )
        name = body.get('name')
        return {'tasks': [task for task in found if not name or re.search(name, task.get('name', ''))]}

    _tasks_get_all_ex = _tasks_get_all

    def _tasks_edit(self, body: dict[str, Any]) -> dict[str, Any]:
        self.tasks[body['task']] |= {key: value for key, value in body.items() if key not in ('task', 'force')}
        return {'updated': 1, 'fields': {}}

    _tasks_update = _tasks_edit

    def _tasks_edit_hyper_params(self, body: dict[str, Any]) -> dict[str, Any]:
        sections = self.tasks[body['task']].setdefault('hyperparams', {})
        for parameter in body['hyperparams']:
            sections.setdefault(parameter['section'], {})[parameter['name']] = parameter
        return {'updated': 1}

    def _tasks_edit_configuration(self, body: dict[str, Any]) -> dict[str, Any]:
        sections = self.tasks[body['task']].setdefault('configuration', {})
        sections |= {entry['name']: entry for entry in body['configuration']}
        return {'updated': 1}

    def _tasks_get_hyper_params(self, body: dict[str, Any]) -> dict[str, Any]:
        return {'params': [self._parameters(task) for task in body['tasks']]}

    def _parameters(self, task: str) -> dict[str, Any]:
        sections = self.tasks[task].get('hyperparams', {})
        return {
            'task': task,
            'hyperparams': [parameter for section in sections.values() for parameter in section.values()],
        }

    def _tasks_get_configurations(self, body: dict[str, Any]) -> dict[str, Any]:
        found = [{'task': task, 'configuration': list(self.tasks[task].get('configuration', {}).values())}
                 for task in body['tasks']]  # fmt: skip
        return {'configurations': found}

    def _tasks_set_requirements(self, body: dict[str, Any]) -> dict[str, Any]:
        self.tasks[body['task']].setdefault('script', {})['requirements'] = body['requirements']
        return {'updated': 1, 'fields': {}}

    def _tasks_add_or_update_artifacts(self, body: dict[str, Any]) -> dict[str, Any]:
        execution = self.tasks[body['task']].setdefault('execution', {})
        new = {artifact['key']: artifact for artifact in body['artifacts']}
        kept = [artifact for artifact in execution.get('artifacts') or [] if artifact['key'] not in new]
        execution['artifacts'] = [*kept, *new.values()]
        return {'updated': 1}

    def _tasks_add_or_update_model(self, body: dict[str, Any]) -> dict[str, Any]:
        models = self.tasks[body['task']].setdefault('models', {'input': [], 'output': []})
        models[body['type']].append({'name': body['name'], 'model': body['model']})
        return {'updated': 1}

    def _set_status(self, body: dict[str, Any], status: str) -> dict[str, Any]:
        task = self.tasks[body['task']]
        task |= {'status': status, 'status_message': body.get('status_message'),
                 'status_reason': body.get('status_reason')}  # fmt: skip
        self.statuses.append((body['task'], status))
        return {'updated': 1, 'fields': {'status': status}}

    def _tasks_started(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**self._set_status(body, 'in_progress'), 'started': 1}

    def _tasks_completed(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._set_status(body, 'completed')

    def _tasks_failed(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._set_status(body, 'failed')

    def _tasks_stopped(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._set_status(body, 'stopped')

    _tasks_stop = _tasks_stopped

    def _tasks_reset(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._set_status(body, 'created')

    def _tasks_enqueue(self, body: dict[str, Any]) -> dict[str, Any]:
        queue = next(
            q for q in self.queues.values() if body.get('queue') == q['id'] or body.get('queue_name') == q['name']
        )
        queue['entries'].append(body['task'])
        return {**self._set_status(body, 'queued'), 'queued': 1}

    def _tasks_ping(self, body: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _queues_get_all(self, body: dict[str, Any]) -> dict[str, Any]:
        pattern = body.get('name') or ''
        return {'queues': [queue for queue in self.queues.values() if re.search(pattern, queue['name'])]}

    _queues_get_all_ex = _queues_get_all

    def _events_add_batch(self, body: list[dict[str, Any]]) -> dict[str, Any]:
        self.events += body
        for event in body:
            task = self.tasks.get(event.get('task', ''))
            if task is not None:
                task['last_iteration'] = max(task['last_iteration'], event.get('iter') or 0)
        return {'added': len(body), 'errors': 0, 'errors_info': {}}

    def _models_create(self, body: dict[str, Any]) -> dict[str, Any]:
        identity = uuid.uuid4().hex
        self.models[identity] = {'id': identity, **body}
        return {'id': identity, 'created': True}

    def _models_edit(self, body: dict[str, Any]) -> dict[str, Any]:
        self.models[body['model']] |= {key: value for key, value in body.items() if key != 'model'}
        return {'updated': 1, 'fields': {}}

    _models_update = _models_edit
    _models_add_or_update_metadata = _models_edit

    def _models_get_by_id(self, body: dict[str, Any]) -> dict[str, Any]:
        return {'model': self.models[body['model']]}

    def _models_get_all(self, body: dict[str, Any]) -> dict[str, Any]:
        wanted = body.get('id') or list(self.models)
        return {'models': [self.models[identity] for identity in wanted if identity in self.models]}

    _models_get_all_ex = _models_get_all


class QueryServer(ContractServer):
    """A `ContractServer` whose tasks can be read back, cloned and compared.

    Tasks are filtered by project, type, status and tags; curves, single values and the last values of scalars are made
    from the events that arrived.
    """

    def _of_task(self, task: str) -> list[dict[str, Any]]:
        scalars = [event for event in self.events if event.get('type') == 'training_stats_scalar']
        return [event for event in scalars if event['task'] == task]

    def _tasks_get_all(self, body: dict[str, Any]) -> dict[str, Any]:
        found = super()._tasks_get_all(body)['tasks']
        for key in ('project', 'type', 'status', 'parent'):
            wanted = body.get(key)
            if wanted:
                found = [task for task in found if task.get(key) in wanted]
        unwanted = {tag[1:] for tag in body.get('system_tags') or [] if tag.startswith('-') and tag != '-'}
        found = [task for task in found if not unwanted & set(task.get('system_tags') or [])]
        return {'tasks': [self._with_metrics(task) for task in found]}

    _tasks_get_all_ex = _tasks_get_all

    def _tasks_create(self, body: dict[str, Any]) -> dict[str, Any]:
        return super()._tasks_create({'tags': [], 'system_tags': [], **body})

    def _tasks_get_by_id(self, body: dict[str, Any]) -> dict[str, Any]:
        return {'task': self._with_metrics(super()._tasks_get_by_id(body)['task'])}

    def _with_metrics(self, task: dict[str, Any]) -> dict[str, Any]:
        metrics: dict[str, Any] = {}
        for event in self._of_task(task['id']):
            hashes = [hashlib.md5(event[key].encode()).hexdigest() for key in ('metric', 'variant')]
            values = metrics.setdefault(hashes[0], {}).get(hashes[1], {})
            value, before = event['value'], (values.get('min_value', event['value']), values.get('max_value'))
            metrics[hashes[0]][hashes[1]] = {
                'metric': event['metric'], 'variant': event['variant'], 'value': value,
                'min_value': min(value, before[0]), 'max_value': value if before[1] is None else max(value, before[1]),
            }  # fmt: skip
        ended = {'completed': '2030-01-01T00:00:00.000000+00:00'} if task['status'] == 'completed' else {}
        return {**task, **ended, 'last_metrics': metrics}

    def _tasks_clone(self, body: dict[str, Any]) -> dict[str, Any]:
        identity = uuid.uuid4().hex
        clone = copy.deepcopy(self.tasks[body['task']])
        clone |= {'id': identity, 'status': 'created', 'parent': body['task'], 'last_iteration': 0}
        named = {'name': 'new_task_name', 'tags': 'new_task_tags', 'parent': 'new_task_parent',
                 'project': 'new_task_project', 'comment': 'new_task_comment',
                 'hyperparams': 'new_task_hyperparams'}  # fmt: skip
        self.tasks[identity] = clone | {key: body[name] for key, name in named.items() if body.get(name)}
        return {'id': identity}

    def _tasks_dequeue(self, body: dict[str, Any]) -> dict[str, Any]:
        for queue in self.queues.values():
            queue['entries'] = [entry for entry in queue['entries'] if entry != body['task']]
        return {**self._set_status(body, 'created'), 'dequeued': 1}

    def _events_scalar_metrics_iter_histogram(self, body: dict[str, Any]) -> dict[str, Any]:
        curves: dict[str, Any] = {}
        for event in sorted(self._of_task(body['task']), key=lambda event: event['iter']):
            if event['iter'] > SINGLE_VALUE_STEP:
                series = curves.setdefault(event['metric'], {})
                points = series.setdefault(event['variant'], {'name': event['variant'], 'x': [], 'y': []})
                points['x'].append(event['iter'])
                points['y'].append(event['value'])
        return curves

    def _events_get_task_single_value_metrics(self, body: dict[str, Any]) -> dict[str, Any]:
        found = []
        for task in body['tasks']:
            singles = {e['variant']: e for e in self._of_task(task) if e['iter'] == SINGLE_VALUE_STEP}
            values = [{key: event[key] for key in ('metric', 'variant', 'value')} for event in singles.values()]
            found.append({'task': task, 'values': values})
        return {'tasks': found}

    def _queues_get_by_id(self, body: dict[str, Any]) -> dict[str, Any]:
        return {'queue': None}  # the SDK tries whether the name is an id

    def _queues_get_all(self, body: dict[str, Any]) -> dict[str, Any]:
        return {'queues': [{**queue, 'entries': []} for queue in super()._queues_get_all(body)['queues']]}

    _queues_get_all_ex = _queues_get_all

    def _workers_get_all(self, body: dict[str, Any]) -> dict[str, Any]:
        return {'workers': []}


def _parse(name: str, body: bytes) -> Any:
    """A JSON object; for a batch of events, the bodies of its lines."""
    text = body.decode()
    if name == 'events.add_batch':
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return json.loads(text or '{}')


def _form(kind: str, body: bytes) -> dict[str, bytes]:
    """The files of a multipart form, by the names of their fields."""
    boundary = re.search(r'boundary=(.+)', kind)
    if boundary is None:
        return {}
    found = {}
    for part in body.split(b'--' + boundary[1].strip('"').encode())[1:-1]:
        head, _, content = part.partition(b'\r\n\r\n')
        name = re.search(rb'name="([^"]+)"', head)
        if name is not None:
            found[name[1].decode()] = content[:-2]
    return found
