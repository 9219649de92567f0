"""Normalization on the network's device: frames travel there as uint8, a quarter of the size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from transnet.data.preprocessing import scale_and_shift
from transnet.data.video.frames import Pixels


class Normalization(nn.Module):
    """:func:`~transnet.data.preprocessing.normalize` for tensors, equal to it bit for bit.

    Args:
        mean: mean of RGB in 0..1, subtracted from a frame.
        std: standard deviation of RGB in 0..1, by which a frame is divided.

    Example:
        >>> normalize = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        >>> normalize(torch.zeros(12, 64, 64, 3, dtype=torch.uint8)).shape
        torch.Size([12, 3, 64, 64])
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        for name, values in zip(("scale", "shift"), scale_and_shift(mean, std), strict=True):
            # Not persistent: the run's description holds them, so checkpoints need not.
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """uint8 ``(..., H, W, 3)`` to float32 ``(..., 3, H, W)``, color by color in memory.

        Other runtimes take frames in this layout only, and PyTorch is as fast with it.
        """
        planes = frames.movedim(-1, -3).to(torch.float32, memory_format=torch.contiguous_format)
        scale, shift = (values[:, None, None] for values in (self.scale, self.shift))
        return planes.mul_(scale).sub_(shift)

    def on(self, device: torch.device, frames: Pixels) -> Tensor:
        """Move uint8 frames ``(..., H, W, 3)`` to a device and normalize them there."""
        tensor = torch.from_numpy(np.require(frames, requirements=["C", "W"]))
        normalized: Tensor = self.to(device)(tensor.to(device))
        return normalized
