"""What the stand-in answers when its tasks are read back, cloned and compared.

Tasks are filtered by project, type, status and tags; curves, single values and the last values of scalars are made from
the events that arrived.
"""

from __future__ import annotations

import copy
import hashlib
import uuid
from typing import Any

from contract_server import ContractServer

SINGLE = -(2**31)  # the iteration under which the SDK reports single values


class QueryServer(ContractServer):
    """A `ContractServer` that can be asked."""

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
            if event['iter'] > SINGLE:
                series = curves.setdefault(event['metric'], {})
                one = series.setdefault(event['variant'], {'name': event['variant'], 'x': [], 'y': []})
                one['x'].append(event['iter'])
                one['y'].append(event['value'])
        return curves

    def _events_get_task_single_value_metrics(self, body: dict[str, Any]) -> dict[str, Any]:
        found = []
        for task in body['tasks']:
            singles = {e['variant']: e for e in self._of_task(task) if e['iter'] == SINGLE}
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
