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


class _Appending(logging.Handler):
    """Handler that opens its file for each message: for the few that follow a training.

    It is no ``FileHandler``: into those of the present logger mmengine writes how a model built later was initialized.
    """

    def __init__(self, file: logging.FileHandler) -> None:
        super().__init__(file.level)
        self.formatter, self.filters = file.formatter, file.filters
        self._path, self._encoding = file.baseFilename, file.encoding

    def emit(self, record: logging.LogRecord) -> None:
        """Append the message."""
        try:
            with open(self._path, 'a', encoding=self._encoding) as stream:
                stream.write(self.format(record) + '\n')
        except OSError:
            self.handleError(record)


def release_log_files(logger: logging.Logger) -> None:
    """Close the files of a logger; a further message is appended.

    mmengine keeps the loggers of all runs of a process, and their files open.
    """
    for place, handler in enumerate(logger.handlers):
        if isinstance(handler, logging.FileHandler):
            handler.close()
            logger.handlers[place] = _Appending(handler)
