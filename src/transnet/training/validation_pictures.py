"""What the validation masks look like while a segmenter learns: in the log and in the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image

from transnet.data.photos.photo import PERSON, MaskedPhoto, Photo
from transnet.data.video.frames import Pixels
from transnet.reports.overlays import mask_overlay
from transnet.utils.files import written_whole

if TYPE_CHECKING:
    from transnet.inference.segmenter import PersonSegmenter

PHOTOS_SHOWN = 8
HEIGHT = 192

_FOLDER = Path("logs/masks")


class ValidationPictures(Callback):
    """Makes one picture of some validation photos every few epochs.

    It goes to the TensorBoard log and to a file that :func:`pictures_so_far` finds.

    Args:
        segmenter: the network that learns, as one that answers.
        photos: the validation photos, of which a few are shown, always the same ones.
        every: epochs from one picture to the next.
        run: the folder of the pretraining.
    """

    def __init__(
        self, segmenter: PersonSegmenter, photos: Sequence[Photo], every: int, run: Path
    ) -> None:
        self._segmenter, self._every = segmenter, every
        self._folder = run / _FOLDER
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
            pictures.append(mask_overlay(masked.pixels, found, masked.mask == PERSON))
        strip = np.concatenate(pictures, axis=1)
        self._folder.mkdir(parents=True, exist_ok=True)
        with written_whole(self._folder / f"{epoch:05}.jpg") as path:
            Image.fromarray(strip).save(path, "JPEG", quality=80)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("validation masks", strip, epoch, dataformats="HWC")


def pictures_so_far(run: Path, count: int) -> list[tuple[int, Pixels]]:
    """Some of the pictures of a pretraining, evenly chosen, each with its epoch, from 1."""
    paths = sorted((run / _FOLDER).glob("*.jpg"))
    chosen = np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int)
    return [(int(paths[index].stem), np.asarray(Image.open(paths[index]))) for index in chosen]


def shrunk(photo: MaskedPhoto, height: int) -> MaskedPhoto:
    """A photo and its mask at a height, in pixels."""
    width = max(1, round(photo.pixels.shape[1] * height / photo.pixels.shape[0]))

    def resized(values: Pixels, kind: Image.Resampling) -> Pixels:
        return np.asarray(Image.fromarray(values).resize((width, height), kind))

    return MaskedPhoto(
        resized(photo.pixels, Image.Resampling.BILINEAR),
        resized(photo.mask, Image.Resampling.NEAREST),
    )
