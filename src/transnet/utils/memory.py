"""Memory that the process has freed and the C library still holds."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def return_freed_memory() -> None:
    """Give freed memory back to the operating system, where the C library can (glibc).

    After a burst of large requests glibc keeps what they took, in case it is needed again.

    Example:
        >>> return_freed_memory()
    """
    with suppress(OSError, AttributeError):  # macOS and musl have no malloc_trim
        ctypes.CDLL(None).malloc_trim(0)
