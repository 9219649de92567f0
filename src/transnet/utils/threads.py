"""Work in threads, a few steps ahead of whoever waits for the results."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

MAX_CONCURRENCY = 16
"""Most clips processed at the same time; on larger machines each gets several cores."""


def prefetch(calls: Iterable[Callable[[], Result]], workers: int) -> Iterator[Future[Result]]:
    """Run calls in threads, a few ahead of the one whose result is asked for, in order."""
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
    """Cores of the processor that this program may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
