"""Samplers that deal ``(index, draw)`` pairs; the draw, a random number, selects the view.

All randomness is a function of seed and epoch, so a resumed training sees the same examples as an
uninterrupted one. Of several processes each takes its share of the same batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from transnet.errors import TransNetError

Draw = tuple[int, int]


class Share(NamedTuple):
    """Which process of how many this is.

    Attributes:
        rank: from 0.
        total: processes.
    """

    rank: int = 0
    total: int = 1


FIXED_VIEW = -1
"""The draw that stands for the evaluation's view."""


def drops_last(count: int, batch_size: int) -> bool:
    """Whether the last of several batches would hold a single example, so that it is left out.

    Batch norm would normalize such an example by itself and add that to its statistics. The order
    changes with the epoch, so every example is used in other epochs.
    """
    return count > batch_size > 1 and count % batch_size == 1


class EpochSampler(Sampler[Draw]):
    """Every example once an epoch, in random order and in a random view."""

    def __init__(self, count: int, *, seed: int) -> None:
        self._count, self._seed = count, seed
        self._current_epoch: Callable[[], int] = lambda: 0

    def follow(self, current_epoch: Callable[[], int]) -> None:
        """Take the epoch from this function. (A resumed training knows it only at the start.)"""
        self._current_epoch = current_epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Draw]:
        rng = np.random.default_rng((self._seed, self._current_epoch()))
        order = rng.permutation(self._count)
        draws = rng.integers(0, 2**31, size=self._count)
        return iter(zip(order.tolist(), draws.tolist(), strict=True))


class FixedSampler(Sampler[Draw]):
    """Every example once, in order, in the evaluation's view."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Draw]:
        return ((index, FIXED_VIEW) for index in range(self._count))


class TrainingBatches(Sampler[list[Draw]]):
    """The batches of an epoch; of several processes each takes every n-th example of a batch.

    All processes get the same number of batches and of examples, since they wait for each other.
    For that the last batch of an epoch may lack some examples; others in each epoch.

    Args:
        count: number of examples.
        batch_size: examples per batch, of all processes together.
        seed: of the order.
        share: this process.

    Attributes:
        sampler: the order of an epoch.

    Raises:
        TransNetError: the processes cannot have equal shares of a batch, of two examples or more.
    """

    def __init__(self, count: int, batch_size: int, *, seed: int, share: Share = Share()) -> None:
        self.sampler = EpochSampler(count, seed=seed)
        self._count, self._batch_size, self._share = count, batch_size, share
        processes = share.total
        if processes > 1 and (batch_size % processes or batch_size < 2 * processes):
            raise TransNetError(
                f"batch_size is {batch_size}, which {processes} devices cannot share; accepted: "
                f"{2 * processes}, {3 * processes}, {4 * processes}, ..."
            )
        if processes > 1 and count < 2 * processes:
            raise TransNetError(
                f"devices is {processes}, more than {count} training clips can occupy; accepted: "
                f"up to {max(1, count // 2)}."
            )

    def __len__(self) -> int:
        full, rest = divmod(self._count, self._batch_size)
        return full + (self._of_last(rest) > 0)

    def __iter__(self) -> Iterator[list[Draw]]:
        draws = list(self.sampler)
        rank, processes = self._share
        for start in range(0, len(self) * self._batch_size, self._batch_size):
            batch = draws[start : start + self._batch_size]
            if len(batch) < self._batch_size:
                batch = batch[: self._of_last(len(batch))]
            yield batch[rank::processes]

    def _of_last(self, rest: int) -> int:
        """How many examples of an incomplete batch are used."""
        if self._share.total > 1:
            return rest // self._share.total * self._share.total * (rest >= 2 * self._share.total)
        return 0 if drops_last(self._count, self._batch_size) else rest


class ValidationBatches(Sampler[list[Draw]]):
    """Every example once, in order; of several processes each takes every n-th batch.

    So each batch is computed as by a single process, to the last bit. Where the batches cannot be
    divided evenly, some processes get one that another has too: all have the same number, and an
    example counts once, by its index.

    Args:
        count: number of examples.
        batch_size: examples per batch.
        share: this process.
    """

    def __init__(self, count: int, batch_size: int, share: Share = Share()) -> None:
        self._count, self._batch_size, self._share = count, batch_size, share

    def __len__(self) -> int:
        return math.ceil(math.ceil(self._count / self._batch_size) / self._share.total)

    def __iter__(self) -> Iterator[list[Draw]]:
        draws, size = list(FixedSampler(self._count)), self._batch_size
        batches = [draws[start : start + size] for start in range(0, self._count, size)]
        rank, processes = self._share
        for number in range(len(self)):
            yield batches[(rank + number * processes) % len(batches)]
