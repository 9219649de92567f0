"""Several processes of one training: who works on which clips, and what all of them found.

A training sees every clip once an epoch, or leaves out fewer clips than there are processes, others
in each epoch, so that all processes take equally many steps. An evaluation sees every clip exactly
once: shares may differ by a clip, nothing is repeated to fill them up, and scores are gathered by
the number of their clip, so the metrics are those of one process to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.data import Sampler

from transnet.errors import TransNetError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Processes:
    """The processes of a training, and which of them this is.

    Attributes:
        rank: number of this one, from 0.
        count: how many there are.
    """

    rank: int = 0
    count: int = 1

    @staticmethod
    def current() -> Processes:
        """As ``torch.distributed`` knows them; one process where it was not started."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return Processes(torch.distributed.get_rank(), torch.distributed.get_world_size())
        return Processes()


class ShareSampler(Sampler[Any]):
    """The share of one process in what another sampler gives.

    Args:
        whole: gives the same items in the same order in every process.
        processes: by default those of ``torch.distributed``, asked when an epoch begins.
        even: give every process equally many items, leaving out the last ones; for training.
    """

    def __init__(
        self, whole: Sampler[Any], processes: Processes | None = None, *, even: bool = False
    ) -> None:
        self.whole, self._processes, self._even = whole, processes, even

    def __len__(self) -> int:
        processes, total = self._processes or Processes.current(), len(self.whole)  # type: ignore[arg-type]
        if self._even:
            return total // processes.count
        return len(range(processes.rank, total, processes.count))

    def __iter__(self) -> Iterator[Any]:
        processes = self._processes or Processes.current()
        share = list(self.whole)[processes.rank :: processes.count]
        return iter(share[: len(self)])


def gather_scores(scores: Mapping[int, Tensor], total: int) -> Tensor:
    """The scores of all clips, in every process.

    Args:
        scores: those of this process, ``(C,)``, by the number of the clip.
        total: clips of the evaluation, numbered from 0.

    Returns:
        ``(total, C)``, in the order of the clips.

    Raises:
        TransNetError: a clip has no scores, or those of two processes.
    """
    shares: list[Any] = [dict(scores)]
    if Processes.current().count > 1:
        shares = [None] * Processes.current().count
        torch.distributed.all_gather_object(
            shares, {number: row.cpu() for number, row in scores.items()}
        )
    found: dict[int, Tensor] = {}
    for share in shares:
        twice = found.keys() & share.keys()
        if twice:
            raise TransNetError(f"clip {min(twice)} was evaluated by two processes.")
        found.update(share)
    missing = set(range(total)) - found.keys()
    if missing:
        raise TransNetError(f"clip {min(missing)} was evaluated by no process.")
    return torch.stack([found[number] for number in range(total)])
