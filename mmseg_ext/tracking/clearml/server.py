"""State of ClearML on this machine: whether it is configured, and whether its server answers.

The SDK is imported where the server is asked, not with this module.
"""

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

from mmseg_ext.errors import InputError, one_line

T = TypeVar('T')

PROBE_TIMEOUT_S = 3.0
SILENCE_TIMEOUT_S = 60.0  # without an answer, after which a server that had answered is given up
MAX_REASON_CHARACTERS = 300
DEFAULT_PROJECT = 'mmseg_ext'
CONFIG_FILES = ('~/clearml.conf', '~/trains.conf')
CREDENTIAL_VARIABLES = ('API_ACCESS_KEY', 'AUTH_TOKEN', 'CONFIG_FILE', 'TASK_ID')
LOGIN_RETRIES = {
    'total': 1,
    'connect': 1,
    'read': 1,
    'redirect': 1,
    'status': 1,
    'backoff_factor': 0.1,
    'backoff_max': 0.5,
}


def is_installed() -> bool:
    """Check whether the SDK can be imported, without importing it."""
    if 'clearml' in sys.modules:
        return sys.modules['clearml'] is not None
    return importlib.util.find_spec('clearml') is not None


def is_configured() -> bool:
    """Check whether there are credentials: a file, or environment variables."""
    if any(os.environ.get(f'{prefix}_{name}') for prefix in ('CLEARML', 'TRAINS') for name in CREDENTIAL_VARIABLES):
        return True
    return any(Path(name).expanduser().is_file() for name in CONFIG_FILES)


def wants_offline() -> bool:
    """Check whether ClearML's own variable asks for offline sessions."""
    return os.environ.get('CLEARML_OFFLINE_MODE', '').lower() in ('1', 'true', 'yes', 'on')


def require(timeout: float = PROBE_TIMEOUT_S) -> None:
    """Make sure that the server can be used.

    Args:
        timeout: As for `probe`.

    Raises:
        InputError: ClearML is not installed, not configured or offline by its variable, or `probe` gives a reason.
    """
    if not is_installed():
        raise InputError('clearml', 'is not installed', 'pip install clearml')
    if not is_configured():
        raise InputError('ClearML', 'is not configured', 'run clearml-init, see docs/clearml.md')
    if wants_offline():
        raise InputError('CLEARML_OFFLINE_MODE', 'is set, but this needs the server', 'unset it')
    reason = probe(timeout)
    if reason is not None:
        raise InputError('ClearML', reason, 'start the server or correct clearml.conf')


def bounded(make: Callable[[], Iterator[T]], patience: float) -> Iterator[T]:
    """Iterate in a thread that is left behind where the server falls silent: the SDK would wait for it for hours.

    Args:
        make: Makes the iterator, in that thread.
        patience: Seconds that the next item may take.

    Raises:
        InputError: Nothing came in time, or the SDK raised.

    >>> list(bounded(lambda: iter('ab'), patience=60))
    ['a', 'b']
    """
    results: queue.Queue[tuple[T] | InputError | None] = queue.Queue()  # an item, a failure, or the end

    def work() -> None:
        try:
            for item in make():
                results.put((item,))
            results.put(None)
        except InputError as error:
            results.put(error)
        except Exception as error:  # whatever the SDK raises when the server fails in between
            problem = f'{type(error).__name__}: {one_line(error)[:MAX_REASON_CHARACTERS]}'
            results.put(InputError('ClearML', problem, 'check that the server runs'))

    threading.Thread(target=work, daemon=True).start()
    while True:
        try:
            result = results.get(timeout=patience)
        except queue.Empty:
            problem = f'the server has not answered for {patience:g} s'
            raise InputError('ClearML', problem, 'try again when it answers') from None
        if result is None:
            return
        if isinstance(result, InputError):
            raise result
        yield result[0]


def probe(timeout: float = PROBE_TIMEOUT_S) -> str | None:
    """Ping the configured server and log in.

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
    return outcome[0] if outcome else f'login to {host} takes longer than {timeout:g} s'


def ping(host: str, timeout: float) -> str | None:
    """Ping the server.

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
    return f'{host} answers with error {answer.status_code}' if answer.status_code >= 500 else None


def _login(host: str) -> str | None:
    from clearml.backend_api import Session
    from clearml.backend_api.session.session import LoginError, MissingConfigError

    try:
        Session(initialize_logging=False, http_retries_config=LOGIN_RETRIES)
    except MissingConfigError:
        return 'the configuration holds no credentials'
    except LoginError:
        return f'{host} rejects the credentials'
    except Exception as error:  # whatever the SDK makes of a broken answer
        return f'login to {host} fails ({type(error).__name__})'
    return None


def _innermost(error: BaseException) -> str:
    """Return the reason at the bottom of a chain of wrapped exceptions, such as "Connection refused"."""
    inner: Any = error
    while True:
        wrapped = [cause for cause in (getattr(inner, 'reason', None), *inner.args) if isinstance(cause, BaseException)]
        if not wrapped:
            break
        inner = wrapped[0]
    text = str(getattr(inner, 'strerror', None) or inner).rpartition(': ')[2]
    return re.sub(r'^\[Errno \d+\] ', '', text) or type(inner).__name__
