"""Run ``mmseg-ext review``, accept the first suggestion as its page would, and interrupt it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.parse
import urllib.request


def accept_first(command: list[str]) -> int:
    """Return the exit status of the command."""
    server = subprocess.Popen(
        [*command, '--port', '0'], stdout=subprocess.PIPE, text=True,
        # What runs in the background of a shell inherits that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert server.stdout is not None
    url = next(line for line in server.stdout if line.startswith('http')).split()[0]
    with urllib.request.urlopen(f'{url}state') as answer:
        key = urllib.parse.quote(json.load(answer)['entries'][0]['key'])
    with urllib.request.urlopen(f'{url}item?key={key}') as answer:
        version = json.load(answer)['version']
    headers = {'If-Match': f'"{version}"'}
    urllib.request.urlopen(urllib.request.Request(f'{url}decision?key={key}&kind=accept', b'', headers)).close()
    server.send_signal(signal.SIGINT)
    print(server.communicate(timeout=60)[0])
    return server.returncode


if __name__ == '__main__':
    sys.exit(accept_first(sys.argv[1:]) != 130)
