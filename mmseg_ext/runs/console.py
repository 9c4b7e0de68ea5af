"""mmengine's log: a filter for the console, and the log file, which keeps everything."""

from __future__ import annotations

import logging

HIDDEN_PREFIXES = (
    '\n---',  # the system environment
    'Config:\n',
    'Hooks will be executed',
    'Distributed training is not used',
    'paramwise_options',
    'Exp name:',
    'Using env variable',
)


class ConsoleFilter(logging.Filter):
    """Keep mmengine's pages (environment, config, hooks, parameters) from the console."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record goes to the console."""
        if record.levelno > logging.INFO:
            return True
        return not record.getMessage().startswith(HIDDEN_PREFIXES)


_FILTER = ConsoleFilter()  # a single one: a handler takes the same filter only once


def quiet_console(logger: logging.Logger) -> None:
    """Filter what a logger writes to the console."""
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler:
            handler.addFilter(_FILTER)


def release_log_files(logger: logging.Logger) -> None:
    """Close the files of a logger; a further message opens its file again, at the end.

    mmengine keeps the loggers of all runs of a process, and their files open.
    """
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.mode = 'a'
            handler.close()
