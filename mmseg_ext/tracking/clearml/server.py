"""Whether ClearML is configured, and whether its server answers. Only `probe` imports the SDK."""

from __future__ import annotations

import importlib.util
import os
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from mmseg_ext.errors import InputError

T = TypeVar('T')

TIMEOUT = 3.0
PATIENCE = 60.0  # seconds without an answer, after which a server that had answered is given up
PROJECT = 'mmseg_ext'
CONFIG_FILES = ('~/clearml.conf', '~/trains.conf')
VARIABLES = ('API_ACCESS_KEY', 'AUTH_TOKEN', 'CONFIG_FILE', 'TASK_ID')
RETRIES = {'total': 1, 'connect': 1, 'read': 1, 'redirect': 1, 'status': 1, 'backoff_factor': 0.1, 'backoff_max': 0.5}


def is_installed() -> bool:
    """Whether the SDK can be imported; found out without importing it."""
    if 'clearml' in sys.modules:
        return sys.modules['clearml'] is not None
    return importlib.util.find_spec('clearml') is not None


def is_configured() -> bool:
    """Whether there are credentials: a file, or environment variables."""
    if any(os.environ.get(f'{prefix}_{name}') for prefix in ('CLEARML', 'TRAINS') for name in VARIABLES):
        return True
    return any(Path(name).expanduser().is_file() for name in CONFIG_FILES)


def wants_offline() -> bool:
    """Whether ClearML's own variable asks for offline sessions."""
    return os.environ.get('CLEARML_OFFLINE_MODE', '').lower() in ('1', 'true', 'yes', 'on')


def require(timeout: float = TIMEOUT) -> None:
    """Make sure that the server can be used.

    Args:
        timeout: As for `probe`.

    Raises:
        InputError: ClearML is not installed, not configured or offline by its variable, or `probe` gives a reason.
    """
    if not is_installed():
        raise InputError('clearml is not installed; pip install clearml')
    if not is_configured():
        raise InputError('ClearML is not configured; run clearml-init, see docs/clearml.md')
    if wants_offline():
        raise InputError('CLEARML_OFFLINE_MODE is set, and this needs the server: unset it')
    reason = probe(timeout)
    if reason is not None:
        raise InputError(f'ClearML: {reason}; start the server or mend clearml.conf')


def bounded(make: Callable[[], Iterator[T]], patience: float) -> Iterator[T]:
    """Iterate in a thread that is left behind where the server falls silent: the SDK would wait for it for hours.

    Raises:
        InputError: Nothing came for so many seconds, or the SDK raised.
    """
    results: queue.Queue[tuple[str, Any]] = queue.Queue()

    def work() -> None:
        try:
            for one in make():
                results.put(('one', one))
            results.put(('end', None))
        except InputError as error:
            results.put(('error', error))
        except Exception as error:  # whatever the SDK raises when the server fails in between
            text = ' '.join(str(error).split())[:300]
            results.put(('error', InputError(f'ClearML: {type(error).__name__}: {text}; see that the server runs')))

    threading.Thread(target=work, daemon=True).start()
    while True:
        try:
            kind, value = results.get(timeout=patience)
        except queue.Empty:
            raise InputError(
                f'ClearML: the server has not answered for {patience:g} s; try again when it does'
            ) from None
        if kind == 'error':
            raise value
        if kind == 'end':
            return
        yield value


def probe(timeout: float = TIMEOUT) -> str | None:
    """Ask the configured server for an answer and log in.

    The SDK alone would try for hours. So the server's ping comes first, and the login has almost no retries and a
    thread of its own, which is left behind when it takes too long.

    Args:
        timeout: Seconds for the ping, and then for the login.

    Returns:
        None where the server can be used, else the reason why it cannot.
    """
    from clearml.backend_api import Session

    host = Session.get_api_server_host()
    reason = ping(host, timeout)
    if reason is not None:
        return reason
    outcome: list[str | None] = []
    thread = threading.Thread(target=lambda: outcome.append(_login(host)), daemon=True)
    thread.start()
    thread.join(timeout)
    return outcome[0] if outcome else f'{host} does not log in within {timeout:g} s'


def ping(host: str, timeout: float) -> str | None:
    """Ask the server whether it is there.

    Args:
        host: Address of the API server.
        timeout: Seconds to connect and to answer.

    Returns:
        None where it answers, else the reason.
    """
    import requests
    from clearml.backend_api.session.defs import ENV_HOST_VERIFY_CERT

    try:
        answer = requests.get(
            f'{host}/debug.ping', timeout=(timeout / 2, timeout / 2), verify=ENV_HOST_VERIFY_CERT.get(default=True)
        )
    except requests.Timeout:
        return f'{host} does not answer within {timeout:g} s'
    except requests.RequestException as error:
        return f'{host} cannot be reached ({_innermost(error)})'
    return f'{host} answers with the error {answer.status_code}' if answer.status_code >= 500 else None


def _login(host: str) -> str | None:
    from clearml.backend_api import Session
    from clearml.backend_api.session.session import LoginError, MissingConfigError

    try:
        Session(initialize_logging=False, http_retries_config=RETRIES)
    except MissingConfigError:
        return 'the configuration holds no credentials'
    except LoginError:
        return f'{host} refuses the credentials'
    except Exception as error:  # whatever the SDK makes of a broken answer
        return f'{host} does not log in ({type(error).__name__})'
    return None


def _innermost(error: BaseException) -> str:
    """The reason at the bottom of a chain of wrapped exceptions, such as "Connection refused"."""
    inner: Any = error
    while True:
        wrapped = [one for one in (getattr(inner, 'reason', None), *inner.args) if isinstance(one, BaseException)]
        if not wrapped:
            break
        inner = wrapped[0]
    text = str(getattr(inner, 'strerror', None) or inner).rpartition(': ')[2]
    return re.sub(r'^\[Errno \d+\] ', '', text) or type(inner).__name__
