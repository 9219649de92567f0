"""Boxes around people, and the square that is cropped around each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from transnet.data.video.frames import Pixels

# Room around a person: arms are raised, and boxes lag behind.
MARGIN = 1.2


class Box(NamedTuple):
    """A rectangle in pixels of the picture; the right and the bottom edge lie outside of it."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Square pixels."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def common(self, other: Box) -> float:
        """Square pixels in both boxes."""
        return Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        ).area

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        common = self.common(other)
        return common / (self.area + other.area - common) if common else 0.0

    def scaled(self, factor: float) -> Box:
        """The same box in a picture that is this many times larger."""
        return Box(*(factor * edge for edge in self))

    def moved(self, dx: float, dy: float) -> Box:
        """The same box, this many pixels further to the right and down."""
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box around some boxes, one or more."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


def person_crop(pixels: Pixels, box: Box) -> Pixels:
    """The square around a person; beyond the edge of the picture its last pixels are repeated.

    Args:
        pixels: uint8 RGB ``(H, W, 3)``.
        box: where the person is.

    Returns:
        uint8 RGB ``(S, S, 3)``, S is 1.2 times the longer side of the box.
    """
    side = max(8, round(MARGIN * max(box.right - box.left, box.bottom - box.top)))
    top = round((box.top + box.bottom - side) / 2)
    left = round((box.left + box.right - side) / 2)
    rows = np.clip(np.arange(top, top + side), 0, pixels.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, pixels.shape[1] - 1)
    return pixels[rows[:, None], columns]
