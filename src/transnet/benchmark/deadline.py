"""An end to what may never end: compilers of large networks take minutes, or hours."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from transnet.errors import TransNetError


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give up after a time; where the system has no alarms (Windows), never.

    For the main thread of a process.

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
