"""A place in the picture, as users name it."""

from __future__ import annotations

import math
from typing import NamedTuple

from transnet.errors import TransNetError

_ACCEPTED = (
    "x,y,w,h of the displayed picture: its left and its upper edge, width and height, in pixels "
    "(10,20,320,240), or each as a share of the picture from 0 to 1 (0.5,0,0.5,1 is the right half)"
)


class Region(NamedTuple):
    """A rectangle of the displayed picture.

    If all four numbers are at most 1, they are shares of the picture, else pixels.

    Example:
        >>> Region.parse("0.5,0,0.5,1").slices(640, 480)
        (slice(0, 480, None), slice(320, 640, None))
    """

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def parse(cls, text: str) -> Region:
        """A region from ``x,y,w,h``.

        Raises:
            TransNetError: these are not four numbers, the region is empty, or it reaches beyond
                the picture as far as that can be told without one.
        """
        try:
            region = cls(*(float(part) for part in text.split(",")))
        except (TypeError, ValueError):
            raise TransNetError(f"region is {text!r}; accepted: {_ACCEPTED}.") from None
        left, top, width, height = region
        inside = left >= 0 and top >= 0 and width > 0 and height > 0
        if region.is_share:
            inside = inside and left + width <= 1 + 1e-6 and top + height <= 1 + 1e-6
        if not (inside and all(map(math.isfinite, region))):
            raise TransNetError(f"region is {text!r}; accepted: {_ACCEPTED}.")
        return region

    @property
    def is_share(self) -> bool:
        """Whether the numbers are shares of the picture."""
        return max(self) <= 1

    def slices(self, width: int, height: int) -> tuple[slice, slice]:
        """The rows and the columns of the region in a picture of this many pixels.

        Raises:
            TransNetError: the region reaches beyond the picture, or holds no pixel of it.
        """
        x, y = (width, height) if self.is_share else (1, 1)
        left, right = round(self.left * x), round((self.left + self.width) * x)
        top, bottom = round(self.top * y), round((self.top + self.height) * y)
        if right > width or bottom > height or right <= left or bottom <= top:
            text = ",".join(f"{number:g}" for number in self)
            raise TransNetError(
                f"region is {text!r}, but the displayed picture has {width} x {height} pixels; "
                f"accepted: {_ACCEPTED}."
            )
        return slice(top, bottom), slice(left, right)
