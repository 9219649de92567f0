"""Photos with masks of the people on them, from which a network learns human shape."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from transnet.data.video.frames import Pixels
from transnet.errors import PhotoError, TransNetError

BACKGROUND, PERSON, NEUTRAL = 0, 1, 255
"""Values of a mask. Neutral pixels count neither in the loss nor in a metric."""

_RANGE = re.compile(r"(\d+)-(\d+)")
# Half a pixel of rounding on each side of a small mask; a mask that was cropped differs by more.
_MAX_STRETCH = 1.03


@dataclass(frozen=True, eq=False)
class MaskedPhoto:
    """A photo and where the people are.

    Attributes:
        pixels: uint8 RGB ``(H, W, 3)``.
        mask: uint8 ``(H, W)`` of :data:`BACKGROUND`, :data:`PERSON`, :data:`NEUTRAL`.
    """

    pixels: Pixels
    mask: Pixels


class Photo(Protocol):
    """A photo that can be read when it is needed."""

    @property
    def name(self) -> str:
        """What it is called, in the dataset."""

    @property
    def group(self) -> str:
        """What it has in common with others (a generated person); else its name."""

    def read(self) -> MaskedPhoto:
        """Read the photo and its mask.

        Raises:
            PhotoError: one of the two is missing, damaged, or they do not fit each other.
        """


@dataclass(frozen=True)
class PhotoSet:
    """The photos to learn from and those to measure on."""

    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]


def fit_mask(mask: Pixels, pixels: Pixels, path: object) -> Pixels:
    """Bring a mask to the size of its photo, of which it may be a smaller or larger copy.

    Raises:
        PhotoError: its aspect is another one.
    """
    (height, width), (mask_height, mask_width) = pixels.shape[:2], mask.shape
    stretch = (width * mask_height) / (height * mask_width)
    rounding = 1 + 1 / min(mask_height, mask_width)
    if not 1 / (_MAX_STRETCH * rounding) < stretch < _MAX_STRETCH * rounding:
        raise PhotoError(
            path,
            f"the mask is {mask_width} x {mask_height} pixels and its photo {width} x {height}; "
            "accepted: any size at the photo's aspect, upright as the photo is",
        )
    if mask.shape == (height, width):
        return mask
    resized = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(resized)


def divide(photos: Sequence[Photo], validation: str, seed: int) -> PhotoSet:
    """Choose the photos to measure on.

    Args:
        photos: all of them.
        validation: a share of the groups (``0.15``), chosen by ``seed``; or, of photos whose
            names are numbers, a range (``201-230``, both included).
        seed: start of the random choice.

    Raises:
        TransNetError: it is neither, or one of the two parts would be empty.
    """
    chosen = _RANGE.fullmatch(validation)
    if chosen:
        numbers = range(int(chosen[1]), int(chosen[2]) + 1)
        picked = [p for p in photos if p.name.isdecimal() and int(p.name) in numbers]
    else:
        picked = _share(photos, validation, seed)
    inside = {id(photo) for photo in picked}
    parts = PhotoSet(tuple(p for p in photos if id(p) not in inside), tuple(picked))
    if not parts.train or not parts.validation:
        raise TransNetError(
            f"--validation is {validation!r}, which leaves {len(parts.train)} photos to train and "
            f"{len(parts.validation)} to validate; accepted: a share between 0 and 1, or a range "
            f"of photos whose names are numbers, like 201-230 (first name: {photos[0].name!r})."
        )
    return parts


def _share(photos: Sequence[Photo], validation: str, seed: int) -> list[Photo]:
    try:
        share = float(validation)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise TransNetError(
            f"--validation is {validation!r}; accepted: a share between 0 and 1, or a range of "
            "photos whose names are numbers, like 201-230."
        )
    groups = sorted({photo.group for photo in photos})
    order = np.random.default_rng(seed).permutation(len(groups))
    count = min(max(1, round(share * len(groups))), len(groups) - 1)
    picked = {groups[index] for index in order[:count]}
    return [photo for photo in photos if photo.group in picked]
