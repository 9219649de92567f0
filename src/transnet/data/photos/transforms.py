"""From a photo and its mask to what a network sees: one path to validate and to use, one to learn.

Unlike a clip's frame a photo is not cut square but squeezed into one, so that every pixel of it
gets an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from transnet.data.photos.photo import BACKGROUND, NEUTRAL, PERSON, MaskedPhoto
from transnet.data.video.frames import Pixels

_GRAY = 127
_HALF = 128


class PhotoView:
    """Prepares photos for a network.

    Args:
        size: height and width of what comes out, in pixels.
        mean: mean of RGB in 0..1, subtracted.
        std: standard deviation of RGB in 0..1, by which is divided.
    """

    def __init__(self, size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        self._mean, self._std = tuple(mean), tuple(std)
        self._squeeze = v2.Resize((size, size), antialias=True)
        self._move = v2.Compose([
            v2.RandomResizedCrop(size, scale=(0.2, 1.0), ratio=(0.6, 1.67), antialias=True),
            v2.RandomRotation(
                10, interpolation=v2.InterpolationMode.BILINEAR, fill=[_GRAY, _GRAY, _GRAY, 0, 0]
            ),
            v2.RandomHorizontalFlip(),
        ])  # fmt: skip
        self._color = v2.Compose([
            v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.04),
            v2.RandomGrayscale(0.1),
        ])  # fmt: skip

    def whole(self, frames: Pixels) -> Tensor:
        """uint8 pictures ``(N, H, W, 3)`` to normalized ones ``(N, 3, size, size)``."""
        planes = torch.tensor(frames).permute(0, 3, 1, 2)
        return self._normalized(self._squeeze(planes))

    def pair(self, photo: MaskedPhoto, seed: int | None = None) -> tuple[Tensor, Tensor]:
        """A photo to a normalized picture ``(3, size, size)`` and its mask ``(size, size)``.

        Args:
            photo: the photo.
            seed: chooses how it is varied; not varied if not given.
        """
        # The mask travels as two more channels of the picture, person and background, and so is
        # cropped, turned and resized exactly as it is. (As a mask, torchvision would take the
        # upper left one of the pixels that it joins, a shift of up to half a pixel.)
        planes = [*photo.pixels.transpose(2, 0, 1)]
        planes += [255 * (photo.mask == value).astype(np.uint8) for value in (PERSON, BACKGROUND)]
        image = tv_tensors.Image(np.stack(planes))
        if seed is None:
            image = self._squeeze(image)
            colors = image[:3]
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                image = self._move(_surrounded(image))
                colors = self._color(image[:3])
        person, background = image[3:].int()
        mask = torch.full(person.shape, NEUTRAL, dtype=torch.uint8)
        mask[background > _HALF] = BACKGROUND
        mask[person >= _HALF] = PERSON
        return self._normalized(colors.as_subclass(Tensor)), mask

    def _normalized(self, planes: Tensor) -> Tensor:
        return v2.functional.normalize(planes.float() / 255, list(self._mean), list(self._std))


def _surrounded(image: Tensor) -> Tensor:
    """A picture with its mirror image around it, a quarter of its size on each side.

    So people can become smaller, too: photos show them close up, videos often whole and far away.
    Plain borders would serve as well, but the batch norms would learn their statistics from them.
    """
    height, width = image.shape[1:]
    return v2.functional.pad(image, [width // 4, height // 4], padding_mode="symmetric")
