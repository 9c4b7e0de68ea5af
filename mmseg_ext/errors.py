"""The one exception that means "the user can mend this"."""


class InputError(Exception):
    """Input that cannot be used as it is.

    The message is one line (or a short list) that names the file, the value found there and the remedy. The tools
    print it without a traceback and leave with ``exit_code``.

    Args:
        message: What is wrong, where, and what to do.
        exit_code: 2 for wrong use (the default), 1 where the work was done but its goal was missed.
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def one_line(error: object) -> str:
    """The message of an error without its line breaks (a `KeyError` would show it quoted)."""
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    return ' '.join(str(message).split())
