"""Folders of photos and masks: ``DATA/images/anna.jpg``, ``DATA/masks/anna.png``.

``DATA/train`` and ``DATA/validation``, each such a folder, define the split.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transnet.config import PretrainingConfig
from transnet.data.photos.image_files import pictures_below, read_picture, read_silhouette
from transnet.data.photos.photo import MaskedPhoto, Photo, fit_mask
from transnet.data.photos.split import PhotoSplit, divide
from transnet.errors import PhotoError, TransNetError

LAYOUT = "a folder with images/ and masks/ (DATA/images/anna.jpg, DATA/masks/anna.png)"

HALF = 127
"""Brighter pixels of a mask are people."""


@dataclass(frozen=True)
class FilePhoto:
    """A photo and its mask, each a file.

    In the mask people are white, or 1 and the background 0, or the opaque part of a cut-out.
    """

    name: str
    photo: Path
    mask: Path

    @property
    def group(self) -> str:
        return self.name

    def read(self) -> MaskedPhoto:
        pixels = read_picture(self.photo)
        silhouette = read_silhouette(self.mask, self.mask)
        brightest = int(silhouette.max(initial=0))
        if 1 < brightest <= HALF:
            raise PhotoError(
                self.mask,
                f"has no white, its brightest value is {brightest}; accepted: masks in which "
                "people are white (255), or 0 and 1 (numbered people: make all of them white)",
            )
        half = HALF if brightest > 1 else 0
        person = (silhouette > half).astype(np.uint8)
        return MaskedPhoto(pixels, fit_mask(person, pixels, self.mask))


def read_masked_photos(root: Path, validation: str, seed: int) -> PhotoSplit:
    """List the photos of a folder; no photo is opened.

    Args:
        root: the folder.
        validation: see :func:`~transnet.data.photos.split.divide`; must be the default for a
            folder with its own split.
        seed: of the random choice.

    Raises:
        TransNetError: the folder has another layout, a photo has no mask, or ``validation``
            conflicts with the folder's own split.
    """
    if (root / "train").is_dir() and (root / "validation").is_dir():
        if validation != PretrainingConfig.validation:
            raise TransNetError(
                f"--validation is {validation!r}, but {root} has its own split, train/ and "
                "validation/; omit --validation, or use a folder without a split."
            )
        return PhotoSplit(_pairs(root / "train"), _pairs(root / "validation"))
    return divide(_pairs(root), validation, seed)


def _pairs(folder: Path) -> tuple[Photo, ...]:
    images, masks = folder / "images", folder / "masks"
    if not images.is_dir() or not masks.is_dir():
        hint = ""
        if any(folder.glob("*/ann")):
            hint = f" This looks like a Supervisely project: supervisely:{folder}"
        raise TransNetError(f"DATA is {str(folder)!r}; accepted: {LAYOUT}.{hint}")
    by_name = {_name(path, masks): path for path in pictures_below(masks)}
    photos = pictures_below(images)
    if not photos:
        raise TransNetError(f"{images} holds no picture; accepted: {LAYOUT}.")
    missing = [path for path in photos if _name(path, images) not in by_name]
    if missing:
        raise TransNetError(
            f"{len(missing)} of {len(photos)} photos have no mask (first: {missing[0]}); accepted: "
            f"for each a mask of the same name in {masks}."
        )
    return tuple(FilePhoto(name := _name(path, images), path, by_name[name]) for path in photos)


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()
