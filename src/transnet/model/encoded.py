"""What the frozen part of a network makes of clips."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Encoded(NamedTuple):
    """What a frozen backbone makes of clips; it never changes, so it can be cached.

    Attributes:
        frames: the readout's input for each frame, ``(B, T, ...)``;
            of a 3D network the features of the clip, ``(B, channels)``.
        pairs: the motion vector of each pair of neighbors, ``(B, T-1, M)``; M is 0 without motion.
    """

    frames: Tensor
    pairs: Tensor
