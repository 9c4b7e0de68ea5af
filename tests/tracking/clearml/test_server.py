"""Whether the server can be used, asked by the real SDK."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip('clearml')

from mmseg_ext.tracking.clearml import server


@pytest.fixture
def configured(contract: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in contract.environment().items():
        monkeypatch.setenv(name, value)
    return contract


def test_a_server_that_answers_can_be_used(configured: Any) -> None:
    assert server.probe(30) is None


@pytest.mark.parametrize(
    ('failure', 'timeout', 'reason'),
    [
        ('refused', 30, 'cannot be reached (Connection refused)'),
        ('silent', 0.5, 'does not answer within 0.5 s'),
        ('unauthorized', 30, 'rejects the credentials'),
        ('unavailable', 30, 'answers with error 503'),
    ],
)
def test_a_server_that_cannot_be_used_says_why(failure: str, timeout: float, reason: str, configured: Any) -> None:
    configured.fail(failure)
    assert server.probe(timeout) == f'{configured.url} {reason}'
