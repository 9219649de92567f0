"""Decoded frames and RGB pixels, one as the other."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from transnet.errors import TransNetError

Pixels = NDArray[np.uint8]


def rgb_pixels(frame: av.VideoFrame, to_rgb: VideoReformatter) -> NDArray[np.uint8]:
    """A decoded frame in its own size, upright: uint8 RGB ``(H, W, 3)``."""
    pixels = to_rgb.reformat(frame, format="rgb24").to_ndarray().astype(np.uint8, copy=False)
    return upright(pixels, frame.rotation)


def upright(pixels: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    """Turn ``(H, W, 3)`` counter-clockwise by ``rotation`` degrees, a multiple of 90."""
    return np.rot90(pixels, k=round(rotation / 90) % 4)


def rgb_frame(pixels: Pixels) -> av.VideoFrame:
    """Pixels from elsewhere, uint8 RGB ``(H, W, 3)``, as a frame for the one preprocessing path.

    Raises:
        TransNetError: they have another shape or type.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise TransNetError(
            f"the frame is {pixels.dtype} of shape {pixels.shape}; accepted: uint8 RGB (H, W, 3)."
        )
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
