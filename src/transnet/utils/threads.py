"""Work in threads, a few steps ahead of the consumer."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

MAX_CONCURRENCY = 16
"""Largest number of clips in work at a time; on a larger machine each uses several cores."""


def prefetch(calls: Iterable[Callable[[], Result]], workers: int) -> Iterator[Future[Result]]:
    """Run calls in threads, at most ``2 * workers`` ahead of the consumer.

    Yields:
        A completed or running future per call, in order. Closing the generator cancels the calls
        that have not begun.
    """
    with ThreadPoolExecutor(max(1, workers)) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for call in calls:
                waiting.append(pool.submit(call))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for future in waiting:
                future.cancel()


def usable_cores() -> int:
    """Number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
