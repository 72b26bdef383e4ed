"""Time limits that are seen inside of steps and searches, without being handed from call to call.

    with until(end):          # on the clock of `now`
        ...
        check_time()          # raises TimeIsUp when the end has come

Who has something to show for the time so far asks `time_is_up()` and returns it instead. Limits nest:
the earliest end counts. What is compiled cannot look at a clock and runs to its end.
"""

import contextlib
import math
import time
from collections.abc import Iterator
from contextvars import ContextVar

_END: ContextVar[float] = ContextVar("end of the time limit", default=math.inf)

now = time.perf_counter


class TimeIsUp(Exception):  # noqa: N818
    """Raised inside of a search whose time is up, and caught where the search began."""


@contextlib.contextmanager
def until(end: float) -> Iterator[None]:
    """Work until `end`, or until the limit that holds already, if that is earlier."""
    token = _END.set(min(end, _END.get()))
    try:
        yield
    finally:
        _END.reset(token)


@contextlib.contextmanager
def from_here(seconds: float) -> Iterator[None]:
    """Work this long, whatever the limit outside: for what has to be done after its end."""
    token = _END.set(now() + seconds)
    try:
        yield
    finally:
        _END.reset(token)


def time_is_up() -> bool:
    """Whether the end has come."""
    return now() >= _END.get()


def check_time() -> None:
    """Raise TimeIsUp if the end has come."""
    if time_is_up():
        raise TimeIsUp
