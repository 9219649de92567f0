"""A time limit for calls: compiling a large network may take minutes or hours."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from transnet.errors import TransNetError


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Stop a block of code after a time; never on a system without alarms (Windows).

    For the main thread of a process only.

    Raises:
        TransNetError: the time is over.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TransNetError(f"it was not ready after {seconds:g} s (twice --max-seconds).")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
