"""Progress bars on terminals and none in pipes; output that no foreign text can steer."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from mmseg_ext.errors import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

T = TypeVar('T')
# What termcolor writes around the levels of mmengine's log, and the return of a download's bar to its line.
OWN_CODES = re.compile('(\x1b\\[(?:0|4|5|3[1-7])m|^\r)')


class SafeStream:
    """Text stream that writes control characters out (see `visible`), so that no name of a file or class steers it.

    Args:
        raw: The stream behind it, for those who steer the terminal on purpose.
    """

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        """Write text."""
        self.raw.write(''.join(part if OWN_CODES.fullmatch(part) else visible(part) for part in OWN_CODES.split(text)))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def open_console(stderr: bool = False, width: int | None = None) -> Console:
    """Open a console of rich on standard output or standard error; it writes control characters in its texts out.

    Args:
        stderr: Which of the two.
        width: Columns; as many as the terminal has by default.
    """
    from rich.console import Console
    from rich.segment import Segment

    class SafeConsole(Console):
        def render_str(self, text: str, *args: Any, **kwargs: Any) -> Text:  # before a cell is measured
            return super().render_str(visible(text), *args, **kwargs)

        def render(self, *args: Any, **kwargs: Any) -> Iterable[Segment]:
            for segment in super().render(*args, **kwargs):
                yield segment if segment.control else Segment(visible(segment.text), segment.style)

    stream = sys.stderr if stderr else sys.stdout
    return SafeConsole(file=stream.raw if isinstance(stream, SafeStream) else stream, stderr=stderr, width=width)


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
    """Iterate with a progress bar on standard error where that is a terminal, and without one elsewhere."""
    if not sys.stderr.isatty():
        return items
    from rich.progress import track as rich_track

    return rich_track(items, description=description, total=total, console=open_console(stderr=True), transient=True)
