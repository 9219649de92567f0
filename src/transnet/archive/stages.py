"""Stages of work in threads, with bounded queues between them.

::

    paths ─► fetch ×8 ─► [≤ 8] ─► decode ×4 ─► [≤ 8] ─► backbone ×1, 16 at a time ─► results

A stage that is slower than the one before it fills its queue, and the one before it waits: memory
does not depend on the number of items. Results come in the order in which they are finished, so one
long video does not hold up the others.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stage:
    """One kind of work.

    Args:
        name: what the stage is called in a report.
        work: takes a list of 1 to ``batch`` items, returns one result for each.
        workers: threads that call ``work``.
        batch: items that one call takes. A call waits for a full batch, except at the end.
        capacity: results that may wait for the next stage.

    Attributes:
        busy_s: seconds spent in ``work``, summed over the threads.
        cpu_s: those of them in which the calling thread had a core.
        items: items done.
    """

    name: str
    work: Callable[[list[Any]], Sequence[Any]]
    workers: int = 1
    batch: int = 1
    capacity: int = 8
    busy_s: float = 0.0
    cpu_s: float = 0.0
    items: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def run(self, source: _Queue, target: _Queue) -> None:
        """Work until ``source`` ends or a queue is stopped; what one worker thread does."""
        while items := source.take(self.batch):
            started, cpu_started = time.perf_counter(), time.thread_time()
            results = self.work(items)
            with self._lock:
                self.busy_s += time.perf_counter() - started
                self.cpu_s += time.thread_time() - cpu_started
                self.items += len(items)
            if not all(target.put(result) for result in results):
                return


def run_stages(items: Iterable[Any], stages: Sequence[Stage]) -> Iterator[Any]:
    """Send items through stages.

    Args:
        items: what the first stage takes; read in a thread, only as far ahead as there is room.
        stages: one or more, each takes what the former one returns.

    Yields:
        The results of the last stage, as they are finished. Closing the iterator stops the stages
        after the calls of ``work`` that are under way.

    Raises:
        BaseException: what ``items`` or a stage raised, at the next result; the rest is dropped.

    Example:
        >>> double = Stage("double", lambda numbers: [2 * n for n in numbers])
        >>> list(run_stages([1, 2, 3], [double]))
        [2, 4, 6]
    """
    taken = [*(stage.batch for stage in stages), 1]  # at a time, out of each queue
    room = [1, *(stage.capacity for stage in stages)]
    queues = [_Queue(max(pair)) for pair in zip(taken, room, strict=True)]
    failures: list[BaseException] = []

    def guarded(target: _Queue, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:
            failures.append(error)
            for queue in queues:
                queue.stop()
        finally:
            target.leave()

    def feed() -> None:
        for item in items:
            if not queues[0].put(item):
                return

    jobs: list[tuple[_Queue, Callable[[], None]]] = [(queues[0], feed)]
    for stage, source, target in zip(stages, queues, queues[1:], strict=False):
        jobs += [(target, _bound(stage, source, target))] * stage.workers
    for target, _ in jobs:
        target.join()
    threads = [threading.Thread(target=guarded, args=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        while results := queues[-1].take(1):
            yield results[0]
    finally:
        for queue in queues:
            queue.stop()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def _bound(stage: Stage, source: _Queue, target: _Queue) -> Callable[[], None]:
    return lambda: stage.run(source, target)


class _Queue:
    """A queue of bounded length that ends when the last of its writers has left."""

    def __init__(self, capacity: int) -> None:
        self._capacity, self._writers, self._stopped = capacity, 0, False
        self._items: deque[Any] = deque()
        self._changed = threading.Condition()

    def join(self) -> None:
        """Count one more writer."""
        self._writers += 1

    def leave(self) -> None:
        """Count one writer less."""
        with self._changed:
            self._writers -= 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake everyone: nothing is put or taken from now on."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def put(self, item: Any) -> bool:
        """Wait for room; returns whether the item was taken."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._items) < self._capacity)
            if not self._stopped:
                self._items.append(item)
                self._changed.notify_all()
            return not self._stopped

    def take(self, count: int) -> list[Any]:
        """Wait for ``count`` items, or for the last ones; an empty list is the end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or not self._writers or len(self._items) >= count
            )
            if self._stopped:
                return []
            taken = [self._items.popleft() for _ in range(min(count, len(self._items)))]
            self._changed.notify_all()
            return taken
