"""From a decoded frame to the input of a network: the one path that every command uses.

Training, prediction, streaming and exported models resize, crop and normalize by this code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import av
import numpy as np
from numpy.typing import NDArray

from transnet.config import Region
from transnet.data.people.boxes import Box, person_crop
from transnet.data.video.frames import FrameConverter, Pixels, rgb_frame
from transnet.data.views import View


class Preprocessor:
    """Converts frames to upright RGB, resizes them and crops the square of a view.

    Keep one per video. Not thread-safe.

    Args:
        size: height and width of the output in pixels.
        region: the place that is watched, as :class:`~transnet.config.ClipConfig` names it; the
            whole picture if empty.
    """

    def __init__(self, size: int, region: str = "") -> None:
        self.size = size
        self._region = Region.parse(region) if region else None
        self._convert, self._convert_whole = FrameConverter(), FrameConverter()

    def __call__(self, frames: Iterable[av.VideoFrame], view: View) -> Pixels:
        """Preprocess one view of some frames.

        Args:
            frames: decoded frames of any size and pixel format.
            view: which square to crop.

        Returns:
            uint8 RGB of shape ``(T, size, size, 3)``.
        """
        return np.stack([self.square(frame, view) for frame in frames])

    def displayed(self, frame: av.VideoFrame) -> Pixels:
        """A whole frame at its displayed size: uint8 RGB ``(H, W, 3)``."""
        return self._convert_whole(frame)

    def square(self, frame: av.VideoFrame, view: View, person: Box | None = None) -> Pixels:
        """Preprocess one frame: uint8 RGB ``(size, size, 3)``, which may share memory with it.

        Args:
            frame: a decoded frame.
            view: which square to crop.
            person: crop to this person first; a box in the displayed picture.

        Raises:
            TransNetError: the region reaches beyond the picture.
        """
        if person is not None:
            return self.person(self.displayed(frame), person, view)
        if self._region is not None:
            pixels = self.displayed(frame)
            height, width = pixels.shape[:2]
            frame = rgb_frame(pixels[self._region.slices(width, height)])
        return self._square(frame, view)

    def person(self, pixels: Pixels, box: Box, view: View) -> Pixels:
        """A person of a displayed picture, as :meth:`square` gives it."""
        return self._square(rgb_frame(person_crop(pixels, box)), view)

    def _square(self, frame: av.VideoFrame, view: View) -> Pixels:
        pixels = self._convert(frame, short_side=max(self.size, round(self.size * view.zoom)))
        top = round(view.y * (pixels.shape[0] - self.size))
        left = round(view.x * (pixels.shape[1] - self.size))
        square = pixels[top : top + self.size, left : left + self.size]
        return square[:, ::-1] if view.flip else square


def normalize(frames: Pixels, mean: Sequence[float], std: Sequence[float]) -> NDArray[np.float32]:
    """Normalize uint8 frames ``(..., H, W, 3)`` to float32 ``(..., 3, H, W)``.

    Each value ``x`` of 0..255 becomes ``(x / 255 - mean) / std`` of its channel.

    Args:
        frames: uint8 RGB.
        mean: mean of RGB in 0..1.
        std: standard deviation of RGB in 0..1.
    """
    scale, shift = scale_and_shift(mean, std)
    # Whole rows: broadcasting over an innermost axis of three is several times slower.
    *outer, width, channels = frames.shape
    rows = frames.reshape(*outer, width * channels).astype(np.float32)
    rows *= np.tile(scale, width)
    rows -= np.tile(shift, width)
    return np.moveaxis(rows.reshape(frames.shape), -1, -3)


def scale_and_shift(
    mean: Sequence[float], std: Sequence[float]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Express :func:`normalize` as ``x * scale - shift``: both float32, one value per channel."""
    scale = 1.0 / (255.0 * np.asarray(std, dtype=np.float64))
    shift = np.asarray(mean, dtype=np.float64) / np.asarray(std, dtype=np.float64)
    return scale.astype(np.float32), shift.astype(np.float32)
