"""From decoded frames to the RGB pixels that a player would show, and back."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from transnet.data.video.display import UPRIGHT, orientation, pixel_aspect
from transnet.errors import TransNetError

Pixels = NDArray[np.uint8]


class FrameConverter:
    """Converts decoded frames to upright RGB pixels, as a player displays them.

    The only place where the pixels of a frame become a picture: resizing and the conversion to RGB
    are one step of FFmpeg's scaler, which also makes the pixels square; then the frame is turned
    and mirrored as its display matrix asks for.

    Holds the scaler of the last frame size, so keep one per video. Not thread-safe.
    """

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, short_side: int | None = None) -> Pixels:
        """Convert one frame.

        Args:
            frame: a decoded frame of any size and pixel format.
            short_side: pixels to resize the shorter side to, at the same aspect ratio; the frame's
                displayed size if not given.

        Returns:
            uint8 RGB of shape ``(H, W, 3)``.
        """
        aspect = pixel_aspect(frame)
        if short_side is None and aspect == 1:
            rgb = self._scaler.reformat(frame, format="rgb24")
        else:
            shown_width = frame.width if aspect == 1 else max(1, float(frame.width * aspect))
            scale = 1 if short_side is None else short_side / min(shown_width, frame.height)
            width, height = round(shown_width * scale), round(frame.height * scale)
            rgb = self._scaler.reformat(
                frame, width, height, "rgb24", interpolation=Interpolation.BICUBIC
            )
        pixels = rgb.to_ndarray().astype(np.uint8, copy=False)
        asked = orientation(frame)
        return pixels if asked == UPRIGHT else asked(pixels)


def rgb_frame(pixels: Pixels) -> av.VideoFrame:
    """Wrap pixels of another source, uint8 RGB ``(H, W, 3)``, for the same preprocessing.

    Raises:
        TransNetError: they have another shape or dtype.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise TransNetError(
            f"the frame is {pixels.dtype} of shape {pixels.shape}; accepted: uint8 RGB (H, W, 3)."
        )
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
