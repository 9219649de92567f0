"""Masked photos: photos with masks of the people in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from transnet.data.video.frames import Pixels
from transnet.errors import PhotoError

BACKGROUND, PERSON, NEUTRAL = 0, 1, 255
"""Values of a mask. Neutral pixels are ignored by the loss and by the metrics."""

# Tolerates rounding in the size of a small mask; a cropped mask differs by more.
_MAX_STRETCH = 1.03


@dataclass(frozen=True, eq=False)
class MaskedPhoto:
    """A photo and its mask.

    Attributes:
        pixels: uint8 RGB ``(H, W, 3)``.
        mask: uint8 ``(H, W)`` of :data:`BACKGROUND`, :data:`PERSON`, :data:`NEUTRAL`.
    """

    pixels: Pixels
    mask: Pixels


class Photo(Protocol):
    """A photo of a dataset, read on demand."""

    @property
    def name(self) -> str:
        """Its name in the dataset."""

    @property
    def group(self) -> str:
        """The origin that it shares with others (a generated person); by default its name."""

    def read(self) -> MaskedPhoto:
        """Read the photo and its mask.

        Raises:
            PhotoError: one of them is missing or damaged, or their aspect ratios differ.
        """


def fit_mask(mask: Pixels, pixels: Pixels, path: object) -> Pixels:
    """Resize a mask ``(h, w)`` to the size of its photo ``(H, W, 3)``.

    Args:
        mask: uint8, at the aspect ratio of the photo.
        pixels: the photo.
        path: name of the mask, for errors.

    Raises:
        PhotoError: the aspect ratios differ.
    """
    (height, width), (mask_height, mask_width) = pixels.shape[:2], mask.shape
    stretch = (width * mask_height) / (height * mask_width)
    rounding = 1 + 1 / min(mask_height, mask_width)
    if not 1 / (_MAX_STRETCH * rounding) < stretch < _MAX_STRETCH * rounding:
        raise PhotoError(
            path,
            f"the mask is {mask_width} x {mask_height} pixels and its photo {width} x {height}; "
            "accepted: any size at the photo's aspect ratio and orientation",
        )
    if mask.shape == (height, width):
        return mask
    resized = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(resized)
