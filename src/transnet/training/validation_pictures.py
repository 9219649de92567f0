"""What the validation masks look like while a segmenter learns, in the TensorBoard log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image

from transnet.data.overlay import overlay
from transnet.data.photos import PERSON, MaskedPhoto, Photo
from transnet.data.preprocessing import Pixels

if TYPE_CHECKING:
    from transnet.inference.segmenter import PersonSegmenter

PHOTOS_SHOWN = 8
HEIGHT = 192


class ValidationPictures(Callback):
    """Writes one picture of some validation photos every few epochs.

    Args:
        segmenter: the network that learns, as one that answers.
        photos: the validation photos, of which a few are shown, always the same ones.
        every: epochs from one picture to the next.
    """

    def __init__(self, segmenter: PersonSegmenter, photos: Sequence[Photo], every: int) -> None:
        self._segmenter, self._every = segmenter, every
        shown = np.linspace(0, len(photos) - 1, min(PHOTOS_SHOWN, len(photos))).round().astype(int)
        self._photos = [photos[index] for index in shown]

    def on_validation_epoch_end(
        self, trainer: lightning.Trainer, _: lightning.LightningModule
    ) -> None:
        epoch = trainer.current_epoch + 1
        if epoch % self._every and epoch != trainer.max_epochs:
            return
        pictures = []
        for photo in self._photos:
            masked = shrunk(photo.read(), HEIGHT)
            found = self._segmenter.probabilities(masked.pixels[None])[0]
            pictures.append(overlay(masked.pixels, found, masked.mask == PERSON))
        strip = np.concatenate(pictures, axis=1)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("validation masks", strip, epoch, dataformats="HWC")


def shrunk(photo: MaskedPhoto, height: int) -> MaskedPhoto:
    """A photo and its mask at a height, in pixels."""
    width = max(1, round(photo.pixels.shape[1] * height / photo.pixels.shape[0]))

    def resized(values: Pixels, kind: Image.Resampling) -> Pixels:
        return np.asarray(Image.fromarray(values).resize((width, height), kind))

    return MaskedPhoto(
        resized(photo.pixels, Image.Resampling.BILINEAR),
        resized(photo.mask, Image.Resampling.NEAREST),
    )
