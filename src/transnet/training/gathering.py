"""What the processes of a training on several devices exchange beside gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, distributed, nn


class ClipScores(NamedTuple):
    """What a process has computed of some clips.

    Attributes:
        positions: index of each clip, ``(N,)``.
        logits: of each cue, ``(N, C)``.
        labels: what each clip shows, ``(N,)`` or ``(N, C)``.
    """

    positions: Tensor
    logits: Mapping[str, Tensor]
    labels: Tensor


def gather_clips(own: Sequence[ClipScores]) -> tuple[dict[str, Tensor], Tensor]:
    """The logits ``(N, C)`` of each cue and the labels of all processes, each clip once, in order.

    Args:
        own: those of this process.

    Raises:
        RuntimeError: no process has computed some clip.
    """
    parts = [_joined(own)]
    if distributed.is_available() and distributed.is_initialized():
        found: list[ClipScores] = [parts[0]] * distributed.get_world_size()
        distributed.all_gather_object(found, parts[0])
        parts = found
    positions, logits, labels = _joined(parts)
    order = positions.argsort(stable=True)
    # A clip that two processes have computed counts once.
    first = torch.ones(len(order), dtype=torch.bool)
    first[1:] = positions[order][1:] != positions[order][:-1]
    order = order[first]
    if not torch.equal(positions[order], torch.arange(len(order))):
        raise RuntimeError("some validation clips were computed by no process")
    return {cue: values[order] for cue, values in logits.items()}, labels[order]


def _joined(parts: Sequence[ClipScores]) -> ClipScores:
    positions, logits, labels = zip(*parts, strict=True)
    of_cues = {cue: torch.cat([each[cue] for each in logits]) for cue in logits[0]}
    return ClipScores(torch.cat(positions), of_cues, torch.cat(labels))


def average_buffers(module: nn.Module) -> None:
    """Make the batch norm statistics of all processes equal: their mean."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    for buffer in module.buffers():
        if buffer.is_floating_point():
            distributed.all_reduce(buffer)
            buffer /= distributed.get_world_size()
