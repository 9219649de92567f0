"""From a decoded frame to the pixels that a network sees: one path for everything that we do.

Resizing and the conversion to RGB are one step of FFmpeg's scaler, to the network's own size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from transnet.data.video.frames import Pixels, upright
from transnet.data.views import View


class Preprocessor:
    """Turns frames upright, resizes them and cuts out the square of a view.

    Holds the scaler of the last picture size, so keep one for a file; not for several threads.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._scaler = VideoReformatter()

    def __call__(self, frames: Iterable[av.VideoFrame], rotation: int, view: View) -> Pixels:
        """The pixels of one view of some frames.

        Args:
            frames: decoded frames of any size and pixel format.
            rotation: degrees counter-clockwise that turn them upright, a multiple of 90.
            view: what to cut out.

        Returns:
            uint8 RGB of shape ``(T, size, size, 3)``.
        """
        return np.stack([self._pixels(frame, rotation, view) for frame in frames])

    def _pixels(self, frame: av.VideoFrame, rotation: int, view: View) -> Pixels:
        short = max(self.size, round(self.size * view.zoom))
        scale = short / min(frame.width, frame.height)
        width, height = round(frame.width * scale), round(frame.height * scale)
        resized = self._scaler.reformat(
            frame, width, height, "rgb24", interpolation=Interpolation.BICUBIC
        )
        pixels = upright(resized.to_ndarray().astype(np.uint8, copy=False), rotation)
        top = round(view.y * (pixels.shape[0] - self.size))
        left = round(view.x * (pixels.shape[1] - self.size))
        square = pixels[top : top + self.size, left : left + self.size]
        return square[:, ::-1] if view.flip else square


def normalize(frames: Pixels, mean: Sequence[float], std: Sequence[float]) -> NDArray[np.float32]:
    """uint8 frames ``(..., H, W, 3)`` to float32 ``(..., 3, H, W)``: ``(x / 255 - mean) / std``."""
    scale, shift = scale_and_shift(mean, std)
    # Row by row: loops over three colors would take several times as long.
    *outer, width, colors = frames.shape
    rows = frames.reshape(*outer, width * colors).astype(np.float32)
    rows *= np.tile(scale, width)
    rows -= np.tile(shift, width)
    return np.moveaxis(rows.reshape(frames.shape), -1, -3)


def scale_and_shift(
    mean: Sequence[float], std: Sequence[float]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Normalization of a uint8 ``x`` as ``x * scale - shift``: both of them, float32, by color."""
    scale = 1.0 / (255.0 * np.asarray(std, dtype=np.float64))
    shift = np.asarray(mean, dtype=np.float64) / np.asarray(std, dtype=np.float64)
    return scale.astype(np.float32), shift.astype(np.float32)
