"""Standard output and error, whatever has become of them: closed, gone, full, or of few characters."""

import io
import os
import sys


def prepare() -> None:
    """Have somewhere to print to: closed streams swallow all, and no character is an error."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def write(text: str) -> None:
    """Print. A reader who has gone (head, less) is no error: the work was done.

    Raises OSError where standard output cannot be written for another reason.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
    except OSError as error:
        silence()
        raise OSError(f"standard output could not be written: {error.strerror or error}") from error


def silence() -> None:
    """Send what is still to be printed nowhere, so that the interpreter's last flush is no error."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):
        return  # no stream of the system's
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)
