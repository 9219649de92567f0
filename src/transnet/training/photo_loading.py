"""Batches of photos with masks, and the check that every photo can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from transnet.config import PretrainingConfig
from transnet.data.broken import check_broken
from transnet.data.photos.photo import PERSON, Photo
from transnet.data.photos.split import PhotoSplit
from transnet.data.photos.transforms import PhotoTransform
from transnet.errors import FileError, TransNetError
from transnet.training.samplers import (
    FIXED_VIEW,
    Draw,
    EpochSampler,
    FixedSampler,
    drops_last,
)
from transnet.utils.reading import read_many


class MaskedPhotos(Dataset[Any]):
    """Normalized photos ``(3, size, size)`` and their masks, read on access.

    Args:
        photos: the photos.
        view: resizes, augments and normalizes them.
        paste: share of the augmented photos whose people are pasted onto another photo, 0..1
            (Ghiasi et al., Simple Copy-Paste, 2021): more scenes from few photos, and a background
            that says nothing about the shape.
    """

    def __init__(self, photos: Sequence[Photo], view: PhotoTransform, paste: float = 0.0) -> None:
        self._photos, self._view, self._paste = photos, view, paste

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        index, chosen = draw
        photo = self._photos[index].read()
        if chosen == FIXED_VIEW:
            return self._view.pair(photo)
        picture, mask = self._view.pair(photo, chosen)
        rng = np.random.default_rng(chosen)
        if rng.random() >= self._paste:
            return picture, mask
        scene = self._photos[int(rng.integers(len(self._photos)))].read()
        behind, behind_mask = self._view.pair(scene, int(rng.integers(2**31)))
        person = mask == PERSON
        return torch.where(person, picture, behind), torch.where(person, mask, behind_mask)


def photo_loader(
    photos: Sequence[Photo], view: PhotoTransform, config: PretrainingConfig, *, training: bool
) -> DataLoader[Any]:
    """Batches of augmented photos for training, or of plain photos for validation."""
    count = len(photos)
    return DataLoader(
        MaskedPhotos(photos, view, config.paste),
        batch_size=config.batch_size,
        sampler=EpochSampler(count, seed=config.seed) if training else FixedSampler(count),
        drop_last=training and drops_last(count, config.batch_size),
        num_workers=config.workers,
        persistent_workers=config.workers > 0,
        worker_init_fn=_one_thread,
    )


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)  # the training uses the others


def readable_photos(photos: PhotoSplit, config: PretrainingConfig) -> PhotoSplit:
    """Read every photo once, to find broken ones before the training starts.

    Raises:
        TransNetError: too many are broken, or no photo shows a person.
    """
    members = (*photos.train, *photos.validation)
    broken: dict[Photo, FileError] = {}
    people = 0

    def shows_person(photo: Photo) -> bool:
        return bool((photo.read().mask == PERSON).any())

    checked = read_many(
        members,
        shows_person,
        workers=max(1, config.workers),
        title="checking the photos",
        unit="photos",
    )
    for photo, result in checked:
        if isinstance(result, FileError):
            broken[photo] = result
        else:
            people += result
    check_broken(broken, len(members), config.max_broken, "They are left out.", "photos")
    if not people:
        raise TransNetError(
            f"no mask of the {len(members)} photos shows a person, so there is nothing to learn; "
            "accepted: masks in which people are white, or objects of class person_bmp or "
            "person_poly."
        )
    return replace(
        photos,
        train=tuple(photo for photo in photos.train if photo not in broken),
        validation=tuple(photo for photo in photos.validation if photo not in broken),
    )
