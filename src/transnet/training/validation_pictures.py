"""Pictures of validation masks during a pretraining, for the log and the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger

from transnet.data.photos.photo import PERSON, MaskedPhoto, Photo
from transnet.data.video.frames import Pixels
from transnet.reports.overlays import mask_overlay
from transnet.utils.files import written_whole
from transnet.utils.spacing import evenly_spaced

if TYPE_CHECKING:
    from transnet.inference.segmenter import PersonSegmenter

PHOTOS_SHOWN = 8
HEIGHT = 192

_FOLDER = Path("logs/masks")


class ValidationPictures(Callback):
    """Draws the masks of a few validation photos every few epochs.

    Each picture goes to the TensorBoard log, if there is one, and to a file, which
    :func:`saved_pictures` reads.

    Args:
        segmenter: the network in training.
        photos: the validation photos; the same eight are drawn each time.
        every: epochs from one picture to the next.
        run: the folder of the pretraining.
    """

    def __init__(
        self, segmenter: PersonSegmenter, photos: Sequence[Photo], every: int, run: Path
    ) -> None:
        self._segmenter, self._every = segmenter, every
        self._folder = run / _FOLDER
        self._photos = evenly_spaced(photos, PHOTOS_SHOWN)

    def on_validation_epoch_end(self, trainer: Trainer, _: LightningModule) -> None:
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


def saved_pictures(run: Path, count: int) -> list[tuple[int, Pixels]]:
    """At most ``count`` pictures of a pretraining, evenly spaced, each with its epoch, from 1."""
    paths = sorted((run / _FOLDER).glob("*.jpg"))
    chosen = evenly_spaced(paths, count)
    return [(int(path.stem), np.asarray(Image.open(path, formats=["JPEG"]))) for path in chosen]


def shrunk(photo: MaskedPhoto, height: int) -> MaskedPhoto:
    """Resize a photo and its mask to a height in pixels."""
    width = max(1, round(photo.pixels.shape[1] * height / photo.pixels.shape[0]))

    def resized(values: Pixels, kind: Image.Resampling) -> Pixels:
        return np.asarray(Image.fromarray(values).resize((width, height), kind))

    return MaskedPhoto(
        resized(photo.pixels, Image.Resampling.BILINEAR),
        resized(photo.mask, Image.Resampling.NEAREST),
    )
