"""The split of photos into a training and a validation part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transnet.data.photos.photo import Photo
from transnet.errors import TransNetError

_RANGE = re.compile(r"(\d+)-(\d+)")


@dataclass(frozen=True)
class PhotoSplit:
    """Photos, divided into those to train on and those to validate on."""

    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]


def divide(photos: Sequence[Photo], validation: str, seed: int) -> PhotoSplit:
    """Divide photos into a training and a validation part.

    Args:
        photos: all photos.
        validation: share of the groups to validate on (``0.15``), chosen at random; or, for photos
            whose names are numbers, an inclusive range (``201-230``).
        seed: of the random choice.

    Raises:
        TransNetError: ``validation`` is invalid, or one of the parts would be empty.
    """
    chosen = _RANGE.fullmatch(validation)
    if chosen:
        numbers = range(int(chosen[1]), int(chosen[2]) + 1)
        picked = [p for p in photos if p.name.isdecimal() and int(p.name) in numbers]
    else:
        picked = _share(photos, validation, seed)
    inside = {id(photo) for photo in picked}
    parts = PhotoSplit(tuple(p for p in photos if id(p) not in inside), tuple(picked))
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
