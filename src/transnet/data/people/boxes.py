"""Boxes around people, and the square that is cropped around each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transnet.data.video.frames import Pixels

# Room around a person: arms are raised, and boxes lag behind.
_MARGIN = 1.2
# Smaller spots of a mask are no people: share of the picture.
_SMALLEST = 0.004


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


def boxes_of_mask(probabilities: NDArray[np.floating], least: float = 0.5) -> list[Box]:
    """A box around each connected part of a mask of people, the largest part first.

    Two people who touch are one part.

    Args:
        probabilities: of "person", ``(H, W)``, 0..1.
        least: the probability from which a pixel belongs to a person.

    Example:
        >>> mask = np.zeros((40, 60))
        >>> mask[5:35, 10:20] = 1
        >>> boxes_of_mask(mask)
        [Box(left=10, top=5, right=20, bottom=35)]
    """
    labels, _ = ndimage.label(probabilities >= least, structure=np.ones((3, 3)))
    parts = ndimage.find_objects(labels)
    sizes = np.bincount(labels.ravel())[1:]
    large = [index for index in np.argsort(-sizes) if sizes[index] >= _SMALLEST * labels.size]
    return [
        Box(columns.start, rows.start, columns.stop, rows.stop)
        for rows, columns in (parts[index] for index in large)
    ]


def person_crop(pixels: Pixels, box: Box) -> Pixels:
    """The square around a person; beyond the edge of the picture its last pixels are repeated.

    Args:
        pixels: uint8 RGB ``(H, W, 3)``.
        box: where the person is.

    Returns:
        uint8 RGB ``(S, S, 3)``, S is 1.2 times the longer side of the box.
    """
    side = max(8, round(_MARGIN * max(box.right - box.left, box.bottom - box.top)))
    top = round((box.top + box.bottom - side) / 2)
    left = round((box.left + box.right - side) / 2)
    rows = np.clip(np.arange(top, top + side), 0, pixels.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, pixels.shape[1] - 1)
    return pixels[rows[:, None], columns]
