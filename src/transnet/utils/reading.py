"""Reading many files in threads, with a progress bar; broken ones are returned as errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from transnet.errors import FileError
from transnet.utils.progress import progress_bar
from transnet.utils.threads import prefetch

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_many(
    items: Sequence[Item],
    read: Callable[[Item], Result],
    *,
    workers: int,
    title: str,
    unit: str = "clips",
) -> Iterator[tuple[Item, Result | FileError]]:
    """Call ``read`` on each item, a few items ahead of the consumer.

    Args:
        items: what to read.
        read: reads one item; called in threads.
        workers: number of threads.
        title: description of the progress bar.
        unit: name of an item there, in the plural.

    Yields:
        Each item, in order, and what ``read`` returned, or the :class:`~transnet.errors.FileError`
        that it raised. Any other exception is raised here.
    """
    with progress_bar(title, len(items), unit) as bar:
        results = prefetch((partial(read, item) for item in items), workers)
        for item, result in zip(items, results, strict=True):
            try:
                yield item, result.result()
            except FileError as error:
                yield item, error
            bar.update(1)
