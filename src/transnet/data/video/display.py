"""How a decoded frame is displayed: the display matrix and the shape of a pixel.

::

    stored -> pixels made square -> transposed, mirrored, turned, as the matrix says -> displayed
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

# Rounded aspects, such as 4096:4083, mean square pixels.
_SQUARE_WITHIN = 0.02
_MAX_PIXEL_ASPECT = 10


@dataclass(frozen=True)
class Orientation:
    """A turn by a multiple of 90 degrees and mirroring: first transposed, then flipped.

    Attributes:
        transpose: whether rows become columns.
        flip_x: whether left and right are exchanged afterwards.
        flip_y: whether top and bottom are exchanged afterwards.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Orient pixels ``(H, W, 3)``; a view of the same memory."""
        if self.transpose:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


UPRIGHT = Orientation()


def orientation(frame: av.VideoFrame) -> Orientation:
    """What the display matrix of a frame asks for; other angles are rounded to 90 degrees."""
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return UPRIGHT
    # A stored point (x, y) is displayed at (a x + c y, b x + d y).
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(matrix), "=i4")[:5])
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(True, flip_x=c < 0, flip_y=b < 0)
    return Orientation(False, flip_x=a < 0, flip_y=d < 0)


def usable_aspect(aspect: Fraction | None) -> Fraction:
    """The width of a pixel over its height as it is applied: 1 where it is unknown or absurd."""
    if not aspect or aspect < 0 or abs(aspect - 1) < _SQUARE_WITHIN:
        return Fraction(1)
    return aspect if 1 / _MAX_PIXEL_ASPECT <= aspect <= _MAX_PIXEL_ASPECT else Fraction(1)


def set_pixel_aspect(frame: av.VideoFrame, aspect: Fraction) -> None:
    """Note the shape of a frame's pixels, which PyAV states for streams only."""
    frame.opaque = aspect


def pixel_aspect(frame: av.VideoFrame) -> Fraction | int:
    """Width of a pixel over its height, as :func:`set_pixel_aspect` noted it; else 1."""
    noted = frame.opaque
    return noted if isinstance(noted, Fraction) else 1
