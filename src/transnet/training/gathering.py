"""What the processes of a training on several devices exchange beside gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, distributed, nn


class ClipScores(NamedTuple):
    """What a process has computed of some clips.

    Attributes:
        positions: index of each clip, ``(N,)``.
        logits: ``(N, C)``.
        labels: what each clip shows, ``(N,)`` or ``(N, C)``.
    """

    positions: Tensor
    logits: Tensor
    labels: Tensor


def gather_clips(own: Sequence[ClipScores]) -> tuple[Tensor, Tensor]:
    """The logits ``(N, C)`` and labels of all processes, each clip once, in order.

    Args:
        own: those of this process.

    Raises:
        RuntimeError: no process has computed some clip.
    """
    parts = [ClipScores(*(torch.cat(values) for values in zip(*own, strict=True)))]
    if distributed.is_available() and distributed.is_initialized():
        found: list[ClipScores] = [parts[0]] * distributed.get_world_size()
        distributed.all_gather_object(found, parts[0])
        parts = found
    positions, logits, labels = (torch.cat(values) for values in zip(*parts, strict=True))
    order = positions.argsort(stable=True)
    # A clip that two processes have computed counts once.
    first = torch.ones(len(order), dtype=torch.bool)
    first[1:] = positions[order][1:] != positions[order][:-1]
    order = order[first]
    if not torch.equal(positions[order], torch.arange(len(order))):
        raise RuntimeError("some validation clips were computed by no process")
    return logits[order], labels[order]


def average_buffers(module: nn.Module) -> None:
    """Make the batch norm statistics of all processes equal: their mean."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    for buffer in module.buffers():
        if buffer.is_floating_point():
            distributed.all_reduce(buffer)
            buffer /= distributed.get_world_size()
