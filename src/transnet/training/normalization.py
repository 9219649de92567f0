"""Normalization where the network is: frames travel there as uint8, a quarter of the size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from transnet.data.preprocessing import scale_and_shift


class Normalization(nn.Module):
    """:func:`~transnet.data.preprocessing.normalize` for tensors, the same to the bit.

    Args:
        mean: mean of RGB in 0..1, subtracted from a frame.
        std: standard deviation of RGB in 0..1, by which a frame is divided.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        for name, values in zip(("scale", "shift"), scale_and_shift(mean, std), strict=True):
            # Not persistent: the run's description has them, so its checkpoints need not.
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """uint8 frames ``(..., H, W, 3)`` to float32 ``(..., 3, H, W)``, channels last."""
        width = frames.shape[-2]
        # Row by row: loops over three colors would take several times as long.
        rows = frames.flatten(-2).float()
        rows.mul_(self.scale.repeat(width)).sub_(self.shift.repeat(width))
        return rows.view(frames.shape).movedim(-1, -3)
