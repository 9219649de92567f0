"""Signals that end a program: treated as Ctrl-C, so that files are completed; none is lost."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LATER_S = 0.1


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` on SIGTERM and SIGHUP, as on SIGINT, in the block.

    Has an effect in the main thread only: Python runs handlers nowhere else.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def keep_interrupts() -> None:
    """Raise each Ctrl-C again that comes while Python cannot raise it.

    While a process forks, as for loader workers, Python prints a ``KeyboardInterrupt`` and goes on.
    """
    process, before = os.getpid(), sys.unraisablehook

    def again(unraisable: Any) -> None:
        if unraisable.exc_type is KeyboardInterrupt and os.getpid() == process:
            # Later, and from a thread: raised in here, it would be lost once more.
            threading.Timer(_LATER_S, _thread.interrupt_main).start()
        else:
            before(unraisable)

    sys.unraisablehook = again
