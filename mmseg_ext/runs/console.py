"""What of mmengine's log a person sees; the log file keeps everything."""

from __future__ import annotations

import logging

HIDDEN_STARTS = (
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
        """Whether the record goes to the console."""
        if record.levelno > logging.INFO:
            return True
        return not record.getMessage().startswith(HIDDEN_STARTS)


_FILTER = ConsoleFilter()  # one, which a handler takes once however often it is added


def quiet_console(logger: logging.Logger) -> None:
    """Filter what a logger writes to the console."""
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler:
            handler.addFilter(_FILTER)
