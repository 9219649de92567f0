"""From a photo and its mask to the input and the target of a segmenter, with augmentation.

Unlike the frame of a clip, a photo is not cropped to a square but resized to one, so that every
pixel of it gets a prediction.
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


class PhotoTransform:
    """Resizes, augments and normalizes photos and their masks.

    Args:
        size: height and width of the output in pixels.
        mean: mean of RGB in 0..1.
        std: standard deviation of RGB in 0..1.
    """

    def __init__(self, size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        self._mean, self._std = tuple(mean), tuple(std)
        self._squeeze = v2.Resize((size, size), antialias=True)
        bilinear, fill = v2.InterpolationMode.BILINEAR, [_GRAY, _GRAY, _GRAY, 0, 0]
        crop = v2.RandomResizedCrop(size, scale=(0.2, 1.0), ratio=(0.6, 1.67), antialias=True)
        rotate = v2.RandomRotation(10, interpolation=bilinear, fill=fill)
        self._move = v2.Compose([crop, rotate, v2.RandomHorizontalFlip()])
        jitter = v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.04)
        self._color = v2.Compose([jitter, v2.RandomGrayscale(0.1)])

    def whole(self, frames: Pixels) -> Tensor:
        """Resize and normalize uint8 photos ``(N, H, W, 3)`` to float32 ``(N, 3, size, size)``."""
        planes = torch.tensor(frames).permute(0, 3, 1, 2)
        return self._normalized(self._squeeze(planes))

    def pair(self, photo: MaskedPhoto, seed: int | None = None) -> tuple[Tensor, Tensor]:
        """A photo as input, float32 ``(3, size, size)``, and target, uint8 ``(size, size)``.

        Args:
            photo: the photo.
            seed: of the augmentation; no augmentation if not given.
        """
        # The mask becomes two more channels of the photo, person and background, which are
        # cropped, rotated and resized exactly alike. (For a mask, torchvision resizes by nearest
        # neighbor, a shift of up to half a pixel.)
        planes = [*photo.pixels.transpose(2, 0, 1)]
        planes += [255 * (photo.mask == value).astype(np.uint8) for value in (PERSON, BACKGROUND)]
        image = tv_tensors.Image(np.stack(planes))
        if seed is None:
            image = self._squeeze(image)
            colors = image[:3]
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                image = self._move(_padded(image))
                colors = self._color(image[:3])
        person, background = image[3:].int()
        mask = torch.full(person.shape, NEUTRAL, dtype=torch.uint8)
        mask[background > _HALF] = BACKGROUND
        mask[person >= _HALF] = PERSON
        return self._normalized(colors.as_subclass(Tensor)), mask

    def _normalized(self, planes: Tensor) -> Tensor:
        return v2.functional.normalize(planes.float() / 255, list(self._mean), list(self._std))


def _padded(image: Tensor) -> Tensor:
    """Pad a photo by its mirror image, a quarter of its size on each side.

    This lets people become smaller: photos show them close up, videos often far away. Constant
    padding would distort the statistics of batch norms.
    """
    height, width = image.shape[1:]
    return v2.functional.pad(image, [width // 4, height // 4], padding_mode="symmetric")
