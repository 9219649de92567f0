"""Samplers that deal ``(index, draw)`` pairs; the draw, a random number, selects the view.

All randomness is a function of seed and epoch, so a resumed training sees the same examples as an
uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import Sampler

Draw = tuple[int, int]

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
