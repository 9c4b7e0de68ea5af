"""Messages to the logging process, and its replies."""

from __future__ import annotations

import pickle
from io import BytesIO
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from mmseg_ext.tracking.clearml.messages import (
    Alive,
    Closed,
    CloseTask,
    Failed,
    Message,
    Probed,
    Probing,
    Reply,
    SingleValues,
    Started,
    StartTask,
    decode_reply,
    encode_reply,
)
from mmseg_ext.tracking.clearml.process import _serve
from mmseg_ext.tracking.clearml.session import Session

START = StartTask('p', 'n', {}, '', [], None)


@pytest.mark.parametrize(
    'reply',
    [
        Probing(),
        Probed('off', 'größer\nals'),
        Started('t1', None, 'a.zip'),
        Failed('Table', 'x'),
        Alive(),
        Closed({'Table': 3}),
    ],
)
def test_a_reply_is_read_as_it_was_sent(reply: Reply) -> None:
    line = encode_reply(reply)
    assert '\n' not in line
    assert decode_reply(line) == reply


@pytest.mark.parametrize('line', ['', 'Connected to server', '[]', '{}', '{"kind": "Odd"}', '{"kind": "Probed"}'])
def test_a_line_that_is_no_reply_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match='is not a reply'):
        decode_reply(line)


def test_every_message_has_a_handler_and_anything_else_is_an_error() -> None:
    find_handler = vars(Session)['handle'].dispatcher.dispatch
    for message in get_args(Message):
        assert find_handler(message) is not find_handler(object), message
    with pytest.raises(TypeError, match='unknown message 3'):
        Session(lambda reply: None, offline=True).handle(3)


class FakeSession:
    """Keeps what it is told to do."""

    task: Any = None

    def __init__(self) -> None:
        self.handled: list[Any] = []

    def handle(self, message: Any) -> None:
        self.task = self
        self.handled.append(message)
        if isinstance(message, SingleValues):
            raise ValueError('a\nb')


def serve(stream: bytes) -> tuple[list[Any], list[Reply], dict[str, int]]:
    session, replies = FakeSession(), []
    failures = _serve(BytesIO(stream), session, replies.append, SimpleNamespace(closing=False))  # type: ignore[arg-type]
    return session.handled, replies, failures


def test_messages_are_handled_in_order_and_failures_are_reported_once() -> None:
    values = SingleValues({'mDice': 1.0})
    messages = [values, START, values, values, CloseTask('stopped', 'x'), values]
    handled, replies, failures = serve(b''.join(map(pickle.dumps, messages)))
    assert handled == messages[1:5]  # nothing without a task, and nothing after the end
    assert replies == [Failed('SingleValues', 'ValueError: a b')]
    assert failures == {'SingleValues': 2}


@pytest.mark.parametrize('rest', [b'', pickle.dumps(SingleValues({'mDice': 1.0}))[:-20]])
def test_a_pipe_that_ends_closes_the_task_as_failed(rest: bytes) -> None:
    handled, _, failures = serve(pickle.dumps(START) + rest)
    assert handled == [START, CloseTask('failed', 'the process of the training has ended')]
    assert not failures
